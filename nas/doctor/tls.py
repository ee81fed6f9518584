"""The certificate that a registry shows through the proxy.

Nobody can expect openssl on a NAS. Its nc carries the bytes over SSH, and TLS is spoken here: the
proxy sees what it would see of a pull.
"""

from __future__ import annotations

import os
import select
import shlex
import ssl
import subprocess
import time
from dataclasses import dataclass

from nas.daemon_proxy import DaemonProxy
from nas.doctor.certificates import read_certificate
from nas.doctor.evidence import Tls
from nas.facts import ssh_command
from nas.home import expand
from nas.ssh import SshTarget


def certificate_through(
    target: SshTarget, daemon: DaemonProxy, registry: str, ca_file: str | None, deadline: float
) -> Tls:
    """Who signed the certificate of `registry` (`host:port`), and whether that is trusted."""
    if daemon.url.scheme != "http":
        return Tls(why_not="the proxy itself speaks TLS")
    until = time.monotonic() + deadline
    strict = ssl.create_default_context()
    if ca_file is not None:
        try:
            strict.load_verify_locations(expand(ca_file))
        except (OSError, ssl.SSLError) as error:
            return Tls(why_not=f"{ca_file}: {error}")
    elif not strict.get_ca_certs() and ssl.get_default_verify_paths().capath is None:
        return Tls(why_not="this machine has no CA certificates to compare with")
    try:
        return Tls(_issuer(target, daemon, registry, strict, until), True)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code not in _STRANGERS:
            return Tls(why_not=error.verify_message)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Tls(why_not=str(error) or type(error).__name__)
    lenient = ssl.create_default_context()
    lenient.check_hostname = False
    lenient.verify_mode = ssl.CERT_NONE
    try:
        return Tls(_issuer(target, daemon, registry, lenient, until), False)
    except (OSError, ValueError, subprocess.SubprocessError):
        return Tls(trusted=False)


_STRANGERS = (2, 18, 19, 20, 21)
"""OpenSSL's verify codes for a signer that is not known."""


def _issuer(
    target: SshTarget,
    daemon: DaemonProxy,
    registry: str,
    context: ssl.SSLContext,
    until: float,
) -> str:
    line = f"nc {shlex.quote(daemon.url.host)} {daemon.url.port}"
    with subprocess.Popen(
        ssh_command(target, line),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    ) as carrier:
        try:
            pipe = _Pipe(carrier, until)
            pipe.connect(registry, daemon.authorization)
            return read_certificate(pipe.handshake(context, registry.rpartition(":")[0])).issuer
        finally:
            carrier.kill()


@dataclass
class _Pipe:
    """The bytes to the proxy and back."""

    carrier: subprocess.Popen[bytes]
    until: float

    def connect(self, registry: str, authorization: str) -> None:
        """Has the proxy connect to `registry`.

        Raises:
            OSError: when it does not.
        """
        login = f"Proxy-Authorization: {authorization}\r\n" if authorization else ""
        self._send(f"CONNECT {registry} HTTP/1.1\r\nHost: {registry}\r\n{login}\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self._receive()
        status = answer.split(b"\r\n", 1)[0].decode(errors="replace")
        if " 200" not in status:
            raise OSError(f"the proxy answers '{status}'")

    def handshake(self, context: ssl.SSLContext, name: str) -> bytes:
        """The certificate of the other end, as DER."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_hostname=name)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._send(outgoing.read())
                incoming.write(self._receive())
                continue
            return tls.getpeercert(binary_form=True) or b""

    def _send(self, data: bytes) -> None:
        assert self.carrier.stdin is not None
        self.carrier.stdin.write(data)

    def _receive(self) -> bytes:
        assert self.carrier.stdout is not None
        left = max(0.0, self.until - time.monotonic())
        ready, _, _ = select.select([self.carrier.stdout], [], [], left)
        if not ready:
            raise TimeoutError("no answer in time")
        data = os.read(self.carrier.stdout.fileno(), 65536)
        if not data:
            raise OSError("the connection to the proxy ended")
        return data
