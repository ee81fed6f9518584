"""What cannot be changed on the data of a cluster, whether it runs or was kept by destroy."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nas.daemon_routes import fingerprint
from nas.errors import Problem
from nas.facts import Facts
from nas.settings import Settings

_FIXED = (
    (
        "clusterCidr",
        "cluster-cidr",
        "is not the block of this cluster's pods, {old}, and k3s ends when its node has addresses "
        "outside of its block (k3s-io/k3s#2603)",
    ),
    (
        "serviceCidr",
        "service-cidr",
        "is not the block of this cluster's services, {old}, which keep the addresses that they "
        "have: the cluster's DNS would not get its own (k3s-io/k3s#6136)",
    ),
    (
        "nodeName",
        "node-name",
        "is not the name of this cluster's node, {old}, which local volumes and running pods are "
        "bound to",
    ),
)
"""Setting, flag of k3s, why it stays."""


def check_data(settings: Settings, facts: Facts) -> list[Problem]:
    """Settings that k3s, or what runs in it, would not survive on the data that is there: that of
    its container, or what an earlier cluster left (keepData)."""
    flags = flags_of_data(settings, facts)
    if flags is None:
        return []
    wanted = made_with(settings)
    problems = []
    for key, flag, why in _FIXED:
        old = flags.get(flag, wanted[flag])
        if wanted[flag] != old:
            shown, reason = json.dumps(wanted[flag]), why.format(old=old)
            problems.append(Problem(key, shown, reason, f"write {old}, or {_anew(settings)}"))
    return problems + _check_token(settings, facts)


def made_with(settings: Settings) -> dict[str, str]:
    """Flag of k3s without dashes -> value, of those that its data depends on."""
    return {
        "cluster-cidr": settings.cluster_cidr,
        "service-cidr": settings.service_cidr,
        "node-name": settings.node,
        "cluster-domain": settings.cluster_domain,
    }


def flags_of_data(settings: Settings, facts: Facts) -> Mapping[str, str] | None:
    """What the data was made with, None where there is none, or somebody else's container."""
    if facts.own_container == settings.container_name:
        return {**facts.made_with, **facts.container_flags}
    if facts.container or facts.cluster_data != "there":
        return None
    return facts.made_with


def _check_token(settings: Settings, facts: Facts) -> list[Problem]:
    if settings.token is None or not facts.token or facts.token == token_print(settings.token):
        return []
    return [
        Problem(
            "token",
            "[secret]",
            "is not the token that this cluster's data is encrypted with, so k3s would not start",
            f"remove it (k3s kept its own), or {_anew(settings)}",
        )
    ]


def token_print(token: str) -> str:
    """Fingerprint of a token's secret part; `K10<hash>::server:` in front of it is no secret."""
    secret = token.rpartition("::")[2].partition(":")[2] if token.startswith("K10") else token
    return fingerprint(secret)


def changed_domain(settings: Settings, facts: Facts) -> str | None:
    """The domain that the services of the running cluster have, when it is to be another."""
    flags = flags_of_data(settings, facts) or {}
    old = flags.get("cluster-domain", settings.cluster_domain)
    return None if old == settings.cluster_domain else old


def _anew(settings: Settings) -> str:
    data, etc = settings.places
    remove = "docker volume rm" if settings.data_directory is None else "rm -r"
    return f"begin with an empty cluster: `pulumi destroy`, then on the NAS `{remove} {data} {etc}`"
