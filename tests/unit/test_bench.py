"""The benchmark's pure parts: figures, goals, page, picture, and what is watched."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench import page
from tests.bench.duel import rotated
from tests.bench.goals import goals
from tests.bench.plot import plot, tick
from tests.bench.results import FILE, Case, Fleet, Machine, Memory, Results, Run, Tool, load, save
from tests.bench.stats import Spread, ratio, spread
from tests.bench.watch import Downtime, MemoryPeak, memory_of, program


def results(**seconds: Sequence[float]) -> Results:
    """Results with the seconds of `TOOL__CASE`, one for each round."""
    runs = []
    for name, values in seconds.items():
        tool, case = name.replace("_", "-").split("--")
        for number, value in enumerate(values, 1):
            runs.append(_run(tool, case, number, value))  # type: ignore[arg-type]
    return Results(
        measured="2026-01-02",
        machine=Machine(processor="a", cores=2, memory_gib=4, kernel="6.1", load=0.1),
        versions={"Pulumi": "3.0"},
        rounds=3,
        runs=runs,
        bounce=[5.0],
        memory=[Memory(case="cold", mib=300.4, parts={"pulumi": 200.4, "the program": 100.0})],
        fleet=[
            Fleet(case="up", stacks=1, round=1, seconds=4, mib=300),
            Fleet(case="up", stacks=8, round=1, seconds=16, mib=2000),
        ],
    )


def _run(tool: Tool, case: Case, number: int, seconds: float) -> Run:
    restarts = 1 if case in ("cold", "no-proxy", "destroy") else 0
    down = 5.5 if case == "bump" else None
    return Run(
        tool=tool, case=case, round=number, seconds=seconds, logins=2, restarts=restarts, down=down
    )


def test_a_spread_is_the_median_between_the_least_and_the_most() -> None:
    assert spread([9.0, 1.0, 2.0]) == Spread(2.0, 1.0, 9.0, 3)
    assert spread([]) is None


def test_a_ratio_needs_both_of_its_figures() -> None:
    assert ratio(Spread(3, 1, 9, 3), Spread(2, 2, 2, 1)) == 1.5
    assert ratio(None, Spread(2, 2, 2, 1)) is None
    assert ratio(Spread(2, 2, 2, 1), Spread(0, 0, 0, 1)) is None


def test_the_page_and_its_picture_are_what_the_figures_say() -> None:
    found = load()
    assert page.PAGE.read_text() == page.page(found), "run `make docs`"
    assert page.PICTURE.read_text() == page.picture(found), "run `make docs`"


def test_the_figures_are_kept_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    save(load(), file)
    assert file.read_text() == FILE.read_text()


@pytest.mark.parametrize(("ours", "met"), [([11.0, 11.5, 30.0], True), ([11.0, 11.6, 11.6], False)])
def test_a_goal_goes_by_the_medians_and_its_limit_is_still_met(
    ours: list[float], met: bool
) -> None:
    found = results(ours__cold=ours, floor__cold=[10.0, 10.0, 99.0])
    goal = next(goal for goal in goals(found) if goal.key == "cold")
    assert goal.met is met


def test_a_goal_that_was_not_measured_is_missed() -> None:
    found = results(ours__cold=[1.0])
    assert not next(goal for goal in goals(found) if goal.key == "cold").met


def test_a_first_up_without_a_restart_misses_its_goal_too() -> None:
    found = results(ours__no_op=[1.0])
    run = found.runs[0].model_copy(update={"case": "cold"})
    goal = {goal.key: goal for goal in goals(found.model_copy(update={"runs": [run]}))}
    assert goal["restarts-first"].figure == 0
    assert not goal["restarts-first"].met


def test_the_cost_of_a_stack_is_the_share_of_one_in_the_time_of_all() -> None:
    goal = {goal.key: goal for goal in goals(results())}["fleet"]
    assert goal.figure == pytest.approx(16 / 8 / 4)
    assert "8 stacks" in goal.title


def test_down_time_goes_against_a_stop_and_a_start() -> None:
    goal = {goal.key: goal for goal in goals(results(ours__bump=[20.0]))}["down"]
    assert goal.figure == pytest.approx(1.1)
    assert not goal.met


def test_every_goal_says_why_it_would_be_missed() -> None:
    assert all(goal.why for goal in goals(results()))


def test_a_missed_goal_is_explained_on_the_page_and_a_met_one_is_not() -> None:
    text = page.page(results(ours__cold=[20.0], floor__cold=[10.0], ours__bump=[20.0]))
    missed = text.partition("Missed, and why:")[2].partition("##")[0]
    assert "first `up`, against the script" in missed
    assert "restarts of Docker by the first `up`" not in missed


def test_the_page_shows_median_and_spread_and_leaves_out_what_was_not_measured() -> None:
    text = page.page(results(ours__cold=[20.04, 19.0, 31.0], floor__preview=[]))
    row = next(line for line in text.splitlines() if line.startswith("| first `up`"))
    assert row == "| first `up` |  |  | **20.0** (19.0 to 31.0) |"


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=20).filter(str.isprintable),
        st.floats(min_value=0.001, max_value=10000),
        min_size=1,
        max_size=6,
    )
)
def test_the_picture_is_xml_whose_bars_stay_inside(figures: dict[str, float]) -> None:
    groups = {label: {"a": Spread(x, x / 2, x * 2, 3)} for label, x in figures.items()}
    root = ElementTree.fromstring(plot("<title>", "s", groups, ["a"]))
    width = float(root.attrib["width"])
    bars = [bar for bar in root.iter("{http://www.w3.org/2000/svg}rect") if len(bar)]
    assert len(bars) == len(figures)
    for bar in bars:
        assert float(bar.attrib["x"]) + float(bar.attrib["width"]) < width


@pytest.mark.parametrize(("most", "step"), [(0.006, 0.001), (6.1, 2), (48, 10), (61, 20)])
def test_ticks_are_round_numbers(most: float, step: float) -> None:
    assert tick(most) == pytest.approx(step)


def test_each_round_begins_with_another_contender() -> None:
    assert [list(rotated("abc", number)) for number in (1, 2, 3)] == [
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]


def test_down_time_is_from_the_last_answer_to_the_next() -> None:
    down = Downtime("")
    for answered, now in [(True, 1.0), (True, 1.5), (False, 2.0), (False, 4.0), (True, 5.0)]:
        down.see(answered, now)
    assert down.seconds == pytest.approx(3.5)
    down.see(True, 6.0)
    assert down.seconds == pytest.approx(3.5)


def test_the_peak_is_the_one_moment_with_the_most() -> None:
    peak = MemoryPeak()
    for parts in ({"a": 10.0}, {"a": 5.0, "b": 6.0}, {"b": 7.0}):
        peak.see(parts)
    assert (peak.mib, peak.parts) == (11.0, {"a": 5.0, "b": 6.0})


def test_memory_is_that_of_the_processes_of_a_session(tmp_path: Path) -> None:
    for pid, session, kib in ((7, 7, 1024), (8, 7, 512), (9, 3, 4096)):
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} (a) b) S 1 {pid} {session} 0 0")
        (folder / "smaps_rollup").write_text(f"header\nRss: 9999 kB\nPss:  {kib} kB\n")
        (folder / "cmdline").write_bytes(b"/usr/bin/pulumi\0up\0")
    (tmp_path / "self").mkdir()
    assert memory_of([7], tmp_path) == {"pulumi": 1.5}


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["/a/pulumi", "up", "--yes"], "pulumi"),
        (["/a/python", "-u", "/b/pulumi-language-python-exec", "--project", "x"], "the program"),
        (["/b/pulumi-language-python", "--root=/x"], "pulumi-language-python"),
        (["python", "-P", "-m", "tests.lab.providers.docker", "1"], "pulumi-resource-docker"),
        (["/p/pulumi-resource-kubernetes", "127.0.0.1:1"], "pulumi-resource-kubernetes"),
        (["ssh", "-T", "admin@nas"], "ssh"),
        ([""], "?"),
    ],
)
def test_a_process_is_called_what_people_call_it(argv: list[str], name: str) -> None:
    assert program(argv) == name
