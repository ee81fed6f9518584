"""Checks of the way of an image: daemon, proxy, registry."""

from __future__ import annotations

import re

from nas.checks.docker import check_route
from nas.checks.proxy import (
    Obstacle,
    check_connection,
    check_login,
    check_registry,
    check_trust,
)
from nas.checks.upgrade import images_of_container
from nas.daemon_proxy import choice_for, login_differs, shows_other
from nas.doctor.evidence import Case
from nas.doctor.judge_nas import on_nas, refused, unread, up
from nas.doctor.model import Command, Finding, ok, unknown
from nas.drift import without_credentials
from nas.errors import set_command

UNSEEN = "unknown"
"""The hop of a docker that cannot be asked for a manifest."""


def without_proxy(case: Case, leaf: str) -> Finding:
    """The stack has no proxy, as far as its config could be read."""
    if "proxy" in case.unavailable:
        return unknown("secret", setting="proxy", why=case.unavailable["proxy"])
    return ok(leaf)


def daemon_config(case: Case) -> Finding:
    """Whether what the daemon reads at its start has the proxy (Fix 1)."""
    facts, daemon = case.known, case.daemon
    if daemon is None:
        return without_proxy(case, "daemon-config-none")
    problems = check_route(case.settings, facts, daemon)
    if problems:
        return refused("daemon-config-refused", problems[0])
    choice = choice_for(facts, daemon)
    if choice is None:
        return unknown("not-read")
    values = {"file": facts.proxy_file or facts.config, "proxy": daemon.shown}
    if choice.route == "none":
        return ok("daemon-config-by-hand")
    differs = shows_other(facts, daemon)
    if not facts.put:
        # With a shell that has the variable, people believe that the daemon has it too.
        leaf = (
            "daemon-not-configured-but-shell" if case.nas.shell_proxy else "daemon-not-configured"
        )
        return Finding(
            "bad" if differs else "warning",
            leaf if differs else "daemon-config-wiped",
            values,
            (up(case),),
            1,
        )
    if facts.applied_put and facts.put != facts.applied_put:
        return Finding(
            "bad" if differs else "warning", "daemon-config-edited", values, (up(case),), 1
        )
    return ok("daemon-config", **values)


def daemon_proxy(case: Case) -> Finding:
    """Whether the running daemon has loaded it."""
    facts, daemon = case.known, case.daemon
    if daemon is None:
        return ok("daemon-proxy", proxy=facts.http_proxy or "-")
    if not shows_other(facts, daemon):
        if _login_known(case) and login_differs(facts, daemon):
            return Finding("warning", "daemon-proxy-login", {"proxy": daemon.shown}, (up(case),))
        return ok("daemon-proxy", proxy=facts.http_proxy or "-")
    values = {
        "shown": facts.http_proxy or "-",
        "proxy": daemon.shown,
        "list": facts.no_proxy or "-",
        "wanted": ",".join(daemon.no_proxy),
    }
    if not facts.http_proxy:
        return Finding("bad", "daemon-proxy-not-loaded", values, (up(case),), 1)
    if without_credentials(facts.http_proxy) != daemon.shown:
        return Finding("bad", "daemon-proxy-other", values, (up(case),), 1)
    if not case.lists_known:
        return ok("daemon-proxy", proxy=facts.http_proxy)
    return Finding("warning", "daemon-proxy-list", values, (up(case),))


def firewall(case: Case) -> Finding:
    """Silence is a dropped packet, a refusal is an answer."""
    nas = case.nas
    if case.daemon is None:
        return without_proxy(case, "proxy-none")
    values = {"proxy": case.daemon.url.address, "rule": "; ".join(nas.rules)}
    if nas.proxy == "open" or (not nas.proxy and nas.pull == "ok"):
        return ok("firewall")
    if not nas.proxy:
        return _unseen(case)
    if nas.rules:
        remove = tuple(
            Command("nas", f"iptables {re.sub('^-A ', '-D ', rule)}") for rule in nas.rules
        )
        return Finding("bad", "firewall-rule", values, remove)
    if nas.proxy == "silent":
        return Finding("bad", "firewall-silent", values)
    return ok("firewall")


def proxy(case: Case) -> Finding:
    """Whether the proxy takes connections of the NAS."""
    nas = case.nas
    if case.daemon is None:
        return without_proxy(case, "proxy-none")
    if not nas.proxy:
        return ok("proxy-by-daemon") if _daemon_pulls(case) else _unseen(case)
    answer = next(filter(None, nas.connects.values()), "")
    found = check_connection(case.daemon.url, nas.proxy, answer)
    return ok("proxy", proxy=case.daemon.url.address) if found is None else _bad(found)


