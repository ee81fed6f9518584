"""What others changed on the NAS, told from what the config changed."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from nas.drift import Drift, find_drift, marker
from nas.facts import Facts, Unreadable
from tests.unit.samples import FACTS, facts, plan
from tests.unit.test_certificates import NOW, certificate

SHOWN = "http://192.168.31.198:7222"
MASKED = "http://xxxxx:xxxxx@192.168.31.198:7222"
LIST = "localhost,192.168.31.88"
GOOD = facts(
    container="running",
    container_proxied="yes",
    docker_on_path="/usr/bin/docker",
    http_proxy=MASKED,
    https_proxy=MASKED,
    no_proxy=LIST,
    proxy_file="/q/docker.json",
    put="abc",
    applied_put="abc",
    applied_proxy=SHOWN,
    applied_no_proxy=LIST,
)
GONE = {"applied_put": "", "applied_proxy": "", "applied_no_proxy": "", "put": ""}


def changed(**changes: object) -> Facts:
    return Facts(**{**GOOD.__dict__, **changes})


def test_a_nas_as_we_left_it_has_no_drift() -> None:
    assert not find_drift(GOOD, SHOWN, LIST)


def test_a_first_up_that_ended_before_the_container_is_no_word_worth_but_a_mark() -> None:
    """What somebody left who removed container and volumes looks the same, and heals by it."""
    drift = find_drift(changed(container=""), SHOWN, LIST)
    assert not drift
    assert drift.absent == ("there is no k3s container",)
    assert not find_drift(changed(), SHOWN, LIST).absent
    assert not find_drift(changed(container="", applied_kubeconfig="a"), SHOWN, LIST).absent


@pytest.mark.parametrize("container", [{}, {"cluster_data": "there"}])
def test_a_nas_on_which_nothing_of_ours_is_left_gets_everything_again_without_a_word(
    container: dict[str, object],
) -> None:
    """Another state's destroy, or a reset of the NAS: `up` said 35 unchanged."""
    made = plan(facts(**container))
    for mark in (made.daemon_drift, made.path_drift, made.container_drift):
        assert mark is not None
        assert mark.startswith("nothing of this program was on the NAS (seen ")
    assert not [one for one in made.warnings if "changed on the NAS" in one]


def test_what_the_owner_has_set_and_put_there_is_not_marked_as_missing() -> None:
    shown = {"http_proxy": MASKED, "https_proxy": MASKED, "no_proxy": LIST}
    drift = find_drift(facts(docker_on_path="/usr/bin/docker", **shown), SHOWN, LIST)
    assert (drift.daemon_proxy, drift.docker_path) == ((), ())
    drift = find_drift(facts(), None, "")
    assert (drift.daemon_proxy, drift.docker_path) == ((), drift.absent)


def test_a_docker_that_does_not_answer_leaves_no_mark_where_nothing_of_ours_is() -> None:
    assert find_drift(facts(engine=""), SHOWN, LIST) == Drift()


def test_a_change_of_the_config_is_no_drift() -> None:
    assert not find_drift(GOOD, "http://other:1", LIST + ",registry.lan")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("exited", "the k3s container is exited instead of running"),
        ("paused", "the k3s container is paused instead of running"),
    ],
)
def test_a_container_that_does_not_run_only_has_to_be_started(state: str, words: str) -> None:
    drift = find_drift(changed(container=state), SHOWN, LIST)
    assert drift.clauses == drift.stopped == (words,)


@pytest.mark.parametrize(
    ("state", "changes", "words"),
    [
        ("", {"applied_kubeconfig": "a"}, "the k3s container is gone"),
        ("", {"applied_kubeconfig": "a", **GONE}, "the k3s container is gone"),
        ("dead", {}, "the k3s container is dead"),
        (
            "running",
            {"env_changed": ("HTTP_PROXY", "NO_PROXY")},
            "the k3s container was made anew by somebody, with another HTTP_PROXY, NO_PROXY",
        ),
    ],
)
def test_a_container_that_is_gone_or_another_is_made_anew(
    state: str, changes: dict[str, object], words: str
) -> None:
    for shown in (SHOWN, None):
        drift = find_drift(changed(container=state, **changes), shown, LIST)
        assert drift.container == (words,)
        assert not drift.stopped


def test_an_up_that_ended_before_there_was_a_cluster_left_no_container_that_is_gone() -> None:
    assert not find_drift(changed(container=""), SHOWN, LIST).container


def test_other_certificates_than_those_handed_out_are_drift_of_their_own() -> None:
    drift = find_drift(changed(kubeconfig="new", applied_kubeconfig="old"), SHOWN, LIST)
    assert drift.clauses == drift.kubeconfig
    assert "not those of the kubeconfig that was handed out" in drift.kubeconfig[0]


@pytest.mark.parametrize(("now", "then"), [("a", "a"), ("a", ""), ("", "a")])
def test_without_a_record_or_a_kubeconfig_there_is_nothing_to_compare(now: str, then: str) -> None:
    assert not find_drift(changed(kubeconfig=now, applied_kubeconfig=then), SHOWN, LIST)


