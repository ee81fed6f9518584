"""Drift: what others changed on the NAS since our last run.

Each thing that heals alone has its own text, so that a wiped wrapper does not restart the daemon.
A change of the config is no drift: what the last run left behind is recorded on the NAS and
compared with what is there now. (Of an `up` that ended halfway there may be none: what it took away
is then told too, and made good.) Where the record is gone too, but the cluster's container shows
that we were here with a proxy, everything that differs from the plan counts.

Where nothing of ours is left, as after a destroy by another state or a reset of the NAS, it is as
before the first `up`. Everything is then marked and nobody is told: a mark changes nothing in a
stack that is new, and makes one that is not put everything there again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from nas.certificates import near_end
from nas.facts import Facts


@dataclass(frozen=True)
class Drift:
    """What differs, one clause each; empty: nothing does.

    Attributes:
        container: what it is made anew for.
        absent: there is neither a container nor data of one. Nobody is told: that is also what
            an `up` leaves that ended before it; where a stack has both, they are made anew.
        stopped: it is there and does not run, so a start is enough.
        renewal: what time did to the cluster's certificates, and `up` does about it.
        told: whether it is certain that others did it.
    """

    daemon_proxy: tuple[str, ...] = ()
    docker_path: tuple[str, ...] = ()
    container: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    kubeconfig: tuple[str, ...] = ()
    renewal: tuple[str, ...] = ()
    told: bool = True

    @property
    def clauses(self) -> tuple[str, ...]:
        """Everything that others changed, as far as it is certain."""
        if not self.told:
            return ()
        return (
            *self.daemon_proxy,
            *self.docker_path,
            *self.container,
            *self.stopped,
            *self.kubeconfig,
        )

    def __bool__(self) -> bool:
        return bool(self.clauses)


def find_drift(
    facts: Facts, shown: str | None, no_proxy: str, *, in_container: bool = True
) -> Drift:
    """Compares a NAS with what our last run left there.

    Args:
        shown: the planned proxy as `docker info` shows it, credentials left out; None: the plan
            has no proxy.
        no_proxy: the planned no-proxy list, with commas.
        in_container: whether a container of ours whose daemon has a proxy has it as well.
    """
    if not (facts.container or facts.applied_put or facts.applied_kubeconfig):
        return _nothing_there(facts, shown, no_proxy)
    return Drift(
        daemon_proxy=_daemon_proxy(facts, shown, no_proxy, in_container=in_container),
        docker_path=(
            () if facts.docker_on_path else ("docker is not on the PATH of SSH commands any more",)
        ),
        container=_container(facts),
        absent=_absent(facts),
        stopped=_stopped(facts),
        kubeconfig=_kubeconfig(facts),
        renewal=_renewal(facts),
    )


def _nothing_there(facts: Facts, shown: str | None, no_proxy: str) -> Drift:
    if not facts.engine:
        return Drift()
    proxied = shown is None or not _daemon(facts, shown, no_proxy)
    return Drift(
        daemon_proxy=() if proxied else NOTHING_THERE,
        docker_path=() if facts.docker_on_path else NOTHING_THERE,
        absent=NOTHING_THERE,
        told=False,
    )


NOTHING_THERE = ("nothing of this program was on the NAS",)


def _daemon_proxy(
    facts: Facts, shown: str | None, no_proxy: str, *, in_container: bool
) -> tuple[str, ...]:
    if shown is None or not facts.engine:
        return ()
    if not facts.applied_put:
        if in_container and facts.container and not facts.container_proxied:
            # The last run had no proxy.
            return ()
        return _daemon(facts, shown, no_proxy)
    return (*_file(facts), *_daemon(facts, facts.applied_proxy, facts.applied_no_proxy))


def _container(facts: Facts) -> tuple[str, ...]:
    if not facts.engine:
        return ()
    if not facts.container:
        # The data says that there was a cluster; an `up` that ended before it left no container.
        return ("the k3s container is gone",) if facts.applied_kubeconfig else ()
    if facts.container in _BROKEN:
        return (f"the k3s container is {facts.container}",)
    if facts.env_changed:
        names = ", ".join(facts.env_changed)
        return (f"the k3s container was made anew by somebody, with another {names}",)
    return ()


def _absent(facts: Facts) -> tuple[str, ...]:
    if not facts.engine or facts.container or facts.applied_kubeconfig:
        return ()
    return ("there is no k3s container",)


_BROKEN = ("dead", "removing")
"""States that Docker starts no container from."""


def _stopped(facts: Facts) -> tuple[str, ...]:
    if not facts.container or facts.container in ("running", "restarting", *_BROKEN):
        return ()
    return (f"the k3s container is {facts.container} instead of running",)


def _kubeconfig(facts: Facts) -> tuple[str, ...]:
    if not facts.kubeconfig or facts.applied_kubeconfig in ("", facts.kubeconfig):
        return ()
    return ("the cluster's certificates are not those of the kubeconfig that was handed out",)


def _renewal(facts: Facts) -> tuple[str, ...]:
    end = near_end(facts)
    if end is None or not facts.kubeconfig:
        return ()
    # By its checksum kubeconfig.sh knows whether this is still the one to be renewed.
    return (
        f"the cluster's client certificate {facts.kubeconfig} has {end:%Y-%m-%d %H:%M:%S} UTC as "
        "its end: k3s restarts to renew it",
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