def _bad(found: Obstacle, *commands: Command) -> Finding:
    return Finding("bad", found.leaf, found.values, commands)


def _daemon_pulls(case: Case) -> bool:
    """The daemon goes through this proxy: what it can do says as much as a question of ours."""
    assert case.daemon is not None
    return case.nas.pull == "ok" and not shows_other(case.known, case.daemon)


def _login_known(case: Case) -> bool:
    return not {"proxyUser", "proxyPassword"} & case.unavailable.keys()


def _unseen(case: Case) -> Finding:
    if not case.nas.nc:
        return unknown("no-nc")
    return unread(case)


def proxy_login(case: Case) -> Finding:
    """Whether the proxy takes the stack's user and password."""
    if case.daemon is None:
        return without_proxy(case, "proxy-none")
    url = case.daemon.url
    denied = (check_login(url, answer) for answer in case.nas.connects.values())
    found = next(filter(None, denied), None)
    if found is None:
        if not case.nas.connects:
            same = _login_known(case) and not login_differs(case.known, case.daemon)
            return ok("proxy-by-daemon") if same and _daemon_pulls(case) else _unseen(case)
        return ok("proxy-login" if url.user else "proxy-login-none", user=url.user)
    for key in ("proxyPassword", "proxy"):
        if key in case.unavailable:
            return unknown("secret", setting=key, why=case.unavailable[key])
    password = Command("here", _set(case, "proxyPassword", secret=True))
    if url.user is None:
        return _bad(found, Command("here", _set(case, "proxyUser", "NAME")), password, up(case))
    return _bad(found, password, up(case))


def _set(case: Case, key: str, value: str = "", *, secret: bool = False) -> str:
    return f"{set_command(key, value, secret=secret)} --stack {case.settings.stack}"


def registries(case: Case) -> Finding:
    """Whether each registry can be had, through the proxy or beside it."""
    nas = case.nas
    for place, said in nas.direct.items():
        if said not in ("open", "absent"):
            return Finding("bad", "registries-direct", {"registry": place, "said": said})
    if case.daemon is None:
        return ok("registries", registries=", ".join(nas.direct) or "-")
    for registry, answer in nas.connects.items():
        if found := check_registry(case.daemon.url, registry, answer):
            return _bad(found)
    if not nas.connects:
        return ok("proxy-by-daemon") if _daemon_pulls(case) else _unseen(case)
    return ok("registries", registries=", ".join([*nas.connects, *nas.direct]))


def tls(case: Case) -> Finding:
    """Whether the registry's certificate is one that k3s and Docker trust."""
    seen = case.known.way.tls
    if case.daemon is None:
        return without_proxy(case, "proxy-none")
    if seen.trusted is None:
        # Docker's trust is not k3s's, but who re-signs does so for both.
        by_daemon = _daemon_pulls(case) and case.settings.ca_certificates_file is None
        return ok("proxy-by-daemon") if by_daemon else unknown("tls", why=seen.why_not or "-")
    found = check_trust(seen, case.settings.ca_certificates_file)
    if found is None:
        return ok("tls", issuer=seen.issuer)
    if case.settings.proxy_scope == "none":
        # Docker alone meets the proxy, and has CAs of its own for a registry.
        by_daemon = _daemon_pulls(case)
        return ok("proxy-by-daemon") if by_daemon else unknown("tls", why=seen.issuer)
    return _bad(found, Command("here", _set(case, "caCertificatesFile", "FILE.pem")), up(case))


def pull(case: Case) -> Finding:
    """The question that the tree begins with: does `docker pull` work?"""
    nas = case.nas
    values = {"image": case.settings.image, "message": nas.pull_message or "-"}
    if nas.pull == "ok":
        return ok("pull", **values)
    if nas.pull in ("", UNSEEN):
        return unread(case)
    leaf = f"pull-{nas.pull}"
    commands = (up(case),) if nas.pull in ("login", "lookup") else ()
    return Finding("bad", leaf, values, commands)


def image(case: Case) -> Finding:
    """Whether the k3s image is in Docker's store."""
    nas = case.nas
    values = {"image": case.settings.image}
    if nas.image is None:
        return unknown("not-read")
    if nas.image:
        return ok("image", **values)
    get = on_nas(case, f"pull {case.settings.image}")
    made_of = images_of_container(case.known)
    if nas.container is not None and made_of and case.settings.image not in made_of:
        return ok("image-other", **values, other=case.known.container_tags[0])
    if nas.container is not None:
        return Finding("warning", "image-untagged", values, (get,))
    if not case.known.applied_put:
        return ok("image-not-yet", **values)
    return Finding("bad", "image-gone", values, (get, up(case)))
