"""When a certificate ends, and who signed it: as much of DER as that takes.

Python's standard library reads a certificate only after it was verified, and what has ended or was
signed by a stranger is exactly what is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_UTC_TIME, _VERSION = 0x17, 0xA0
_COMMON_NAME, _ORGANIZATION = bytes.fromhex("550403"), bytes.fromhex("55040a")


@dataclass(frozen=True)
class Certificate:
    """`issuer` is its common name, else its organization, else empty."""

    issuer: str
    not_after: datetime


def read_certificate(der: bytes) -> Certificate:
    """Reads one certificate (RFC 5280, section 4.1).

    Raises:
        ValueError: for what is none.
    """
    try:
        (_, whole), *_ = _items(der)
        (_, body), *_ = _items(whole)
        fields = [item for item in _items(body) if item[0] != _VERSION]
        # serial number, signature, issuer, validity, subject, ...
        kind, end = list(_items(fields[3][1]))[1]
        return Certificate(_name(fields[2][1]), _time(kind, end))
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError("is no certificate") from error


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element of a constructed value."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError("is cut off")
        yield tag, data[at : at + length]
        at += length


def _name(data: bytes) -> str:
    found: dict[bytes, str] = {}
    for _, attributes in _items(data):
        for _, attribute in _items(attributes):
            (_, oid), (_, text) = _items(attribute)
            found[oid] = text.decode("utf-8", errors="replace")
    return found.get(_COMMON_NAME) or found.get(_ORGANIZATION) or ""


def _time(kind: int, content: bytes) -> datetime:
    text = content.decode("ascii")
    if kind == _UTC_TIME:
        # Years before 50 are of this century (RFC 5280, section 4.1.2.5.1).
        text = ("20" if int(text[:2]) < 50 else "19") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
