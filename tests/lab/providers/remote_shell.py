"""One command on one SSH connection, as the official `command` provider runs it.

Facts kept from its source (pulumi-command 1.2.1, remote/connection.go and commandOutputs.go): every
run dials anew; failed dials, bad logins included, are tried again up to `dialErrorLimit` times;
`perDialTimeout` bounds the TCP connect; without `hostKey` any host key is taken; the private key
wins over the agent, but an agent socket that cannot be reached is an error at once; environment
variables go by SSH `setenv`; no PTY; standard input ends after the given text.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import asyncssh
from asyncssh.packet import String

from .plugin import PluginError, quoted

_RSA = "ssh-rsa"
_FIRST_DELAY, _DELAY_FACTOR, _LONGEST_DELAY = 0.1, 1.5, 5.0  # seconds, as the official retries

Line = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Connection:
    """The `connection` input (or its `proxy`) with its defaults filled in."""

    host: str
    port: int
    user: str
    password: str | None = None
    private_key: str | None = None
    private_key_password: str | None = None
    agent_socket_path: str | None = None
    host_key: str | None = None
    dial_error_limit: int = 10
    per_dial_timeout: float = 15.0
    proxy: Connection | None = None

    @staticmethod
    def parse(plain: Mapping[str, Any]) -> Connection:
        """From the provider's own spelling; every value is already known."""
        proxy = plain.get("proxy")
        return Connection(
            host=plain["host"],
            port=int(plain.get("port", 22)),
            user=plain.get("user", "root"),
            password=plain.get("password"),
            private_key=plain.get("privateKey"),
            private_key_password=plain.get("privateKeyPassword"),
            agent_socket_path=plain.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK"),
            host_key=plain.get("hostKey"),
            dial_error_limit=int(plain.get("dialErrorLimit", 10)),
            per_dial_timeout=float(plain.get("perDialTimeout", 15)),
            proxy=Connection.parse(proxy) if proxy else None,
        )


@dataclass
class Run:
    """What to run and how to tell about it."""

    command: str
    stdin: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    # Variables that may be refused: a refusal is a warning, not an error.
    hints: Mapping[str, str] = field(default_factory=dict)
    log_stdout: bool = True
    log_stderr: bool = True


class EnvironmentRefusedError(PluginError):
    """The server does not take an environment variable."""

    def __init__(self, name: str) -> None:
        super().__init__(f"could not set environment variable {quoted(name)}: ssh: setenv failed")
        self.name = name


async def run(
    connection: Connection, what: Run, *, status: Line, refused_hint: Line
) -> tuple[str, str]:
    """Run `what` and return its stdout and stderr, each without one last newline.

    `status` gets each line of output that is to be logged, and the retries of the dialling;
    `refused_hint` gets the name of each refused hint. Raises PluginError with the command and all
    that it printed when it fails, and when no connection can be made.
    """
    async with _dialled(connection, status) as ssh:
        return await _run_on(ssh, what, status=status, refused_hint=refused_hint)


async def _run_on(
    ssh: asyncssh.SSHClientConnection, what: Run, *, status: Line, refused_hint: Line
) -> tuple[str, str]:
    session = _Session(what)
    channel, _ = await ssh.create_session(lambda: session, what.command, encoding=None)
    shower = asyncio.ensure_future(_show(session.lines, status))
    try:
        for name in session.refused_hints:
            await refused_hint(name)
        with contextlib.suppress(OSError):  # a command may end without reading its input
            channel.write(what.stdin.encode())
            channel.write_eof()
        await session.ended
    finally:
        session.lines.put_nowait(None)
        await shower
    problem = _problem(channel)
    if problem:
        everything = _text(session.everything)
        raise PluginError(f"{problem}: running {quoted(what.command)}:\n{everything}")
    return _text(session.stdout).removesuffix("\n"), _text(session.stderr).removesuffix("\n")


