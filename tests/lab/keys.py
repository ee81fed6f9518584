"""Keys, certificates and passwords of a lab instance: made at its first boot, never shared."""

from __future__ import annotations

import datetime
import ipaddress
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PROXY_USER = "nas"
# Names that the registry answers as.
REGISTRY_NAMES = (
    "registry-1.docker.io",
    "docker.io",
    "index.docker.io",
    "auth.docker.io",
    "gcr.io",
    "registry.k8s.io",
    "ghcr.io",
    "quay.io",
)


@dataclass(frozen=True)
class Keys:
    """Files of an instance, all 0600 in its private directory."""

    folder: Path

    @property
    def ca_pem(self) -> Path:
        """Certificate of the lab's own certificate authority."""
        return self.folder / "ca.pem"

    @property
    def registry_pem(self) -> Path:
        """Certificate of the registry, for every name of REGISTRY_NAMES and its address."""
        return self.folder / "registry.pem"

    @property
    def registry_key(self) -> Path:
        """Private key of the registry's certificate."""
        return self.folder / "registry-key.pem"

    @property
    def ssh_key(self) -> Path:
        """Private key (OpenSSH format, no passphrase) that the NAS lets in as admin."""
        return self.folder / "id_ed25519"

    @property
    def ssh_public_key(self) -> str:
        """The same as one line for authorized_keys."""
        return (self.folder / "id_ed25519.pub").read_text().strip()

    @property
    def ssh_host_private_key(self) -> Path:
        """Private host key (OpenSSH format) of the NAS."""
        return self.folder / "ssh_host_ed25519_key"

    @property
    def ssh_host_key(self) -> str:
        """Public host key of the NAS: "ssh-ed25519 AAAA..."."""
        return (self.folder / "ssh_host_ed25519_key.pub").read_text().strip()

    @property
    def proxy_password(self) -> str:
        """Password of PROXY_USER; has characters that a URL must percent-encode."""
        return (self.folder / "proxy-password").read_text().strip()

    @property
    def sudo_password(self) -> str:
        """Password of the NAS's administrator; has characters that a shell would expand."""
        return (self.folder / "sudo-password").read_text().strip()


def ensure(folder: Path, registry_address: str) -> Keys:
    """The keys in `folder`, made now where they do not exist yet."""
    keys = Keys(folder)
    if not keys.ca_pem.exists() or not keys.registry_pem.exists():
        _make_certificates(keys, [*REGISTRY_NAMES, registry_address])
    for private in (keys.ssh_key, keys.ssh_host_private_key):
        if not private.exists():
            _make_ssh_key(private)
    if not (folder / "proxy-password").exists():
        # Reserved characters of a URL and a per cent sign between what is random.
        text = f"{secrets.token_hex(6)}@:/{secrets.token_hex(4)}%+#?"
        _write(folder / "proxy-password", text.encode())
    if not (folder / "sudo-password").exists():
        text = f"{secrets.token_hex(6)} $HOME'\"\\%{secrets.token_hex(4)}"
        _write(folder / "sudo-password", text.encode())
    return keys


def _make_certificates(keys: Keys, names: Sequence[str]) -> None:
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nas-k3s lab CA")])
    ca = (
        _builder(ca_name, ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nas-k3s lab registry")])
    certificate = (
        _builder(name, ca_name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
        .add_extension(x509.SubjectAlternativeName([_alternative(n) for n in names]), False)
        .sign(ca_key, hashes.SHA256())
    )
    # The CA's private key is not kept: it signs once.
    _write(keys.registry_key, _private_pem(key))
    _write(keys.registry_pem, certificate.public_bytes(serialization.Encoding.PEM))
    _write(keys.ca_pem, ca.public_bytes(serialization.Encoding.PEM))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=800))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _make_ssh_key(path: Path) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    _write(path.with_name(f"{path.name}.pub"), public + b"\n")
    _write(
        path,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.NoEncryption(),
        ),
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> None:
    scratch = path.with_name(f".{path.name}.new")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        out.write(content)
    scratch.rename(path)
