"""The certificate that a registry shows: greeted here, carried by somebody else, judged here."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.tls_greeting import Greeting, NoGreetingError, Tls
from tests.unit.certificates import COMPANY, company

NAME = "registry.test"


def answered(hello: bytes, pair: Path, lowest: ssl.TLSVersion | None = None) -> bytes:
    """What a real TLS server says to a greeting before it wants to hear more."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if lowest is not None:
        context.minimum_version = lowest
    context.load_cert_chain(pair)
    ours, theirs = socket.socketpair()

    def serve() -> None:
        try:
            context.wrap_socket(theirs, server_side=True).close()
        except OSError:
            theirs.close()

    server = threading.Thread(target=serve)
    server.start()
    ours.sendall(hello)
    ours.shutdown(socket.SHUT_WR)
    said = b""
    while data := ours.recv(65536):
        said += data
    server.join()
    ours.close()
    return said


def test_a_certificate_that_a_stranger_signed_is_seen_with_his_name(tmp_path: Path) -> None:
    _, pair = company(tmp_path)
    greeting = Greeting(NAME, None)
    assert greeting.judge(answered(greeting.hello, pair)) == Tls(COMPANY, trusted=False)


def test_with_its_ca_in_the_file_it_is_trusted(tmp_path: Path) -> None:
    ca_file, pair = company(tmp_path)
    greeting = Greeting(NAME, str(ca_file))
    assert greeting.judge(answered(greeting.hello, pair)) == Tls(COMPANY, trusted=True)


def test_a_certificate_for_another_name_says_nothing_about_its_signer(tmp_path: Path) -> None:
    ca_file, pair = company(tmp_path)
    greeting = Greeting("other.test", str(ca_file))
    found = greeting.judge(answered(greeting.hello, pair))
    assert found.trusted is None
    assert "other.test" in found.why_not


def test_a_server_that_speaks_a_newer_tls_only_is_not_told(tmp_path: Path) -> None:
    _, pair = company(tmp_path)
    greeting = Greeting(NAME, None)
    alert = answered(greeting.hello, pair, ssl.TLSVersion.TLSv1_3)
    assert alert[:1] == b"\x15"
    assert greeting.judge(alert) == Tls(why_not="no certificate came")


def test_an_answer_that_was_cut_off_is_not_told(tmp_path: Path) -> None:
    _, pair = company(tmp_path)
    greeting = Greeting(NAME, None)
    whole = answered(greeting.hello, pair)
    assert greeting.judge(whole[:60]).trusted is None


@given(st.binary())
def test_whatever_comes_back_is_no_fault(data: bytes) -> None:
    assert Greeting(NAME, None).judge(data).trusted is None


def test_a_file_without_cas_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none\n")
    with pytest.raises(NoGreetingError, match=r"ca\.pem"):
        Greeting(NAME, str(tmp_path / "ca.pem"))
