"""The certificate that a registry shows through the proxy.

Nobody can expect openssl on a NAS. Its nc carries a greeting that was made here and brings back
what the registry says to it, in one round trip; it is judged here. The proxy sees what it would see
of a pull.
"""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass

from nas.certificate_reader import read_certificate
from nas.home import expand


@dataclass(frozen=True)
class Tls:
    """The certificate that a registry shows through the proxy.

    Attributes:
        issuer: who signed it, empty when it could not be seen.
        trusted: by the system's CAs of this machine or `caCertificatesFile`; None: not told.
        why_not: why it could not be asked for.
    """

    issuer: str = ""
    trusted: bool | None = None
    why_not: str = ""


class NoGreetingError(Exception):
    """This machine cannot judge a certificate; the text says why."""


class Greeting:
    """The first words of a TLS client, and the judgement of what is answered.

    TLS 1.2, whose server shows its certificate in plain text and without hearing more.
    """

    hello: bytes

    def __init__(self, name: str, ca_file: str | None) -> None:
        """Prepares to greet `name`.

        Args:
            ca_file: PEM file of CAs that are trusted beside those of this machine.

        Raises:
            NoGreetingError: where nothing says which CAs to trust.
        """
        context = ssl.create_default_context()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        if ca_file is not None:
            try:
                context.load_verify_locations(expand(ca_file))
            except (OSError, ssl.SSLError) as error:
                raise NoGreetingError(f"{ca_file}: {error}") from None
        elif not context.get_ca_certs() and ssl.get_default_verify_paths().capath is None:
            raise NoGreetingError("this machine has no CA certificates to compare with")
        self._incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, outgoing, server_hostname=name)
        with contextlib.suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        self.hello = outgoing.read()

    def judge(self, answer: bytes) -> Tls:
        """What the other end's answer to `hello` says. To be asked once."""
        answer = _flight(answer)
        try:
            issuer = read_certificate(_first_certificate(answer)).issuer
        except (ValueError, IndexError):
            return Tls(why_not="no certificate came")
        self._incoming.write(answer)
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return Tls(issuer, True)
        except ssl.SSLCertVerificationError as error:
            if error.verify_code in _STRANGERS:
                return Tls(issuer, False)
            return Tls(why_not=error.verify_message)
        except ssl.SSLError as error:
            return Tls(why_not=error.reason or type(error).__name__)
        return Tls(issuer, True)


_STRANGERS = (2, 18, 19, 20, 21)
"""OpenSSL's verify codes for a signer that is not known."""

_HANDSHAKE, _CERTIFICATE = 22, 11
"""RFC 5246, sections 6.2.1 and 7.4."""


def _flight(answer: bytes) -> bytes:
    """Without what follows the handshake's records: how the other end took our silence."""
    end = 0
    while answer[end : end + 1] == bytes([_HANDSHAKE]):
        end += 5 + int.from_bytes(answer[end + 3 : end + 5], "big")
    return answer[:end]


def _first_certificate(flight: bytes) -> bytes:
    """DER of the other end's own certificate in its first flight.

    Raises:
        ValueError, IndexError: when there is none.
    """
    messages = b""
    while len(flight) > 5:
        length = int.from_bytes(flight[3:5], "big")
        messages += flight[5 : 5 + length]
        flight = flight[5 + length :]
    while messages:
        length = int.from_bytes(messages[1:4], "big")
        if messages[0] == _CERTIFICATE:
            # The length of the list, then of the first in it.
            first = messages[7:]
            return first[3 : 3 + int.from_bytes(first[:3], "big")]
        messages = messages[4 + length :]
    raise ValueError("no certificate")
