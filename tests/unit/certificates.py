"""Certificates for tests, made on the spot."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)
DAY = timedelta(days=1)
COMPANY = "Company CA"


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


def company(folder: Path) -> tuple[Path, Path]:
    """A CA, and a file with a certificate of it for registry.test and its key."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def made(subject: str, public: ec.EllipticCurvePublicKey, ca: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name(COMPANY))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + DAY)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()),
                critical=False,
            )
        )
        if ca:
            builder = builder.add_extension(
                x509.KeyUsage(True, False, False, False, False, True, True, False, False),
                critical=True,
            )
        return builder.sign(ca_key, SHA256())

    ca_file, pair = folder / "ca.pem", folder / "pair.pem"
    ca_file.write_bytes(made(COMPANY, ca_key.public_key(), True).public_bytes(Encoding.PEM))
    pair.write_bytes(
        made("registry.test", key.public_key(), False).public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return ca_file, pair
