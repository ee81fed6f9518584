"""daemon-proxy.sh that is killed at each of its steps: nothing of the owner's is lost, and whatever
runs next, up or destroy, ends as if nothing had been.

A step is a command that changes something: cp, mv, rm, ln, mkdir, rmdir, cat, printf and what the
daemon's restart does. Between two of them nothing differs, so a kill before each is a kill at every
moment.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from nas.remote_script import render
from tests.reliability import FaultTable, Row
from tests.scripts.daemon import apply, restore, variables, without_proxy
from tests.scripts.fake_nas import Done, FakeNas
from tests.scripts.test_daemon_routes import CASES, Case, reply, tree

# It kills once: what goes on meets no other process that has the number by then.
POINT = """point() {
  command printf . >>/state/points
  read -r points </state/points || :
  kill_at=$(command cat /state/kill_at)
  [ "$kill_at" -eq 0 ] || [ "${#points}" -lt "$kill_at" ] || {
    echo 0 >/state/kill_at
    kill -9 "$VICTIM"
  }
}
"""
STEPS = ("cp", "mv", "rm", "ln", "mkdir", "rmdir", "cat", "printf")
COUNTED = ". /state/point.sh\n" + "".join(
    f'{step}() {{ point; command {step} "$@"; }}\n' for step in STEPS
)
# Of `kill -9`: the process group, or the script without what it has started.
ALL, SCRIPT = "0", "$$"
NEVER = 0
KILLED = 128 + 9
"""The status of a shell that was killed."""
KINDS = {case.name: case for case in CASES if case.kind != "custom"}
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
    victim: str = ALL

    def killed(self, mode: str, at: int) -> tuple[int, Done]:
        """Runs the script up to the step with this number; how many steps there were."""
        nas = self.nas
        nas.write("/state/point.sh", POINT)
        nas.write("/state/points", "")
        nas.write("/state/kill_at", str(at))
        text = f"export VICTIM={self.victim}\n" + COUNTED
        nas.write("/state/script", text + render("daemon-proxy.sh", variables()))
        # In the background, so that setsid makes no further process. Descriptor 9 is open until
        # what the script has started has ended too.
        done = nas.shell(f"setsid sh -s {mode} </state/script 9>&1 & wait $!")
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
        starts = self.nas.starts + (0 if self.nas.daemon_runs else 1)
        done = apply(self.nas)
        assert done.status == 0, done.err
        assert content(self.place) == self.wanted
        assert self.nas.read("/state/http") == "http://192.168.31.198:7222"
        assert self.nas.starts <= starts + 1, done.err
        self.household_runs(done)

    def destroy_ends_well(self, *, without: bool = False) -> None:
        """And an up of a stack that has no proxy any more."""
        mode = without_proxy() if without else variables()
        done = self.nas.run("daemon-proxy.sh", "restore", mode)
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


def sweep_of(case: Case, folder: Path, victim: str) -> Sweep:
    nas = FakeNas(folder, kind=case.kind, engine=case.engine, config=case.config)
    before, place = tree(nas), nas.path(case.place)
    original = content(place)
    assert apply(nas).status == 0
    wanted = content(place)
    assert wanted is not None
    assert restore(nas).status == 0
    return Sweep(nas, place, before, original, wanted, victim)


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


@dataclass(frozen=True)
class Ended:
    """How many steps a run came to, and its status."""

    steps: int
    status: int


def kill_at(sweep: Sweep, run: str, at: int) -> Ended:
    """Kills a run there, and proves that the next ones end well."""
    mode, prepare = RUNS[run]
    prepare(sweep)
    steps, done = sweep.killed(mode, at)
    try:
        sweep.nothing_is_lost()
        heal(sweep)
        # Every other time destroy has to do by itself.
        if at % 2:
            sweep.up_ends_well()
        sweep.destroy_ends_well(without=at % 4 > 1)
    except AssertionError as error:
        raise AssertionError(f"{run}, killed at step {at}: {done.err}\n{error}") from error
    return Ended(steps, done.status)


def sweeps_of(kind: str, folder: Path, victim: str = ALL) -> list[Sweep]:
    return [sweep_of(KINDS[kind], folder / str(number), victim) for number in range(WORKERS)]


def killed_everywhere(sweeps: list[Sweep], run: str, stride: int = 1) -> set[int]:
    """The steps at which the run was killed: from the first to the last, so far apart."""
    whole = kill_at(sweeps[0], run, NEVER)
    assert whole.status != KILLED

    def share(number: int) -> list[tuple[int, Ended]]:
        points = range(1 + number * stride, whole.steps + 1, len(sweeps) * stride)
        return [(at, kill_at(sweeps[number], run, at)) for at in points]

    with ThreadPoolExecutor(len(sweeps)) as pool:
        tried = [each for found in pool.map(share, range(len(sweeps))) for each in found]
    reached = {at for at, ended in tried if ended.status == KILLED}
    # Docker's restart, the script that waits for it and a pipe take steps at the same time; a
    # restart that nobody kills takes all of its own.
    later = range(4 if sweeps[0].victim == ALL else 11)
    odd = [each for each in tried if each[0] in reached and each[1].steps - each[0] not in later]
    # Each look at whether Docker is back is a step, and a busy machine looks more often: another
    # run may be at its end before the last steps of the one that was counted.
    early = [each for each in tried if each[0] not in reached]
    odd += [each for each in early if each[1].status != whole.status or each[1].steps >= each[0]]
    assert odd == [], f"of {whole}"
    assert len(early) < len(tried) / 2, f"most kills did not take place: {early}"
    return reached


def test_a_run_that_is_killed_at_any_step_loses_nothing_and_the_next_run_ends_well(
    tmp_path: Path, fault_table: FaultTable
) -> None:
    steps, sweeps = 0, sweeps_of("qnap-27.1.2-qnap8-file", tmp_path)
    for run in RUNS:
        steps += len(killed_everywhere(sweeps, run))
    assert steps > 150
    fault_table.row(
        Row(
            "kill-step",
            (),
            ("at each moment the file is yours or the wanted one",),
            "`up` ends well, and so does `destroy` at once; tried at more than 150 steps of `up`, "
            "of its way back and of `destroy`",
        )
    )


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("qnap-27")])
def test_every_other_way_of_a_proxy_survives_kills_too(tmp_path: Path, kind: str) -> None:
    sweeps = sweeps_of(kind, tmp_path)
    for run in RUNS:
        # Odd, so that up and destroy take turns.
        assert len(killed_everywhere(sweeps, run, 9)) > 3


@pytest.mark.parametrize("kind", ["qnap-27.1.2-qnap8-file", "synology-24.0.2-file"])
def test_a_script_that_is_killed_alone_is_completed_though_what_it_started_went_on(
    tmp_path: Path, kind: str
) -> None:
    sweeps = sweeps_of(kind, tmp_path, SCRIPT)
    for run in RUNS:
        assert len(killed_everywhere(sweeps, run, 9)) > 3
