"""Which version of k3s may follow the one that ran on the cluster's data, see `nas.versions`."""

from __future__ import annotations

import json

from nas.errors import Problem, set_command
from nas.facts import Facts
from nas.settings import Settings
from nas.versions import Version, image_version, parse_version, step

NEWEST = "https://update.k3s.io/v1-release/channels/"
"""Followed by a minor, it leads to the newest release of that minor."""


def check_upgrade(settings: Settings, facts: Facts) -> list[Problem]:
    """A skipped minor, a way down across minors, and a snapshot that cannot be put back."""
    wanted = image_version(settings.image)
    if _restores(settings, facts):
        return _check_restore(settings, facts, wanted)
    ran = running_version(settings, facts)
    if ran is None or wanted is None:
        return []
    match step(ran, wanted):
        case "skips":
            return [_skipped(settings, ran, wanted)]
        case "goes back":
            return [_went_back(settings, facts, ran, wanted)]
    return []


def unchecked_upgrade(settings: Settings, facts: Facts) -> list[str]:
    """A line when the image changes and a version is not known, else nothing."""
    if _restores(settings, facts) or not (facts.ran_image or facts.container_tags):
        return []
    ran = running_version(settings, facts)
    wanted = image_version(settings.image)
    same = settings.image in (facts.ran_image, *images_of_container(facts))
    if same or (ran is not None and wanted is not None):
        return []
    unknown = f"the version of {settings.image}" if wanted is None else "what runs now"
    return [
        f"{unknown} is not known: make sure that k3s goes up by one minor at most, and never down"
    ]


def images_of_container(facts: Facts) -> tuple[str, ...]:
    """The names of the image that the k3s container was made of, as a setting may write them."""
    tags = {tag if "/" in tag else f"library/{tag}" for tag in facts.container_tags}
    return (*tags, *(f"docker.io/{tag}" for tag in tags))


def announced(settings: Settings, facts: Facts) -> list[str]:
    """What another version means for those who use the cluster: one line, or nothing."""
    if _restores(settings, facts):
        return [
            f"the data goes back to the snapshot {settings.restore_snapshot}: what changed in the "
            "cluster since is moved aside"
        ]
    ran, wanted = running_version(settings, facts), image_version(settings.image)
    if not facts.container or ran is None or wanted is None or ran == wanted:
        return []
    return [
        f"k3s goes from {ran} to {wanted}: its image is pulled and the data kept while {ran} runs; "
        "then the cluster restarts with its pods, and Docker and what else it runs do not"
    ]


def pending_restore(settings: Settings, facts: Facts | None) -> tuple[str, ...]:
    """Why the container is made anew with other data; empty: nothing is to be put back."""
    if facts is None or not facts.engine or not _restores(settings, facts):
        return ()
    return (f"the snapshot {settings.restore_snapshot} is put back",)


def running_version(settings: Settings, facts: Facts) -> Version | None:
    """What runs on the cluster's data or was the last to, None where nothing tells it."""
    noted = parse_version(facts.ran_version)
    if settings.restore_snapshot and not _restores(settings, facts):
        # The data of the snapshot is there, while the container may still be of another version.
        return noted
    # The note is written before a container is replaced: one that is there says what really ran.
    tags = (image_version(tag) for tag in facts.container_tags)
    return next((version for version in tags if version is not None), noted)


def _restores(settings: Settings, facts: Facts) -> bool:
    return settings.restore_snapshot is not None and settings.restore_snapshot != facts.restored


def _shown(settings: Settings) -> str:
    return json.dumps(settings.k3s_image or settings.k3s_version)


def _set(settings: Settings, version: Version) -> str:
    if settings.k3s_image:
        return f"an image of {version} in k3sImage"
    return set_command("k3sVersion", str(version))


def _skipped(settings: Settings, ran: Version, wanted: Version) -> Problem:
    following = f"v{ran.major}.{ran.minor + 1}"
    return Problem(
        settings.image_setting,
        _shown(settings),
        f"skips a minor: {ran} runs on the cluster's data, and Kubernetes goes up one minor at a "
        "time",
        f"go to {following} first: write its newest release ({NEWEST}{following} leads to it), "
        f"`pulumi up`, then go on to {wanted.line}",
    )


def _went_back(settings: Settings, facts: Facts, ran: Version, wanted: Version) -> Problem:
    snapshots = [name for name in facts.snapshots if _taken_of(name) == wanted]
    if snapshots:
        fix = (
            "to go back with the data of then, which loses what changed since: "
            f"{set_command('restoreSnapshot', snapshots[0])}"
        )
    else:
        others = ", ".join(
            name
            for name in facts.snapshots
            if (taken := _taken_of(name)) is not None and taken.line == wanted.line
        )
        fix = f"write a release of {ran.line}: {_set(settings, ran)}"
        if others:
            fix += f"; or go back to the version of a snapshot (restoreSnapshot): {others}"
    return Problem(
        settings.image_setting,
        _shown(settings),
        f"is older than {ran}, which ran on the cluster's data: Kubernetes has no way down across "
        "minors",
        fix,
    )


def _taken_of(snapshot: str) -> Version | None:
    return parse_version(snapshot.rpartition("-")[0])


def _check_restore(settings: Settings, facts: Facts, wanted: Version | None) -> list[Problem]:
    name = settings.restore_snapshot or ""
    shown = json.dumps(name)
    if not facts.engine:
        return []
    if name not in facts.snapshots:
        fix = f"write one of {', '.join(facts.snapshots)}" if facts.snapshots else "remove it"
        there = "that is on the NAS" if facts.snapshots else "on the NAS: there are none"
        return [Problem("restoreSnapshot", shown, f"is no snapshot {there}", fix)]
    taken = _taken_of(name)
    if taken is None or wanted is None or taken == wanted:
        return []
    return [
        Problem(
            "restoreSnapshot",
            shown,
            f"was taken of {taken}, and {settings.image_setting} asks for {wanted}: the data goes "
            "back together with its version",
            f"{_set(settings, taken)} (later you can go up from there)",
        )
    ]
