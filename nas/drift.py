"""Drift: what others changed on the NAS since our last run.

Each thing that heals alone has its own text, so that a wiped wrapper does not restart the daemon.
A change of the config is no drift: what the last run left behind is recorded on the NAS and
compared with what is there now. Where the record is gone too, but the cluster's container shows
that we were here, everything that differs from the plan counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from nas.facts import Facts


@dataclass(frozen=True)
class Drift:
    """What differs, one clause each; empty: nothing does."""

    daemon_proxy: tuple[str, ...] = ()
    docker_path: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.daemon_proxy or self.docker_path)


def find_drift(facts: Facts, shown: str | None, no_proxy: str) -> Drift:
    """Compares a NAS with what our last run left there.

    Args:
        shown: the planned proxy as `docker info` shows it, credentials left out; None: the plan
            has no proxy.
        no_proxy: the planned no-proxy list, with commas.
    """
    if not (facts.container or facts.applied_put):
        return Drift()
    path = () if facts.docker_on_path else ("docker is not on the PATH of SSH commands any more",)
    if shown is None or not facts.engine:
        return Drift(docker_path=path)
    if not facts.applied_put:
        return Drift(_daemon(facts, shown, no_proxy), path)
    return Drift(
        (*_file(facts), *_daemon(facts, facts.applied_proxy, facts.applied_no_proxy)), path
    )


def _file(facts: Facts) -> tuple[str, ...]:
    if facts.put == facts.applied_put:
        return ()
    if not facts.put:
        return (f"the proxy is gone from {facts.proxy_file}",)
    return (f"the proxy in {facts.proxy_file} was changed",)


def _daemon(facts: Facts, shown: str, no_proxy: str) -> tuple[str, ...]:
    pairs = {
        "HTTP proxy": (without_credentials(facts.http_proxy), shown),
        "HTTPS proxy": (without_credentials(facts.https_proxy), shown),
        "no-proxy list": (facts.no_proxy, no_proxy),
    }
    return tuple(
        f"Docker's {name} is {found or 'empty'} instead of {wanted}"
        for name, (found, wanted) in pairs.items()
        if found != wanted
    )


def without_credentials(shown: str) -> str:
    """A proxy URL without user and password, which Docker masks."""
    scheme, separator, rest = shown.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def marker(differences: tuple[str, ...], time: int | None) -> str | None:
    """The text of a mark, None without drift. It holds the time, in seconds since the epoch: the
    same drift seen twice must still differ."""
    if not differences:
        return None
    seen = datetime.fromtimestamp(time or 0, UTC)
    return f"{'; '.join(differences)} (seen {seen:%Y-%m-%d %H:%M:%S} UTC)"
