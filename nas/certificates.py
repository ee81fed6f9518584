"""The client certificate of the kubeconfig: when it ends, and when that is near."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

from cryptography import x509

from nas.facts import Facts

RENEW_BEFORE = timedelta(days=30)
"""k3s renews at a start what has less than 120 days left, 90 before v1.33
(https://docs.k3s.io/cli/certificate)."""
LONGEST_PART = 3
"""A certificate that was made for a short life is renewed in the last third of it."""


def near_end(facts: Facts) -> datetime | None:
    """When the cluster's client certificate ends, if that is near or over by the NAS's clock,
    which is what the cluster judges by; None also for what cannot be read."""
    if not facts.client_certificate or facts.time is None:
        return None
    try:
        chain = base64.b64decode(facts.client_certificate, validate=True)
        certificate = x509.load_pem_x509_certificate(chain)
    except ValueError:
        return None
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    left = end - datetime.fromtimestamp(facts.time, UTC)
    return end if left < min(RENEW_BEFORE, (end - begin) / LONGEST_PART) else None
