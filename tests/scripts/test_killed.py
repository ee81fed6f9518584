"""daemon-proxy.sh that is killed at each of its steps: nothing of the owner's is lost, and whatever
runs next, up or destroy, ends as if nothing had been.

A step is a command that changes something: cp, mv, rm, ln, mkdir, rmdir, cat, printf and what the
daemon's restart does. Between two of them nothing differs, so a kill before each is a kill at every
moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from nas.remote_script import render
from tests.scripts.daemon import apply, restore, variables
from tests.scripts.fake_nas import Done, FakeNas
from tests.scripts.test_daemon_routes import CASES, Case, reply, tree

# `kill -9 0` ends the whole process group: the script and all that it has started.
POINT = """point() {
  command printf . >>/state/points
  read -r points </state/points || :
  [ "${#points}" -ne "$(command cat /state/kill_at)" ] || kill -9 0
}
"""
STEPS = ("cp", "mv", "rm", "ln", "mkdir", "rmdir", "cat", "printf")
COUNTED = ". /state/point.sh\n" + "".join(
    f'{step}() {{ point; command {step} "$@"; }}\n' for step in STEPS
)
NEVER = 0
KINDS = {f"{case.kind}-{case.engine}": case for case in CASES if case.kind != "custom"}
WORKERS = 4
"""Roots that are worked on at once: a run mostly waits."""


@dataclass
class Sweep:
    """One kind of NAS, on which a run is killed."""

    nas: FakeNas
    place: Path
    before: dict[str, bytes]
    original: bytes | None
    wanted: bytes

    def killed(self, mode: str, at: int) -> tuple[int, Done]:
        """Runs the script up to the step with this number; how many steps there were."""
        nas = self.nas
        nas.write("/state/point.sh", POINT)
        nas.write("/state/points", "")
        nas.write("/state/kill_at", str(at))
        nas.write("/state/script", COUNTED + render("daemon-proxy.sh", variables()))
        # In the background, so that setsid makes no further process.
        done = nas.shell(f"setsid sh -s {mode} </state/script & wait $!")
        nas.path("/state/point.sh").unlink()
        return len(nas.read("/state/points")), done

    def nothing_is_lost(self) -> None:
        """The file is the owner's or the wanted one, whole, and what was there can come back."""
        now = content(self.place)
        assert now in (self.original, self.wanted)
        kept = content(self.place.with_name(f"{self.place.name}.nas-k3s-original"))
        absent = self.place.with_name(f"{self.place.name}.nas-k3s-absent")
        if now != self.original:
            assert kept == self.original if self.original is not None else absent.exists()

    def up_ends_well(self) -> None:
        # A Docker that the kill left down is started first, with the owner's file.
        starts = self.nas.starts + (0 if self.nas.path("/state/up").exists() else 1)
        done = apply(self.nas)
        assert done.status == 0, done.err
        assert content(self.place) == self.wanted
        assert self.nas.read("/state/http") == "http://192.168.31.198:7222"
        assert self.nas.starts <= starts + 1, done.err
        self.household_runs(done)

    def destroy_ends_well(self) -> None:
        done = restore(self.nas)
        assert done.status == 0, done.err
        assert self.differs() == [], done.err
        assert self.nas.read("/state/http") == ""
        self.household_runs(done)

    def differs(self) -> list[str]:
        """Files that are not as they were at first; the contents would make long messages."""
        now = tree(self.nas)
        return [
            name
            for name in sorted(now.keys() | self.before.keys())
            if now.get(name) != self.before.get(name)
        ]

    def household_runs(self, done: Done) -> None:
        assert self.nas.path("/state/up").exists(), done.err
        assert self.nas.running() == {"photos", "notes"}, done.err


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def sweep_of(case: Case, folder: Path) -> Sweep:
    nas = FakeNas(folder, kind=case.kind, engine=case.engine, config=case.config)
    before, place = tree(nas), nas.path(case.place)
    original = content(place)
    assert apply(nas).status == 0
    wanted = content(place)
    assert wanted is not None
    assert restore(nas).status == 0
    return Sweep(nas, place, before, original, wanted)


def before_apply(_: Sweep) -> None:
    """A NAS that never saw us."""


def before_restore(sweep: Sweep) -> None:
    assert apply(sweep.nas).status == 0


def before_roll_back(sweep: Sweep) -> None:
    reply(sweep.nas, 500, "Get https://registry-1.docker.io/v2/: proxyconnect tcp: refused")


def heal(sweep: Sweep) -> None:
    sweep.nas.write("/state/reply", "HTTP/1.0 200 OK\r\n\r\n{}\n")


RUNS = {
    "up": ("apply", before_apply),
    "destroy": ("restore", before_restore),
    "up that rolls back": ("apply", before_roll_back),
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_at_any_step_loses_nothing_and_the_next_run_ends_well(
    tmp_path: Path, kind: str, run: str
) -> None:
    mode, prepare = RUNS[run]

    def one(sweep: Sweep, at: int) -> int:
        prepare(sweep)
        steps, done = sweep.killed(mode, at)
        if at == NEVER:
            return steps
        try:
            sweep.nothing_is_lost()
            heal(sweep)
            if at % 2:
                sweep.up_ends_well()
            sweep.destroy_ends_well()
        except AssertionError as error:
            raise AssertionError(f"killed at step {at}, after: {done.err}\n{error}") from error
        return steps

    def share(number: int) -> Iterator[int]:
        sweep = sweep_of(KINDS[kind], tmp_path / str(number))
        steps = one(sweep, NEVER)
        heal(sweep)
        sweep.destroy_ends_well()
        for at in range(1 + number, steps + 1, WORKERS):
            yield one(sweep, at)

    with ThreadPoolExecutor(WORKERS) as pool:
        parts = list(pool.map(lambda number: list(share(number)), range(WORKERS)))
    reached = [step for part in parts for step in part]
    # Each kill took place, and each at another step.
    assert len(set(reached)) > 20
