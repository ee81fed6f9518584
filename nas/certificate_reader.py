"""When a certificate ends, and who signed it.

Of certificates that are not verified: what has ended or was signed by a stranger is what doctor
looks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """`issuer` is its common name, else its organization, else empty."""

    issuer: str
    not_after: datetime


def read_certificate(der: bytes) -> Certificate:
    """Reads one certificate.

    Raises:
        ValueError: for what is none.
    """
    try:
        found = x509.load_der_x509_certificate(der)
    except x509.InvalidVersion as error:
        raise ValueError("is no certificate") from error
    issuer = _last(found.issuer, NameOID.COMMON_NAME) or _last(
        found.issuer, NameOID.ORGANIZATION_NAME
    )
    return Certificate(issuer, found.not_valid_after_utc)


def _last(name: x509.Name, kind: x509.ObjectIdentifier) -> str:
    return next((str(one.value) for one in reversed(name.get_attributes_for_oid(kind))), "")
