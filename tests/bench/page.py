"""docs/performance.md and its picture, made from docs/performance.json and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tests.bench.goals import Goal, down, goals
from tests.bench.plot import plot
from tests.bench.results import QUIET_RUNS, Case, FleetCase, Results, Tool
from tests.bench.stats import Spread, spread
from tests.lab.paths import REPO

PAGE = REPO / "docs" / "performance.md"
PICTURE = REPO / "docs" / "performance.svg"

CASES: Mapping[Case, str] = {
    "cold": "first `up`",
    "no-op": "`up`, nothing to do",
    "preview": "`preview`",
    "no-proxy": "another `noProxy`",
    "bump": "another `k3sVersion`",
    "destroy": "`destroy`",
}
TOOLS: Mapping[Tool, str] = {"floor": "script", "ansible": "playbook", "ours": "this program"}
FLEET: Mapping[FleetCase, str] = {
    "up": "first `up`",
    "no-op": "`up`, nothing to do",
    "destroy": "`destroy`",
}


def page(results: Results) -> str:
    """The page's text."""
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    return _TEXT.format(
        rounds=results.rounds,
        quiet=QUIET_RUNS,
        measured=results.measured,
        machine=_machine(results),
        versions=versions,
        seconds=_table(
            ("seconds", *TOOLS.values()),
            (
                (title, *(_cell(results.of(tool, case)) for tool in TOOLS))
                for case, title in CASES.items()
            ),
        ),
        yardsticks=_table(
            ("seconds", "one `import`", "three providers", "this program"),
            (
                (CASES[case], *(_cell(results.of(tool, case)) for tool in _YARDSTICKS))
                for case in ("no-op", "preview")
            ),
        ),
        goals=_table(("goal", "at most", "measured", ""), map(_goal, goals(results))),
        missed=_missed(goals(results)),
        counts=_table(
            (
                "",
                *(f"{name}: {what}" for name in TOOLS.values() for what in ("logins", "restarts")),
            ),
            ((title, *_counts(results, case)) for case, title in CASES.items()),
        ),
        down=_table(
            ("seconds without the API", ""),
            (
                *(
                    (f"{name}, another version", _cell(results.of(t, "bump", down)))
                    for t, name in TOOLS.items()
                ),
                ("k3s stopped and started", _cell(spread(results.bounce))),
            ),
        ),
        memory=_table(
            ("", "MiB", "of which"),
            ((CASES[one.case], f"{one.mib:.0f}", _parts(one.parts)) for one in results.memory),
        ),
        fleet=_table(
            (
                "seconds per stack",
                *(f"{n} {'stack' if n == 1 else 'stacks'}" for n in _sizes(results)),
            ),
            (
                (title, *(_per_stack(results, case, n) for n in _sizes(results)))
                for case, title in FLEET.items()
            ),
        ),
        fleet_memory=", ".join(
            f"{max(run.mib for run in results.fleet if run.stacks == n):.0f} MiB for {n}"
            for n in _sizes(results)
        ),
    )


def picture(results: Results) -> str:
    """The SVG."""
    groups = {
        title.replace("`", ""): {TOOLS[tool]: results.of(tool, case) for tool in TOOLS}
        for case, title in CASES.items()
    }
    title = f"Seconds, median of {results.rounds} rounds; the lines go from the least to the most"
    return plot(title, "seconds", groups, list(TOOLS.values()))


def write(results: Results) -> None:
    """Page and picture."""
    PAGE.write_text(page(results), encoding="utf-8")
    PICTURE.write_text(picture(results), encoding="utf-8")


_YARDSTICKS: tuple[Tool, ...] = ("empty", "providers", "ours")


