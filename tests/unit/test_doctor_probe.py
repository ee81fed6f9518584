"""How doctor collects its evidence: which registries it asks for, and what it sees from here."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from nas.doctor.evidence import Tls
from nas.doctor.probe import gather, needed_registries
from nas.doctor.tls import certificate_through
from nas.doctor.tree import diagnose
from nas.facts import Unreadable
from nas.stack_file import StackConfig
from tests.unit.certificates import DAY, NOW, name
from tests.unit.doctor_samples import HUB, well
from tests.unit.samples import CONFIG, settings

# ---- which registries


@pytest.mark.parametrize(
    ("config", "through", "beside"),
    [
        ({}, (HUB,), ()),
        ({"smokeImage": "ghcr.io/a/b:1"}, (HUB, "ghcr.io:443"), ()),
        ({"proxy": ""}, (), (HUB,)),
        (
            {"registries": '{"mirrors": {"docker.io": {"endpoint": ["https://reg.lan:5000"]}}}'},
            (HUB,),
            ("reg.lan:5000",),
        ),
        (
            {"registries": '{"mirrors": {"*": {"endpoint": ["http://192.168.31.5"]}}}'},
            (HUB,),
            ("192.168.31.5:80",),
        ),
        (
            {"k3sImage": "reg.lan:5000/k3s:v1.34.4-k3s1", "noProxy": "reg.lan"},
            (HUB,),
            ("reg.lan:5000",),
        ),
    ],
)
def test_the_registries_that_are_needed_are_asked_the_way_they_are_used(
    config: dict[str, str], through: tuple[str, ...], beside: tuple[str, ...]
) -> None:
    found = needed_registries(settings(**config), "localhost,192.168.31.0/24,reg.lan")
    assert found == (through, beside)


# ---- from here


def stack(**config: str) -> StackConfig:
    return StackConfig("nas88", Path("Pulumi.nas88.yaml"), {**CONFIG, **config}, {})


@pytest.fixture
def fake_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a program called ssh before all others."""

    def put(text: str) -> None:
        file = tmp_path / "bin" / "ssh"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{file.parent}{os.pathsep}{os.environ['PATH']}")

    return put


def test_a_nas_that_refuses_ssh_is_a_leaf_and_no_error(fake_ssh: Callable[[str], None]) -> None:
    fake_ssh("#!/bin/sh\necho 'connect: Connection refused' >&2\nexit 255\n")
    found = diagnose(gather(stack(), {}, 10))
    assert found.findings["ssh"].leaf == "ssh-away"
    assert found.exit_code == 2


def test_a_nas_that_hangs_in_the_middle_is_told_by_what_it_had_said(
    fake_ssh: Callable[[str], None],
) -> None:
    fake_ssh("#!/bin/sh\necho uid=0; echo platform=qnap; echo docker=/opt/docker\nexec sleep 60\n")
    began = time.monotonic()
    found = diagnose(gather(stack(), {}, 10))
    assert time.monotonic() - began < 20
    assert found.primary == "daemon"
    assert found.findings["ssh"].verdict == "ok"


def test_a_password_that_is_encrypted_leaves_no_half_login(
    fake_ssh: Callable[[str], None],
) -> None:
    fake_ssh("#!/bin/sh\ncat >/dev/null\nexit 0\n")
    known = replace(stack(proxyUser="nas"), unavailable={"proxyPassword": "there is no pulumi"})
    daemon = gather(known, {}, 10).daemon
    assert daemon is not None
    assert daemon.authorization == ""


def test_a_nas_that_says_nothing_at_all_is_out_of_reach(fake_ssh: Callable[[str], None]) -> None:
    fake_ssh("#!/bin/sh\nexec sleep 60\n")
    case = gather(stack(), {}, 5)
    assert isinstance(case.facts, Unreadable)
    assert diagnose(case).primary == "ssh"


# ---- the certificate through the proxy

RELAY = """#!{python}
import os, socket, threading
link = socket.create_connection(("127.0.0.1", {port}))
def back():
    while data := link.recv(65536):
        os.write(1, data)
    os._exit(0)
threading.Thread(target=back).start()
while data := os.read(0, 65536):
    link.sendall(data)
"""


def _pem(folder: Path) -> tuple[Path, Path]:
    """A CA, and a file with a certificate of it for registry.test and its key."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def made(subject: str, public: ec.EllipticCurvePublicKey, ca: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("Company CA"))
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
    ca_file.write_bytes(made("Company CA", ca_key.public_key(), True).public_bytes(Encoding.PEM))
    pair.write_bytes(
        made("registry.test", key.public_key(), False).public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return ca_file, pair


@pytest.fixture
def proxy(
    tmp_path: Path, fake_ssh: Callable[[str], None]
) -> Iterator[tuple[Path, list[bytes], list[bytes]]]:
    """A proxy that re-signs. Gives the file of its CA, its answers and the requests that it got."""
    ca_file, pair = _pem(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    answers = [b"HTTP/1.1 200 Connection established\r\n\r\n"]
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    link, _ = server.accept()
                except OSError:
                    return
                requests.append(link.recv(65536))
                link.sendall(answers[-1])
                try:
                    context.wrap_socket(link, server_side=True).close()
                except OSError:
                    link.close()

        threading.Thread(target=serve, daemon=True).start()
        fake_ssh(RELAY.format(python=sys.executable, port=server.getsockname()[1]))
        yield ca_file, answers, requests


def look(ca_file: Path | None) -> Tls:
    case = well()
    assert case.daemon is not None
    target = replace(case.target, key_file=None)
    file = None if ca_file is None else str(ca_file)
    return certificate_through(target, case.daemon, "registry.test:443", file, 20)


def test_a_proxy_that_signs_anew_is_seen_with_its_name(
    proxy: tuple[Path, list[bytes], list[bytes]],
) -> None:
    assert look(None) == Tls("Company CA", trusted=False)


def test_with_its_ca_in_the_file_it_is_trusted(
    proxy: tuple[Path, list[bytes], list[bytes]],
) -> None:
    assert look(proxy[0]) == Tls("Company CA", trusted=True)
    assert proxy[2][0].startswith(b"CONNECT registry.test:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " in proxy[2][0]


def test_a_proxy_that_lets_nobody_through_shows_no_certificate(
    proxy: tuple[Path, list[bytes], list[bytes]],
) -> None:
    proxy[1].append(b"HTTP/1.1 403 Forbidden\r\n\r\n")
    assert look(proxy[0]) == Tls(why_not="the proxy answers 'HTTP/1.1 403 Forbidden'")


def test_a_nas_without_nc_shows_none(
    fake_ssh: Callable[[str], None],
) -> None:
    fake_ssh("#!/bin/sh\necho 'sh: nc: not found' >&2\nexit 127\n")
    found = look(None)
    assert found.trusted is None
    assert found.why_not
