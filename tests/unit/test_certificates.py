"""The end of the kubeconfig's certificate, by the NAS's clock."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from nas.certificates import near_end
from tests.unit.samples import FACTS, facts

assert FACTS.time is not None
NOW = datetime.fromtimestamp(FACTS.time, UTC)


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def certificate(end: datetime, life: timedelta = timedelta(days=365)) -> str:
    """A chain as a kubeconfig holds it: the client's, then its authority's, which lives longer."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "system:admin")])

    def one(begin: datetime, end: datetime) -> bytes:
        builder = x509.CertificateBuilder(
            name, name, _key().public_key(), x509.random_serial_number(), begin, end
        )
        made = builder.sign(_key(), hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM)

    chain = one(end - life, end) + one(NOW - timedelta(days=9), NOW + timedelta(days=3650))
    return base64.b64encode(chain).decode()


@pytest.mark.parametrize(
    ("left", "life", "near"),
    [
        (timedelta(days=31), timedelta(days=365), False),
        (timedelta(days=29), timedelta(days=365), True),
        (timedelta(seconds=-1), timedelta(days=365), True),
        (timedelta(days=4), timedelta(days=10), False),
        (timedelta(days=3), timedelta(days=10), True),
    ],
)
def test_thirty_days_are_near_or_a_third_of_a_short_life(
    left: timedelta, life: timedelta, near: bool
) -> None:
    end = NOW + left
    found = near_end(facts(client_certificate=certificate(end, life)))
    assert found == (end if near else None)


@pytest.mark.parametrize(
    "text", ["", "no base64!", "bm8gUEVN", base64.b64encode(b"\xff" * 40).decode()]
)
def test_what_is_no_certificate_is_never_near(text: str) -> None:
    assert near_end(facts(client_certificate=text)) is None


def test_without_the_nass_clock_nothing_is_near() -> None:
    assert near_end(facts(client_certificate=certificate(NOW), time=None)) is None


@given(st.integers(0, 2000))
def test_a_certificate_that_was_cut_off_or_changed_never_raises(at: int) -> None:
    text = certificate(NOW + timedelta(days=1))
    near_end(facts(client_certificate=text[:at]))
    near_end(facts(client_certificate=text[:at] + "A" + text[at + 1 :]))
