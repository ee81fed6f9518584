"""What of one stack's settings must never be shown, in each form in which it may turn up."""

from __future__ import annotations

from nas.proxy import quoted
from nas.settings import Settings

SHORTEST = 4
"""Characters: shorter ones would take every other word with them."""


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Secret texts, longest first, so that none is cut out of the middle of another."""
    url = settings.proxy_url
    password = None if url is None else url.password
    configs = settings.registries.configs.values()
    logins = [config.auth for config in configs if config.auth is not None]
    plain = [
        password,
        settings.sudo_password,
        settings.token,
        *(secret for login in logins for secret in (login.password, login.auth, login.token)),
    ]
    found = [secret for secret in plain if secret is not None and len(secret) >= SHORTEST]
    return tuple(sorted({*found, *map(quoted, found)}, key=len, reverse=True))