def _machine(results: Results) -> str:
    machine = results.machine
    return (
        f"{machine.cores} cores ({machine.processor}), {machine.memory_gib:g} GiB, "
        f"Linux {machine.kernel}, load {machine.load:g} before the first run"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    lines.insert(1, "|---" * len(head) + "|")
    return "\n".join(lines)


def _cell(figure: Spread | None) -> str:
    if figure is None:
        return ""
    return f"**{figure.middle:.1f}** ({figure.least:.1f} to {figure.most:.1f})"


def _goal(goal: Goal) -> tuple[str, ...]:
    def shown(number: float) -> str:
        return f"{number:.2f}x" if goal.unit == "x" else f"{number:g}"

    wanted = f"{goal.most:g}{goal.unit}" if goal.least == 0 else f"exactly {goal.most:g}"
    figure = "not measured" if goal.figure is None else shown(goal.figure)
    return goal.title, wanted, figure, "met" if goal.met else "**missed**"


def _missed(all_goals: Iterable[Goal]) -> str:
    titles: dict[str, list[str]] = {}
    for goal in all_goals:
        if not goal.met:
            titles.setdefault(goal.why, []).append(goal.title)
    lines = [f"- {'; '.join(named)}: {why}" for why, named in titles.items()]
    return "\n".join(lines) if lines else "None was."


def _counts(results: Results, case: Case) -> list[str]:
    cells = []
    for tool in TOOLS:
        cells.append(_range(results.of(tool, case, lambda run: run.logins)))
        cells.append(_range(results.of(tool, case, lambda run: run.restarts)))
    return cells


def _range(figure: Spread | None) -> str:
    if figure is None:
        return ""
    if figure.least == figure.most:
        return f"{figure.most:.0f}"
    return f"{figure.least:.0f} to {figure.most:.0f}"


def _parts(parts: Mapping[str, float]) -> str:
    largest = sorted(parts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {mib:.0f}" for name, mib in largest)


def _sizes(results: Results) -> list[int]:
    return sorted({run.stacks for run in results.fleet})


def _per_stack(results: Results, case: FleetCase, stacks: int) -> str:
    figure = results.of_fleet(case, stacks)
    if figure is None:
        return ""
    each = Spread(figure.middle / stacks, figure.least / stacks, figure.most / stacks, figure.count)
    return _cell(each)


_TEXT = """# What it costs

The same job on the same [NAS in a box](lab.md), done three ways in alternating order, {rounds}
times; what changes nothing and takes seconds is done {quiet} times in each of these rounds. Median,
and in brackets the least and the most. Made from `performance.json`, which holds every single
figure; `make bench` measures anew. Nothing here is a test, and a busy machine gives other figures.

![Seconds by case and tool](performance.svg)

{seconds}

- **script**: [one file](../tests/bench/floor/apply.sh) over one ssh connection, as somebody who
  knows this one NAS would write it. No preview, no checks, no way back.
- **playbook**: Ansible with community.docker, [idempotent](../tests/bench/peer/site.yml). The NAS
  has no Python, so what is done on it goes by `raw`; all tasks share one ssh connection.
- **this program**: in addition it asks the proxy before Docker restarts, runs a Job whose image
  came through the proxy, tries logs and exec, keeps a snapshot of the data at another version,
  and takes k3s's links and rules back on destroy.

All three start the same k3s with the same settings and end when its node is Ready and was heard
of since the container started, and CoreDNS runs. Before each first `up` the NAS is put back and
booted; the images are in the registry.

## Goals

{goals}

Missed, and why:

{missed}

## What Pulumi itself takes

The same engine, plugins and state backend with programs that make nothing: one that only imports
Pulumi, one that makes the three providers.

{yardsticks}

## Connections, restarts, down time

SSH logins that the NAS accepted, and restarts of its Docker daemon:

{counts}

Asked twenty times a second; from the last answer to the next:

{down}

## Memory

Most that all processes of one command held at one time on the machine that runs Pulumi; a page
that several share counts once. In a round of its own, since looking costs time.

{memory}

## Several NAS

So many stacks at once, each with a NAS of its own. Without k3s: docker on the PATH and the
daemon's proxy, because eight clusters would take the cores that the programs are measured on.

{fleet}

At most {fleet_memory} stacks at once.

## Where

{machine}; {measured}. {versions}.
"""
