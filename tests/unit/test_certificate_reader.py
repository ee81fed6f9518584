"""What doctor reads off a certificate: when it ends, and who signed it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from nas.certificate_reader import read_certificate
from tests.unit.certificates import certificate

SAMPLE = certificate(30)


@pytest.mark.parametrize("days", [-9000, -1, 0, 30, 3650, 20000])
def test_the_end_is_read_in_both_spellings_of_a_time(days: int) -> None:
    """From 2050 on it is a GeneralizedTime."""
    found = read_certificate(certificate(days)).not_after
    assert abs(found - datetime.now(UTC) - timedelta(days=days)) < timedelta(minutes=1)


def test_the_issuer_is_its_common_name_else_its_organization() -> None:
    assert read_certificate(certificate(1, issuer="Büro CA")).issuer == "Büro CA"
    kind = NameOID.ORGANIZATION_NAME
    assert read_certificate(certificate(1, issuer="Company", kind=kind)).issuer == "Company"
    assert read_certificate(certificate(1, kind=NameOID.LOCALITY_NAME)).issuer == ""


@given(st.binary(max_size=200))
def test_what_is_no_certificate_is_refused_and_nothing_else_happens(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_certificate(data)


@given(st.integers(0, len(SAMPLE) - 1))
def test_one_that_is_cut_off_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_certificate(SAMPLE[:size])
