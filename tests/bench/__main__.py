"""`python -m tests.bench`: measures everything and writes docs/performance.*; `--quick` once."""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from nas.errors import RefusedError
from tests.bench import ansible, fleet
from tests.bench import page as page_of
from tests.bench.box import put_back
from tests.bench.contenders import Contender, Floor, Ours, Peer
from tests.bench.duel import BUMP, COLD, NO_PROXY, Duel, forget
from tests.bench.job import STACK, make_job
from tests.bench.process import timed
from tests.bench.results import FILE, Machine, Results, load, save
from tests.bench.yardstick import make_yardstick
from tests.lab import box
from tests.lab.engine import Engine, ensure_engine
from tests.lab.process import LabError, say, take_interrupts
from tests.lab.project import forget_known_hosts, open_project

ROUNDS = 3
SIZES = (1, 4, 8)
QUICK_SIZES = (1, 2)


def main(arguments: Sequence[str] | None = None) -> int:
    """1 with a line on stderr when a contender fails; nothing is written then."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round; the page stays as it is")
    parser.add_argument("--page", action="store_true", help="the page alone, from the figures")
    parser.add_argument("--json", type=Path, help="where the figures go instead")
    parser.add_argument("--instance", default=os.environ.get("NAS_K3S_TEST_INSTANCE", "bench"))
    options = parser.parse_args(arguments)
    take_interrupts()
    if options.page:
        page_of.write(load())
        return 0
    rounds, sizes = (1, QUICK_SIZES) if options.quick else (ROUNDS, SIZES)
    file = options.json or (Path(tempfile.gettempdir()) / "bench.json" if options.quick else FILE)
    try:
        results = measure(options.instance, rounds, sizes)
    except (LabError, RefusedError) as error:
        print(f"bench: error: {error}", file=sys.stderr)
        return 1
    save(results, file)
    say(f"figures: {file}")
    if file == FILE:
        page_of.write(results)
    return 0


def measure(instance: str, rounds: int, sizes: Sequence[int]) -> Results:
    """All of it; the NAS are removed afterwards, unless NAS_K3S_KEEP_LAB says otherwise."""
    engine = ensure_engine()
    peer = ansible.ensure()
    load_before = os.getloadavg()[0]
    with box.session(instance):
        lab = box.up(instance)
        duel = _duel(lab, engine, peer, rounds)
        forget_known_hosts(lab)
    with fleet.labs(f"{instance}n", max(sizes)) as running:
        stacks = fleet.measure(running, engine, sizes, rounds)
        for each in running:
            forget_known_hosts(each)
    return Results(
        measured=datetime.now(UTC).date().isoformat(),
        machine=_machine(load_before),
        versions=_versions(engine, peer),
        rounds=rounds,
        runs=duel.runs,
        bounce=duel.bounce,
        memory=duel.memory,
        fleet=stacks,
    )


def _duel(lab: box.Lab, engine: Engine, peer: ansible.Ansible, rounds: int) -> Duel:
    ours = Ours(open_project(lab, engine, STACK))
    forget(ours)
    put_back(lab)
    duel = Duel(lab)
    jobs = {wanted: make_job(lab, wanted) for wanted in (COLD, NO_PROXY, BUMP)}
    contenders: list[Contender] = [Floor(lab, jobs), Peer(lab, jobs, peer), ours]
    yardsticks = [make_yardstick(lab, engine, "empty"), make_yardstick(lab, engine, "providers")]
    # First, because it also fills what the machine keeps of files that all need.
    duel.memory_round(ours)
    for yardstick in yardsticks:
        timed(yardstick.up())
    for number in range(1, rounds + 1):
        duel.yardsticks(number, yardsticks)
        duel.round(number, contenders)
    return duel


def _machine(load_before: float) -> Machine:
    cpu = Path("/proc/cpuinfo").read_text()
    named = re.search(r"model name\s*: (.*)", cpu)
    memory = re.search(r"MemTotal:\s*(\d+) kB", Path("/proc/meminfo").read_text())
    return Machine(
        processor=named[1].strip() if named else platform.machine(),
        cores=os.cpu_count() or 1,
        memory_gib=round(int(memory[1]) / 2**20, 1) if memory else 0.0,
        # What follows is of this one machine.
        kernel=platform.release().partition("-")[0],
        load=round(load_before, 2),
    )


def _versions(engine: Engine, peer: ansible.Ansible) -> dict[str, str]:
    plugins = {f"provider {p.name}": f"{p.version} ({p.origin})" for p in engine.plugins}
    return {
        "Pulumi": engine.version,
        **plugins,
        "Python": platform.python_version(),
        **peer.versions(),
    }


if __name__ == "__main__":
    sys.exit(main())
