"""A Docker API client for one `host`: a local socket, plain TCP, or `ssh://` as Docker does it.

`ssh://` follows docker/cli's connhelper (v28): every HTTP connection is one local `ssh` process
with the API on its standard input and output,
`ssh -l USER -p PORT SSH_OPTS... "-o ConnectTimeout=30" -T -- HOST "docker system dial-stdio"`.
"""

from __future__ import annotations

import contextlib
import http.client
import shlex
import socket
import subprocess
import threading
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import docker
import docker.errors
import requests.exceptions
import urllib3.connection
import urllib3.connectionpool
from docker.transport.basehttpadapter import BaseHTTPAdapter

from .plugin import PluginError

# docker.APIClient; its published types lack the low-level calls that are used here.
Client = Any

DOCKER_ERRORS = (docker.errors.DockerException, requests.exceptions.RequestException)

# Pulls, stops and waits take as long as they take; the official provider gives each 20 minutes.
_TIMEOUT = 1200  # seconds
_STDERR_KEPT = 4096
# What the official provider's Docker client (v28) knows; newer daemons answer that version too.
_NEWEST_API = "1.51"


def connect(host: str, ssh_opts: Sequence[str], *, check_daemon: bool) -> Client:
    """A client whose API version is what both sides know. Raises PluginError as Docker words it."""
    client: Client
    # Any fixed version keeps the constructor from connecting before the ssh adapter is there.
    settings: dict[str, Any] = {"version": "1.41", "timeout": _TIMEOUT}
    try:
        if host.startswith("ssh://"):
            client = docker.APIClient("tcp://docker.example.com:80", **settings)
            client.trust_env = False
            client.mount("http://", _DialStdioAdapter(ssh_command(host, ssh_opts)))
        else:
            client = docker.APIClient(host, **settings)
        if check_daemon:
            client.ping()
        offered = client._retrieve_server_version()
        client._version = min(offered, _NEWEST_API, key=_numbers)
    except DOCKER_ERRORS as error:
        raise PluginError(
            "failed to create Docker client: Error pinging Docker server, please make sure that "
            f"{host} is reachable and has a  '_ping' endpoint. Error: {explain(error)}"
        ) from error
    return client


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def ssh_command(host: str, ssh_opts: Sequence[str]) -> list[str]:
    """The argument vector that reaches the daemon of an `ssh://` host."""
    url = urlsplit(host)
    try:
        port = url.port
    except ValueError as error:
        raise PluginError(f"ssh host connection is not valid: {error}") from error
    if url.password is not None:
        raise PluginError(
            "ssh host connection is not valid: invalid SSH URL: "
            "plain-text password is not supported"
        )
    if not url.hostname:
        raise PluginError("ssh host connection is not valid: invalid SSH URL: hostname is empty")
    flags = list(ssh_opts)
    if "ConnectTimeout" not in "".join(flags):
        flags.append("-o ConnectTimeout=30")
    if "-T" not in flags:
        flags.append("-T")
    remote = ["docker", "system", "dial-stdio"]
    if url.path.strip("/"):
        remote.insert(1, f"--host=unix://{url.path}")
    command = ["ssh"]
    if url.username:
        command += ["-l", url.username]
    if port:
        command += ["-p", str(port)]
    return [*command, *flags, "--", url.hostname, " ".join(shlex.quote(word) for word in remote)]


def explain(error: BaseException) -> str:
    """What the daemon said, or what went wrong on the way to it."""
    if isinstance(error, docker.errors.APIError):
        return f"Error response from daemon: {error.explanation or error}"
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, _DialStdioError):
            return f"error during connect: {cause}"
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
    return str(error)


def post(client: Client, path: str, body: dict[str, Any], problem: str) -> Any:
    """Post JSON and return the JSON answer; PluginError with `problem` in front."""
    try:
        return client._result(client._post_json(client._url(path), data=body), json=True)
    except DOCKER_ERRORS as error:
        raise PluginError(f"{problem}: {explain(error)}") from error


def label_map(labels: list[dict[str, str]] | None) -> dict[str, str] | None:
    """Labels as Docker takes them."""
    return {entry["label"]: entry["value"] for entry in labels or []} or None


def label_list(labels: dict[str, str] | None) -> list[dict[str, str]]:
    """Labels as the provider's properties have them."""
    return [{"label": label, "value": value} for label, value in (labels or {}).items()]


class _DialStdioError(OSError):
    """The ssh process ended without serving the request."""


class _DialStdioConnection(urllib3.connection.HTTPConnection):
    """One HTTP connection over the standard streams of one process."""

    def __init__(self, command: Sequence[str]) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._stderr = bytearray()
        self._asking = False
        self._reader: threading.Thread | None = None

    def connect(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=subprocess.PIPE,
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise _DialStdioError(f'exec: "{self._command[0]}": {error.strerror}') from error
        self._reader = threading.Thread(target=self._drain, args=(self._process,), daemon=True)
        self._reader.start()
        ours.settimeout(_TIMEOUT)
        self.sock = ours

    def _drain(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr as stream:
            for line in stream:
                self._stderr += line
                del self._stderr[:-_STDERR_KEPT]

    def getresponse(self) -> Any:
        # The library closes a connection that breaks; the process must be left to say why.
        self._asking = True
        try:
            return super().getresponse()
        except (http.client.HTTPException, ConnectionError) as error:
            raise _DialStdioError(self._said() or str(error)) from error
        finally:
            self._asking = False

    def _said(self) -> str:
        """How the process ended and what it wrote, when it ended badly."""
        if self._process is None or self._reader is None:
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._end()
        self._reader.join(1)
        code = self._process.returncode
        if not code:
            return ""
        how = f"exit status {code}" if code > 0 else f"signal {-code}"
        return (
            f"command [{' '.join(self._command)}] has exited with {how}, make sure the URL is "
            "valid, and Docker 18.09 or later is installed on the remote host: "
            f"stderr={self._stderr.decode(errors='replace')}"
        )

    def close(self) -> None:
        super().close()
        if not self._asking:
            self._end()

    def _end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(3)


class _DialStdioPool(urllib3.connectionpool.HTTPConnectionPool):
    def __init__(self, command: Sequence[str]) -> None:
        super().__init__("localhost", timeout=_TIMEOUT, maxsize=10)
        self._command = command

    def _new_conn(self) -> Any:
        return _DialStdioConnection(self._command)


class _DialStdioAdapter(BaseHTTPAdapter):
    """Sends every request of a session over connections of one pool."""

    def __init__(self, command: Sequence[str]) -> None:
        self._pool = _DialStdioPool(command)
        super().__init__()

    def get_connection(self, url: str | bytes, proxies: Any = None) -> _DialStdioPool:
        return self._pool

    def close(self) -> None:
        super().close()
        self._pool.close()
