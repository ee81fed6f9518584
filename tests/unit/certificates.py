"""Certificates for tests, made on the spot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def name(text: str, kind: x509.ObjectIdentifier = NameOID.COMMON_NAME) -> x509.Name:
    """A name of one part."""
    return x509.Name([x509.NameAttribute(kind, text)])


def certificate(
    days: float, *, issuer: str = "k3s-ca", kind: x509.ObjectIdentifier = NameOID.COMMON_NAME
) -> bytes:
    """DER of one that ends in so many days."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = (
        x509.CertificateBuilder()
        .subject_name(name("nas"))
        .issuer_name(name(issuer, kind))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 20000 * DAY)
        .not_valid_after(NOW + days * DAY)
        .sign(key, SHA256())
    )
    return made.public_bytes(Encoding.DER)