def test_a_certificate_near_its_end_is_renewed_and_the_restart_warned_of() -> None:
    ends = NOW + timedelta(days=3)
    near = changed(kubeconfig="5um", applied_kubeconfig="5um", client_certificate=certificate(ends))
    drift = find_drift(near, SHOWN, LIST)
    assert drift.clauses == ()
    assert f"5um has {ends:%Y-%m-%d %H:%M:%S} UTC as its end" in drift.renewal[0]
    made = plan(near)
    assert made.kubeconfig_drift is not None
    assert drift.renewal[0] in made.kubeconfig_drift
    assert [text for text in made.warnings if "k3s restarts to renew it, and the pods" in text]
    assert plan(near, drift="off").kubeconfig_drift is None


def test_a_daemon_that_does_not_answer_says_nothing_about_the_container() -> None:
    assert not find_drift(changed(container="", engine=""), SHOWN, LIST).container


@pytest.mark.parametrize(
    "known", [FACTS, facts(docker_on_path="/usr/bin/docker"), facts(http_proxy="http://owners:1")]
)
def test_a_nas_that_never_saw_us_has_no_drift(known: Facts) -> None:
    assert not find_drift(known, SHOWN, LIST)


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (changed(put=""), ["the proxy is gone from /q/docker.json"]),
        (changed(put="xyz"), ["the proxy in /q/docker.json was changed"]),
        (
            changed(http_proxy="", https_proxy=""),
            [
                f"Docker's HTTP proxy is empty instead of {SHOWN}",
                f"Docker's HTTPS proxy is empty instead of {SHOWN}",
            ],
        ),
        (
            changed(no_proxy="localhost"),
            [f"Docker's no-proxy list is localhost instead of {LIST}"],
        ),
        # an update of the firmware: our record is gone too, but the container is there
        (
            changed(**GONE, http_proxy="", https_proxy="", no_proxy=""),
            [
                f"Docker's HTTP proxy is empty instead of {SHOWN}",
                f"Docker's HTTPS proxy is empty instead of {SHOWN}",
                f"Docker's no-proxy list is empty instead of {LIST}",
            ],
        ),
    ],
)
def test_each_thing_that_differs_is_told(known: Facts, words: list[str]) -> None:
    drift = find_drift(known, SHOWN, LIST)
    assert list(drift.daemon_proxy) == words
    assert drift.docker_path == ()


def test_a_wiped_wrapper_is_a_drift_of_its_own() -> None:
    drift = find_drift(changed(docker_on_path=""), SHOWN, LIST)
    assert drift.daemon_proxy == ()
    assert drift.docker_path == ("docker is not on the PATH of SSH commands any more",)


def test_without_a_proxy_in_the_plan_only_the_path_is_looked_at() -> None:
    assert not find_drift(changed(put="xyz", http_proxy=""), None, "")
    assert find_drift(changed(docker_on_path=""), None, "").docker_path


NEVER = {"http_proxy": "", "https_proxy": "", "no_proxy": "", "container_proxied": ""}


def test_a_first_proxy_for_a_cluster_that_had_none_is_no_drift() -> None:
    never = changed(**GONE, **NEVER)
    assert not find_drift(never, SHOWN, LIST)
    made = plan(never)
    assert made.daemon_drift is None
    assert not [text for text in made.warnings if "changed on the NAS" in text]
    assert [text for text in made.warnings if "will be restarted for its proxy" in text]


@pytest.mark.parametrize("changes", [{"container": "", "applied_kubeconfig": "a"}, {}])
def test_where_no_container_tells_whether_there_was_a_proxy_what_differs_is_drift(
    changes: dict[str, object],
) -> None:
    """Not to see it would leave Docker without its proxy after an update of the firmware."""
    known = changed(**GONE, **NEVER | changes)
    in_container = "container" in changes
    assert find_drift(known, SHOWN, LIST, in_container=in_container).daemon_proxy
    assert plan(known, proxyScope="none").daemon_drift is not None


def test_a_daemon_that_does_not_answer_is_no_drift_of_its_proxy() -> None:
    assert not find_drift(changed(engine="", http_proxy=""), SHOWN, LIST)


def test_the_same_drift_seen_twice_gives_different_marks() -> None:
    first, second = marker(("x",), 1764061200), marker(("x",), 1764061201)
    assert first == "x (seen 2025-11-25 09:00:00 UTC)"
    assert first != second
    assert marker((), 1764061200) is None


# ---- in the plan


WIPED = changed(put="", http_proxy="", https_proxy="", docker_on_path="")


def test_the_plan_has_a_mark_for_each_thing_and_one_warning() -> None:
    made = plan(WIPED)
    assert made.daemon_drift is not None
    assert re.match(r"the proxy is gone from /q/docker.json; Docker's HTTP", made.daemon_drift)
    assert made.path_drift is not None
    assert "PATH" in made.path_drift
    (told,) = [warning for warning in made.warnings if "changed on the NAS" in warning]
    assert "the proxy is gone from" in told
    assert "PATH" in told


@pytest.mark.parametrize(
    ("known", "config"),
    [
        (GOOD, {}),
        (FACTS, {"drift": "off"}),
        (WIPED, {"drift": "off"}),
        (Unreadable("away", "off"), {}),
    ],
)
def test_the_plan_has_no_mark_without_drift_or_facts_or_when_it_is_off(
    known: Facts | Unreadable, config: dict[str, str]
) -> None:
    made = plan(known, **config)
    assert (made.daemon_drift, made.path_drift) == (None, None)