def _problem(channel: asyncssh.SSHClientChannel[bytes]) -> str:
    """What Go's ssh package says of a command that did not end with status 0; else nothing."""
    killed = channel.get_exit_signal()
    if killed is not None:
        name, _, message, _ = killed
        number = getattr(signal, f"SIG{name}", 0)
        reason = f". Reason was: {message}" if message else ""
        return f"Process exited with status {128 + number} from signal {name}{reason}"
    code = channel.get_exit_status()
    if code is None:
        return "wait: remote command exited without exit status or exit signal"
    return f"Process exited with status {code}" if code else ""


class _Session(asyncssh.SSHClientSession[bytes]):
    """Collects what a command prints, in order, and hands out the lines to log."""

    def __init__(self, what: Run) -> None:
        self._what = what
        self._partial = b""
        self.stdout = bytearray()
        self.stderr = bytearray()
        self.everything = bytearray()
        self.lines: asyncio.Queue[str | None] = asyncio.Queue()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.refused_hints: list[str] = []

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        # asyncssh sends `env` requests without asking for an answer, so a refusal would go unseen.
        # They are sent here instead, just before the `exec` request, each with its answer.
        request = chan._make_request

        async def with_environment(kind: bytes, *args: bytes) -> bool | None:
            if kind == b"exec":
                for name, value in self._what.environment.items():
                    if not await request(b"env", String(name), String(value)):
                        raise EnvironmentRefusedError(name)
                for name, value in self._what.hints.items():
                    if not await request(b"env", String(name), String(value)):
                        self.refused_hints.append(name)
            return await request(kind, *args)

        setattr(chan, "_make_request", with_environment)  # noqa: B010

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self.everything += data
        errors = datatype == asyncssh.EXTENDED_DATA_STDERR
        if errors:
            self.stderr += data
        else:
            self.stdout += data
        if self._what.log_stderr if errors else self._what.log_stdout:
            *whole, self._partial = (self._partial + data).split(b"\n")
            for line in whole:
                self.lines.put_nowait(_text(line))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._partial:
            self.lines.put_nowait(_text(self._partial))
        if not self.ended.done():
            self.ended.set_result(None)


async def _show(lines: asyncio.Queue[str | None], status: Line) -> None:
    while (line := await lines.get()) is not None:
        await status(line)


