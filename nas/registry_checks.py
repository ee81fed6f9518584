"""What a registries.yaml means although its members are all well-formed.

Traps of k3s: a `configs` key is the host of the endpoint, not the mirrored name (k3s-io/k3s#13215),
ports belong to the key (k3s-io/k3s#10358), and a key that matches nothing is silently ignored
(k3s-io/k3s#9839).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from nas.errors import Problem, config_path
from nas.home import expand
from nas.proxy import is_hostname, is_ip
from nas.registries import FILE_MEMBERS, Auth, Registries, Tls

_DOCKER_HUB = ("index.docker.io", "registry-1.docker.io", "hub.docker.com")
_BLOCKS = {"ca_file": "CERTIFICATE", "cert_file": "CERTIFICATE", "key_file": "PRIVATE KEY"}
"""Member -> what the PEM file has to hold."""


def check_registries(registries: Registries) -> list[Problem]:
    """Every problem; values are not shown, since passwords stand among them."""
    problems = [
        *_keys("mirrors", registries.mirrors),
        *_keys("configs", registries.configs),
    ]
    for key, config in registries.configs.items():
        path = _path("configs", key)
        problems += _auth(f"{path}.auth", config.auth or Auth())
        problems += _tls(f"{path}.tls", config.tls or Tls())
    return problems


def registry_warnings(registries: Registries) -> list[str]:
    """Settings that k3s takes and that may do nothing."""
    found = []
    for name, mirror in registries.mirrors.items():
        hosts = [host for host in registries.endpoint_hosts(mirror) if host != name]
        configured = registries.configs.keys()
        if name in configured and hosts and not {*hosts, "*"} & configured:
            found.append(
                f"{_path('configs', name)} counts for {name} itself, not for its mirror "
                f"{hosts[0]}: login and TLS of that belong to {_path('configs', hosts[0])}"
            )
    return found


def _path(member: str, key: str) -> str:
    return config_path(["registries", member, key])


def _problem(path: str, why: str, fix: str) -> Problem:
    return Problem(path, "[not shown]", why, fix)


def _keys(member: str, keys: Iterable[str]) -> list[Problem]:
    problems = []
    for key in keys:
        bare = re.sub(r"^[a-z]+://", "", key.rpartition("@")[2]).split("/")[0]
        if key == "*" or (key == bare and _is_place(key)):
            if member == "mirrors" and key in _DOCKER_HUB:
                why = "is not what images of Docker Hub are named by, so k3s never asks this mirror"
                problems.append(_problem(_path(member, key), why, "write docker.io"))
            continue
        fix = f"write {bare}" if _is_place(bare) else "write e.g. registry.lan:5000"
        why = "is no registry's HOST or HOST:PORT, so k3s would never match it"
        problems.append(_problem(_path(member, key), why, fix))
    return problems


def _is_place(text: str) -> bool:
    host, _, port = text.rpartition(":") if re.search(r":\d+\Z", text) else (text, "", "")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    return (is_ip(bare) or is_hostname(bare)) and (not port or 0 < int(port) < 65536)


def _auth(path: str, auth: Auth) -> list[Problem]:
    if (auth.username is None) == (auth.password is None):
        return []
    missing = "password" if auth.password is None else "username"
    fix = f"set {path}.{missing} too, or token or auth instead"
    return [_problem(path, f"has no {missing}", fix)]


def _tls(path: str, tls: Tls) -> list[Problem]:
    problems = []
    if (tls.cert_file is None) != (tls.key_file is None):
        missing = "key_file" if tls.key_file is None else "cert_file"
        why = f"has no {missing}, and a client's certificate needs its key"
        problems.append(_problem(path, why, f"set {path}.{missing} too"))
    for member in FILE_MEMBERS:
        file = getattr(tls, member)
        fault = None if file is None else _fault(file, _BLOCKS[member])
        if fault is not None:
            fix = "write the path of a PEM file on this machine: it is copied into the container"
            problems.append(_problem(f"{path}.{member}", fault, fix))
    return problems


def _fault(file: str, block: str) -> str | None:
    try:
        text = expand(file).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        return f"cannot be read ({reason or error})"
    return (
        None
        if re.search(rf"-----BEGIN (?:[A-Z0-9]+ )*{block}-----", text)
        else (f"holds no {block.lower()} in PEM form")
    )
