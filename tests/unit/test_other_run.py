"""Another run at work on the NAS: what is said of it, what stops, and what is not concluded."""

from __future__ import annotations

import pytest

from nas.facts import Facts, Unreadable
from nas.other_run import check_other_run
from tests.unit.samples import FACTS, facts, plan, settings

STOPPED = {
    "container": "exited",
    "docker_on_path": "/usr/bin/docker",
    "applied_put": "1234",
    "put": "1234",
}
"""Half way through another run's restart: k3s is not started again yet."""


@pytest.mark.parametrize("known", [FACTS, Unreadable("away", "no route to host")])
@pytest.mark.parametrize("preview", [True, False])
def test_without_another_run_nothing_is_in_the_way(
    known: Facts | Unreadable, preview: bool
) -> None:
    assert check_other_run(settings(), known, preview=preview) == []


def test_an_up_is_refused_that_would_act_on_the_middle_of_another_run() -> None:
    (problem,) = check_other_run(settings(daemonTimeout="90"), facts(other_run=4711), preview=False)
    assert problem.key == "host"
    assert "another run of nas-k3s (process 4711)" in problem.why
    assert "180 s" in problem.why
    assert "let it end" in problem.fix


def test_a_preview_goes_on_and_says_so() -> None:
    found = facts(other_run=4711, engine="")
    assert check_other_run(settings(), found, preview=True) == []
    warnings = plan(found).warnings
    assert [one for one in warnings if "another run of nas-k3s (process 4711)" in one]
    assert not [one for one in warnings if "start it first" in one]


def test_what_another_run_is_doing_is_no_drift() -> None:
    assert plan(facts(**STOPPED)).stopped_drift is not None
    during = plan(facts(**STOPPED, other_run=4711))
    assert during.stopped_drift is None
    assert not [one for one in during.warnings if "changed on the NAS since" in one]
