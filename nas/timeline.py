"""The timeline of an `up`: the stages from nothing to a ready cluster, by the clock of the NAS.

Pure: what the scripts print becomes stages. The times come from the NAS's own notes, see
`scripts/timeline.sh` and the stamps of `scripts/daemon-proxy.sh`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nas.fact_lines import values_of
from nas.facts import Facts

STAGES = (
    "write-config",
    "restart-daemon",
    "verify",
    "pull-image",
    "start-container",
    "k3s-init",
    "pause",
    "coredns",
    "traefik",
    "ready",
)
"""In the order in which they begin. `verify`: Docker asked the registry for the image, through its
new proxy, before it pulls."""

EXPECTED: Mapping[str, tuple[float, float]] = {
    "write-config": (0, 30),
    "restart-daemon": (30, 40),
    "pull-image": (40, 120),
    "verify": (120, 130),
    "start-container": (130, 140),
    "k3s-init": (140, 160),
    "pause": (160, 180),
    "coredns": (180, 210),
    "traefik": (210, 240),
    "ready": (240, 250),
}
"""Seconds of a first `up` behind a good line, as drawn: a reference, measured nowhere."""

IMAGES = {
    "pause": ("mirrored-pause", "pause"),
    "coredns": ("mirrored-coredns-coredns", "coredns"),
    "traefik": ("mirrored-library-traefik", "klipper-helm", "traefik"),
}
"""Stage -> last parts of the names of its images; helm is what installs Traefik."""


@dataclass(frozen=True)
class Stage:
    """One stage. `start` and `end` in epoch seconds, both None: it did not run in this `up`."""

    name: str
    start: float | None = None
    end: float | None = None

    @property
    def seconds(self) -> float | None:
        """How long it took."""
        return None if self.start is None or self.end is None else self.end - self.start


_QUIET = "q"
"""Behind the time of a run that left the daemon as it was: timeline.sh knows it too."""


def key(daemon: str, pull: str, container_id: str) -> str:
    """Names everything that a timeline is made of: where it stays the same, so does the timeline.

    Args:
        daemon: what daemon-proxy.sh printed.
        pull: what `image-pull.sh` printed.
    """
    did = "yes" in (_value(daemon, "changed"), _value(daemon, "restarted"))
    quiet = "" if did else _QUIET
    return f"{daemon_began(daemon)}{quiet}-{_value(pull, 'time') or '0'}-{container_id[:12]}"


def daemon_began(daemon: str) -> str:
    """When daemon-proxy.sh ran, by its notes; `0`: it said nothing."""
    return _value(daemon, "time_began") or "0"


def since_unmeasured(facts: Facts, *, proxied: bool = True) -> str | None:
    """The time on the NAS now, where something happened there after the last timeline was measured:
    an up ended before its own, and what it did is none of what the next one does. None: all that
    happened was measured.

    Args:
        proxied: whether the plan has a proxy.
    """
    if facts.time is None:
        return None
    if not proxied and facts.container_proxied and not facts.applied_put:
        # It has taken Docker's proxy away, of which no record is left, and so no time.
        return str(facts.time)
    happened = (facts.applied_time, _epoch(facts.container_created))
    last = facts.measured or 0
    # The script's clock knows no parts of a second.
    return (
        str(facts.time) if any(time is not None and int(time) > last for time in happened) else None
    )


def read_stages(daemon: str, pull: str, measured: str) -> tuple[Stage, ...]:
    """All stages, from what the scripts printed; `measured` is of `timeline.sh measure`."""
    since = _epoch(_value(measured, "since")) or 0.0
    found = {
        **_daemon_stages(daemon, since),
        **_pull(pull, since),
        **_container_stages(measured, since),
    }
    return tuple(Stage(name, *found.get(name, (None, None))) for name in STAGES)


def to_line(stages: Iterable[Stage]) -> str:
    """As the stack exports them: `STAGE START END, STAGE -, ...`, in seconds since the epoch to the
    millisecond; a dash for what did not run. No JSON: the engine would show fifty lines of it."""
    return ", ".join(
        f"{stage.name} -"
        if stage.start is None or stage.end is None
        else f"{stage.name} {_rounded(stage.start)} {_rounded(stage.end)}"
        for stage in stages
    )


def from_line(text: str) -> tuple[Stage, ...]:
    """From the stack's output; a stage that is not in it did not run.

    Raises:
        ValueError: for what is no timeline.
    """
    found: dict[str, Times] = {}
    for entry in text.split(", "):
        name, *times = entry.split(" ")
        if name not in STAGES:
            raise ValueError("an entry of the timeline is not a stage")
        if times != ["-"]:
            start, end = map(float, times)
            found[name] = (start, end)
    return tuple(Stage(name, *found.get(name, (None, None))) for name in STAGES)


def measured_at(measured: str) -> float | None:
    """When `timeline.sh measure` ran."""
    return _epoch(_value(measured, "measured"))


def is_new(measured: str) -> bool:
    """Whether anything happened that no earlier run has measured."""
    return _value(measured, "known") != "yes"


def span(stages: Iterable[Stage]) -> tuple[float, float] | None:
    """Beginning of the first and end of the last stage that ran; None when none did."""
    starts = [stage.start for stage in stages if stage.start is not None]
    ends = [stage.end for stage in stages if stage.end is not None]
    return (min(starts), max(ends)) if starts and ends else None


Times = tuple[float, float]


def _daemon_stages(daemon: str, since: float) -> Mapping[str, Times]:
    def at(name: str) -> float | None:
        return _epoch(_value(daemon, f"time_{name}"))

    began = at("began")
    if began is None or began < since:
        return {}
    return {
        **_stage("write-config", began, at("written")),
        **_stage("restart-daemon", at("restarting"), at("restarted")),
        **_stage("verify", at("restarted"), at("verified")),
    }


def _pull(pull: str, since: float) -> Mapping[str, Times]:
    """Nothing: the image was there already."""
    began, took = _epoch(_value(pull, "pulling")), _seconds(_value(pull, "pull_took"))
    if began is None or took is None or began < since:
        return {}
    return _stage("pull-image", began, began + took)


def _container_stages(measured: str, since: float) -> Mapping[str, Times]:
    created = _epoch(_value(measured, "created"))
    started = _epoch(_value(measured, "started"))
    if created is None or started is None:
        return {}
    found: dict[str, Times] = {}
    initialised = None
    if created >= since:
        initialised = _initialised(measured, started)
        found |= _stage("start-container", created, started)
        found |= _stage("k3s-init", started, initialised)
    begin = max(started, since)
    pulls = _image_stages(measured, begin)
    before = [begin, *([initialised] if initialised else []), *(end for _, end in pulls.values())]
    proofs = (line.split() for line in _values(measured, "smoke"))
    proven = [_epoch(fields[1]) for fields in proofs if len(fields) == 2]
    last = max((end for end in proven if end is not None and end >= since), default=None)
    return {**found, **pulls, **_stage("ready", max(before), last)}


def _initialised(measured: str, started: float) -> float | None:
    """When the node became Ready, or, where Kubernetes never took it for not ready, when its
    kubelet began anew. Kubernetes writes whole seconds."""
    for line in _values(measured, "node"):
        status, _, time = line.partition(" ")
        ready = _epoch(time)
        if status == "True" and ready is not None and ready >= int(started):
            return max(ready, started)
    again = [_epoch(time) for time in _values(measured, "kubelet")]
    fresh = [time for time in again if time is not None and time >= int(started)]
    return max(min(fresh), started) if fresh else None


def _image_stages(measured: str, started: float) -> Mapping[str, Times]:
    """Pulls inside the cluster: containerd's notes, else the kubelet's events."""
    pulls = [_containerd_pull(line) for line in _values(measured, "pulled")]
    pulls += [_event_pull(line) for line in _values(measured, "event")]
    found: dict[str, Times] = {}
    for stage, names in IMAGES.items():
        times = [
            (start, end)
            for name, start, end in filter(None, pulls)
            if name in names and end >= int(started)
        ]
        if times:
            # The more exact notes come first; Traefik needs two images.
            exact = [pair for pair in times if not pair[1].is_integer()] or times
            found[stage] = (
                max(min(start for start, _ in exact), started),
                max(end for _, end in exact),
            )
    return found


_Pull = tuple[str, float, float]


def _containerd_pull(line: str) -> _Pull | None:
    fields = line.split()
    if len(fields) != 3:
        return None
    return _ended(fields[1], _epoch(fields[0]), fields[2])


_PULLED = re.compile(r'(\S+) Successfully pulled image "([^"]+)" in (\S+)')


def _event_pull(line: str) -> _Pull | None:
    match = _PULLED.match(line)
    return None if match is None else _ended(match[2], _epoch(match[1]), match[3])


def _ended(image: str, end: float | None, took: str) -> _Pull | None:
    seconds = _go_duration(took)
    if end is None or seconds is None:
        return None
    name = re.sub(r"(@.*|:[^/:]*)$", "", image).rpartition("/")[2]
    return name, end - seconds, end


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "µs": 1e-6, "us": 1e-6, "ns": 1e-9}


def _go_duration(text: str) -> float | None:
    """Seconds of a duration as Go prints it, e.g. 1m2.5s."""
    parts = re.findall(r"([0-9.]+)(h|ms|m|s|µs|us|ns)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    try:
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    except ValueError:
        return None


def _seconds(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]{1,9}\.[0-9]{2}", text, re.ASCII) else None


def _stage(name: str, start: float | None, end: float | None) -> Mapping[str, Times]:
    if start is None or end is None or end < start:
        return {}
    return {name: (start, end)}


def _values(text: str, name: str) -> Sequence[str]:
    return values_of(text).get(name, ())


def _value(text: str, name: str) -> str:
    return next(iter(_values(text, name)), "")


def _epoch(text: str) -> float | None:
    """Epoch seconds of a number, or of a time as Docker and Kubernetes write it (RFC 3339)."""
    if re.fullmatch(r"[0-9]{1,12}", text, re.ASCII):
        return float(text)
    try:
        time = datetime.fromisoformat(text)
        # Docker writes year 1 for what never happened; without a zone it would be ours.
        return time.timestamp() if time.tzinfo is not None and time.year > 1970 else None
    except (ValueError, OverflowError):
        return None


def _rounded(time: float) -> float:
    return int(time) if time.is_integer() else round(time, 3)
