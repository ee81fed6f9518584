"""What of one stack's settings must never be shown, in each form in which it may turn up."""

from __future__ import annotations

from collections.abc import Collection

from nas.errors import NAMESPACE, set_command
from nas.proxy import quoted
from nas.settings import Settings

SHORTEST = 4
"""Characters: shorter ones would take every other word with them."""


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Secret texts, longest first, so that none is cut out of the middle of another."""
    held = [secret for texts in _held(settings).values() for secret in texts]
    found = [secret for secret in held if len(secret) >= SHORTEST]
    return tuple(sorted({*found, *map(quoted, found)}, key=len, reverse=True))


def plain_text_warnings(settings: Settings, encrypted: Collection[str]) -> tuple[str, ...]:
    """What is told of a secret that anybody can read in the stack's config: Pulumi shows it, too.

    Args:
        encrypted: keys whose values are not in plain text there.
    """
    return tuple(
        f"{NAMESPACE}:{key} holds a secret in plain text, which `pulumi config` and "
        f"`preview --json` show: {_ENCRYPT.get(key) or set_command(key, secret=True)} encrypts it"
        for key, texts in _held(settings).items()
        if texts and key not in encrypted
    )


_ENCRYPT = {
    "proxy": "proxyUser and proxyPassword take it, and "
    + set_command("proxyPassword", secret=True),
    "registries": "pulumi config set --path --secret, as docs/registry.md has it,",
}


def _held(settings: Settings) -> dict[str, list[str]]:
    """Key -> the secret texts that its value holds."""
    url = settings.proxy_url
    in_url = None if url is None or settings.proxy_password is not None else url.password
    configs = settings.registries.configs.values()
    logins = [config.auth for config in configs if config.auth is not None]
    held = {
        "proxy": [in_url],
        "proxyPassword": [settings.proxy_password],
        "sudoPassword": [settings.sudo_password],
        "token": [settings.token],
        "registries": [
            secret for login in logins for secret in (login.password, login.auth, login.token)
        ],
    }
    return {key: [text for text in texts if text is not None] for key, texts in held.items()}
