"""The stack's config as Pulumi hands it to a program."""

from __future__ import annotations

import pulumi
from pulumi.runtime.config import (
    CONFIG,
    get_config_env,
    get_config_secret_keys_env,
    is_config_secret,
)

from nas.errors import NAMESPACE


def stack_config() -> dict[str, str]:
    """Key without namespace -> text, for this program's namespace.

    `pulumi.Config` only answers for keys it is asked for, and an unknown key has to be refused:
    hence the whole map. Secrets are in it in plain text.
    """
    everything = {**get_config_env(), **CONFIG.get()}
    prefix = f"{NAMESPACE}:"
    return {
        key.removeprefix(prefix): str(value)
        for key, value in everything.items()
        if key.startswith(prefix)
    }


def encrypted_keys() -> frozenset[str]:
    """Keys without namespace whose values, or parts of them, are encrypted in the stack's file."""
    named = get_config_secret_keys_env()
    return frozenset(
        key
        for key in stack_config()
        if (full := f"{NAMESPACE}:{key}") in named or is_config_secret(full)
    )


def show_warnings(warnings: tuple[str, ...]) -> None:
    """Shows each warning once, in preview and in up."""
    for warning in warnings:
        pulumi.log.warn(warning)
