"""The proxy's log as tests read it: finished requests of the access log, and tunnels still open."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ProxyEntry:
    """One request to the proxy.

    `time` is when it began (Unix time, seconds), `client` the address that asked, `target` what
    followed the method ("registry-1.docker.io:443"), `status` the answer's HTTP status, `user` the
    name that logged in, if any. `open` marks a tunnel out of squid's own list of open ones, taken
    now or when squid was stopped: a tunnel gets into the log only when it closes.
    """

    time: float
    client: str
    method: str
    target: str
    status: int
    user: str | None
    open: bool = False


def parse_access_log(text: str) -> list[ProxyEntry]:
    """Entries of the log in the format "lab" of squid.conf; unfinished last lines are left out."""
    entries = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) != 6 or not fields[4].isdigit():
            continue
        began, client, method, target, status, user = fields
        who = None if user == "-" else user
        entries.append(ProxyEntry(float(began), client, method, target, int(status), who))
    return entries


def parse_active_requests(text: str) -> list[ProxyEntry]:
    """Open tunnels in the report "active_requests" of squid's cache manager."""
    entries = []
    for block in re.split(r"^Connection: ", text, flags=re.MULTILINE)[1:]:
        client = re.search(r"^\s*remote: (\S+):\d+", block, re.MULTILINE)
        target = re.search(r"^uri (\S+)", block, re.MULTILINE)
        kind = re.search(r"^logType (\S+)", block, re.MULTILINE)
        began = re.search(r"^start (\d+\.\d+)", block, re.MULTILINE)
        user = re.search(r"^username (\S+)", block, re.MULTILINE)
        if not (client and target and kind and began) or "TUNNEL" not in kind[1]:
            continue
        who = user[1] if user and user[1] != "-" else None
        entries.append(
            ProxyEntry(float(began[1]), client[1], "CONNECT", target[1], 200, who, open=True)
        )
    return entries


def merge(finished: Sequence[ProxyEntry], active: Sequence[ProxyEntry]) -> list[ProxyEntry]:
    """Both, oldest first, without tunnels that were open when listed and are logged by now."""

    def key(entry: ProxyEntry) -> tuple[str, str, int]:
        # The log cuts to milliseconds, the list has microseconds.
        return entry.client, entry.target, int(entry.time * 1000 + 0.0005)

    logged = {key(entry) for entry in finished}
    still = [entry for entry in active if key(entry) not in logged]
    return sorted([*finished, *still], key=lambda entry: entry.time)