@contextlib.asynccontextmanager
async def _dialled(
    connection: Connection, status: Line
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    proxy = connection.proxy
    async with contextlib.AsyncExitStack() as opened:
        if proxy is None:
            ssh = await _retried("Dial", connection, status, lambda: _dial(connection))
        else:
            try:
                hop = await _retried("Dial proxy", proxy, status, lambda: _dial(proxy))
                await opened.enter_async_context(hop)
                ssh = await _retried("Dial", connection, status, lambda: _dial(connection, hop))
            except PluginError as error:
                raise PluginError(f"proxy: {error}") from error
        yield await opened.enter_async_context(ssh)


async def _retried(
    what: str,
    connection: Connection,
    status: Line,
    dial: Callable[[], Awaitable[asyncssh.SSHClientConnection]],
) -> asyncssh.SSHClientConnection:
    limit, delay, failures = connection.dial_error_limit, _FIRST_DELAY, 0
    while True:
        try:
            return await dial()
        except _DialError as error:
            if -1 < limit < failures + 1:
                raise PluginError(f"after {failures} failed attempts: {error}") from error
        failures += 1
        await status(f"{what} {failures}/{'inf' if limit == -1 else limit} failed: retrying")
        await asyncio.sleep(delay)
        delay = min(delay * _DELAY_FACTOR, _LONGEST_DELAY)


class _DialError(Exception):
    """One attempt failed; another may not."""


async def _dial(
    connection: Connection, hop: asyncssh.SSHClientConnection | None = None
) -> asyncssh.SSHClientConnection:
    """One attempt, with Go's wording of what went wrong."""
    keys, host_keys = await _keys(connection), _host_keys(connection)
    endpoint: dict[str, Any] = {"host": connection.host, "port": connection.port}
    if host_keys:
        # Of an RSA key this leaves only the SHA-1 signature, which current servers do not offer.
        endpoint["server_host_key_algs"] = [key.get_algorithm() for key in host_keys]
    if hop is None:
        endpoint["sock"] = await _tcp(connection)
    else:
        endpoint["tunnel"] = hop
    try:
        return await asyncssh.connect(
            **endpoint,
            config=None,
            username=connection.user,
            client_keys=keys or None,
            password=connection.password,
            client_factory=lambda: _Answers(connection.password),
            preferred_auth=["publickey", "password", "keyboard-interactive"],
            agent_path=None,
            gss_host=None,
            known_hosts=(host_keys, [], []) if host_keys else None,
        )
    except asyncssh.HostKeyNotVerifiable:
        raise _DialError("ssh: handshake failed: ssh: host key mismatch") from None
    except asyncssh.PermissionDenied:
        tried = ["none", *["publickey"] * bool(keys)]
        tried += ["password", "keyboard-interactive"] * (connection.password is not None)
        raise _DialError(
            "ssh: handshake failed: ssh: unable to authenticate, attempted methods "
            f"[{' '.join(tried)}], no supported methods remain"
        ) from None
    except asyncssh.ChannelOpenError as error:
        raise _DialError(f"ssh: rejected: connect failed ({error.reason})") from error
    except (asyncssh.Error, OSError) as error:
        reason = str(error)
        if _RSA in endpoint.get("server_host_key_algs", ()):
            reason = f"ssh: no common algorithm for host key; we offered: [{_RSA}]"
        raise _DialError(f"ssh: handshake failed: {reason}") from error


async def _tcp(connection: Connection) -> socket.socket:
    where = f"dial tcp {connection.host}:{connection.port}"
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(connection.per_dial_timeout or None):
            found = await loop.getaddrinfo(
                connection.host, connection.port, type=socket.SOCK_STREAM
            )
            problem: OSError = OSError("no address")
            for family, kind, protocol, _, address in found:
                sock = socket.socket(family, kind, protocol)
                sock.setblocking(False)
                try:
                    await loop.sock_connect(sock, address)
                except OSError as error:
                    sock.close()
                    problem = error
                except BaseException:
                    sock.close()
                    raise
                else:
                    return sock
            raise problem
    except TimeoutError:
        raise _DialError(f"{where}: i/o timeout") from None
    except socket.gaierror:
        raise _DialError(f"dial tcp: lookup {connection.host}: no such host") from None
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise _DialError(f"{where}: connect: {reason}") from error


async def _keys(connection: Connection) -> list[Any]:
    """What to log in with. What is wrong here is wrong for good: PluginError, no retries."""
    agent: list[Any] = []
    if connection.agent_socket_path:
        try:
            client = await asyncssh.connect_agent(connection.agent_socket_path)
            agent = list(await client.get_keys())
        except (OSError, ValueError, asyncssh.Error) as error:
            number = error.errno if isinstance(error, OSError) else None
            raise PluginError(
                f"dial unix {connection.agent_socket_path}: connect: "
                f"{os.strerror(number).lower() if number else error}"
            ) from error
    if connection.private_key is None:
        return agent
    password = connection.private_key_password
    try:
        return [asyncssh.import_private_key(connection.private_key, password)]
    except asyncssh.KeyEncryptionError as error:
        raise PluginError(
            f"the lab's stand-in for the provider `command` cannot read this private key: {error}"
        ) from error
    except asyncssh.KeyImportError as error:
        if "assphrase" in str(error):
            raise PluginError("ssh: this private key is passphrase protected") from error
        raise PluginError("ssh: no key found") from error


def _host_keys(connection: Connection) -> list[asyncssh.SSHKey]:
    if connection.host_key is None:
        return []
    try:
        return [asyncssh.import_public_key(connection.host_key)]
    except asyncssh.KeyImportError:
        raise PluginError("failed to parse host key: ssh: no key found") from None


class _Answers(asyncssh.SSHClient):
    """Gives the password as the answer to every question."""

    def __init__(self, password: str | None) -> None:
        self._password = password

    def kbdint_auth_requested(self) -> str | None:
        return None if self._password is None else ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Any
    ) -> list[str] | None:
        return [self._password or "" for _ in prompts]


def _text(data: bytes | bytearray) -> str:
    return data.decode(errors="replace")
