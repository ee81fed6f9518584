"""The timeline: what the scripts printed becomes stages, text and JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.messages import LANGUAGES, Language
from nas.timeline import (
    STAGES,
    Stage,
    from_line,
    key,
    measured_at,
    read_stages,
    since_unmeasured,
    span,
    to_line,
)
from nas.timeline_text import WIDTH, as_text, columns
from tests.unit.samples import facts

# 2026-11-25 12:00:00 UTC
NOON = 1795608000
DAEMON = f"""strategy=config_file
config=/etc/docker/daemon.json
changed=yes
restarted=yes
time_began={NOON}
time_written={NOON + 3}
time_restarting={NOON + 3}
time_restarted={NOON + 13}
time_verified={NOON + 15}
"""
PULL = f"pulling={NOON + 16}\npull_took=43.00\ntime={NOON + 59}\n"
MEASURED = f"""measured={NOON + 120}
since=0
created=2026-11-25T12:01:00.5Z
started=2026-11-25T12:01:01.25Z
pulled=2026-11-25T12:01:15.5Z rancher/mirrored-pause:3.6 1.5s
pulled=2026-11-25T12:01:20.5Z docker.io/rancher/mirrored-coredns-coredns:1.13.1 4s
pulled=2026-11-25T12:01:21.5Z docker.io/rancher/mirrored-library-busybox:1.37.0 1m0.5s
pulled=2026-11-25T12:01:24.5Z rancher/klipper-helm:v0.9.8 2s
pulled=2026-11-25T12:01:30.5Z rancher/mirrored-library-traefik:3.5.1 900ms
node=True 2026-11-25T12:01:13Z
kubelet=2026-11-25T12:01:08Z
event=2026-11-25T12:01:20Z Successfully pulled image "rancher/mirrored-coredns-coredns:1" in 4s (4s)
smoke=2026-11-25T12:01:35Z 2026-11-25T12:01:40Z
"""


def times(daemon: str = DAEMON, pull: str = PULL, measured: str = MEASURED) -> dict[str, object]:
    """Name -> start and end in seconds since noon, of what ran."""
    return {
        stage.name: (stage.start - NOON, stage.end - NOON)
        for stage in read_stages(daemon, pull, measured)
        if stage.start is not None and stage.end is not None
    }


def test_a_whole_up_becomes_all_stages_in_their_order() -> None:
    assert times() == {
        "write-config": (0, 3),
        "restart-daemon": (3, 13),
        "verify": (13, 15),
        "pull-image": (16, 59),
        "start-container": (60.5, 61.25),
        "k3s-init": (61.25, 73),
        "pause": (74, 75.5),
        "coredns": (76.5, 80.5),
        "traefik": (82.5, 90.5),
        "ready": (90.5, 100),
    }
    assert [stage.name for stage in read_stages(DAEMON, PULL, MEASURED)] == list(STAGES)


def test_what_was_measured_in_an_earlier_up_did_not_run_in_this_one() -> None:
    """Only the container is new: proxy and image are of an earlier run."""
    found = times(measured=MEASURED.replace("since=0", f"since={NOON + 30}"))
    assert set(found) == set(STAGES[4:])
    assert times(measured=MEASURED.replace("since=0", f"since={NOON + 110}")) == {}


def test_a_daemon_that_had_the_proxy_already_has_no_stages() -> None:
    same = f"strategy=config_file\nchanged=no\nrestarted=no\ntime_began={NOON}\n"
    assert set(times(daemon=same)) == set(STAGES[3:])
    assert set(times(daemon="")) == set(STAGES[3:])


def test_a_proxy_that_was_only_lost_from_its_file_is_written_without_a_restart() -> None:
    text = f"changed=yes\nrestarted=no\ntime_began={NOON}\ntime_written={NOON + 1}\n"
    assert times(daemon=text)["write-config"] == (0, 1)
    assert "restart-daemon" not in times(daemon=text)


def test_an_image_that_was_there_already_was_not_pulled() -> None:
    assert "pull-image" not in times(pull=f"time={NOON + 59}\n")


def test_what_a_run_did_that_came_to_no_end_is_not_of_the_next() -> None:
    """The first has made the container, and died before CoreDNS had its image."""
    found = times(measured=MEASURED.replace("since=0", f"since={NOON + 76}"))
    assert found == {
        "coredns": (76.5, 80.5),
        "traefik": (82.5, 90.5),
        "ready": (90.5, 100),
    }


@pytest.mark.parametrize(
    ("seen", "unmeasured"),
    [
        ({}, False),
        ({"applied_time": NOON}, True),
        ({"applied_time": NOON, "measured": NOON - 1}, True),
        ({"applied_time": NOON, "measured": NOON}, False),
        ({"container_created": "2026-11-25T12:00:00.9Z", "measured": NOON}, False),
        ({"container_created": "2026-11-25T12:00:01.1Z", "measured": NOON}, True),
        ({"container_created": "not read", "measured": NOON}, False),
        ({"applied_time": NOON, "time": None}, False),
    ],
)
def test_a_run_without_an_end_is_known_by_what_it_left_unmeasured(
    seen: dict[str, Any], unmeasured: bool
) -> None:
    found = since_unmeasured(facts(**{"time": NOON + 500, **seen}))
    assert found == (str(NOON + 500) if unmeasured else None)


def test_a_run_that_took_the_proxy_away_and_ended_before_the_container_is_known_by_that() -> None:
    seen = facts(time=NOON + 500, container="running", container_proxied="yes", measured=NOON)
    assert since_unmeasured(seen, proxied=False) == str(NOON + 500)
    assert since_unmeasured(seen) is None
    # The proxy is still to be taken away, or the container was made anew already.
    for later in (replace(seen, applied_put="a"), replace(seen, container_proxied="")):
        assert since_unmeasured(later, proxied=False) is None


def test_images_that_the_cluster_had_already_were_not_pulled() -> None:
    """A new container on old data: containerd's log still has the lines of the first time."""
    text = MEASURED.replace("pulled=2026-11-25", "pulled=2026-11-20").replace(
        "event=2026-11-25", "event=2026-11-20"
    )
    found = times(measured=text)
    assert set(found) & {"pause", "coredns", "traefik"} == set()
    assert found["ready"] == (73, 100)


def test_without_containerds_log_the_kubelets_events_are_taken() -> None:
    text = "\n".join(line for line in MEASURED.splitlines() if not line.startswith("pulled="))
    assert times(measured=text)["coredns"] == (76, 80)


def test_a_node_that_never_was_unready_counts_from_its_kubelets_start() -> None:
    text = MEASURED.replace("node=True 2026-11-25", "node=True 2026-11-20")
    assert times(measured=text)["k3s-init"] == (61.25, 68)
    without = text.replace("kubelet=2026-11-25", "kubelet=2026-11-20")
    assert "k3s-init" not in times(measured=without)


def test_a_ready_node_within_the_second_of_the_containers_start_is_no_negative_time() -> None:
    text = MEASURED.replace("node=True 2026-11-25T12:01:13Z", "node=True 2026-11-25T12:01:01Z")
    assert times(measured=text)["k3s-init"] == (61.25, 61.25)


@given(st.text(), st.text(), st.text())
def test_no_text_of_a_nas_is_a_fault_of_the_reader(daemon: str, pull: str, measured: str) -> None:
    assert len(read_stages(daemon, pull, measured)) == len(STAGES)
    key(daemon, pull, measured)
    measured_at(measured)


@given(
    st.dictionaries(
        st.sampled_from(["created", "started", "node", "kubelet", "pulled", "smoke", "since"]),
        st.sampled_from(
            ["", "1e9", "9999999999999", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59Z", "True x"]
        ),
    )
)
def test_times_that_cannot_be_are_left_out(lines: dict[str, str]) -> None:
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    for stage in read_stages(text, text, text):
        assert stage.seconds is None or stage.seconds >= 0


def test_the_key_changes_with_everything_that_ran_anew_and_with_nothing_else() -> None:
    base = key(DAEMON, PULL, "0123456789abcdef")
    assert base == f"{NOON}-{NOON + 59}-0123456789ab"
    assert key(DAEMON.replace(str(NOON + 15), str(NOON + 20)), PULL, "0123456789abcdef") == base
    assert key(DAEMON.replace(f"={NOON}\n", "=1\n"), PULL, "0123456789abcdef") != base
    assert key(DAEMON, "time=1\n", "0123456789abcdef") != base
    assert key(DAEMON, PULL, "ffffffffffff") != base
    assert key("", "", "ab") == "0q-0-ab"
    quiet = DAEMON.replace("=yes", "=no")
    assert key(quiet, PULL, "0123456789abcdef") == f"{NOON}q-{NOON + 59}-0123456789ab"


def test_the_export_is_one_line_with_a_dash_for_what_did_not_run_and_can_be_read_back() -> None:
    stages = read_stages("", PULL, MEASURED)
    entries = to_line(stages).split(", ")
    assert entries[0] == "write-config -"
    assert entries[4] == f"start-container {NOON + 60.5} {NOON + 61.25}"
    assert from_line(to_line(stages)) == stages
    assert len(to_line(stages).splitlines()) == 1


@pytest.mark.parametrize("text", ["", "{}", "nonsense 1 2", "ready", "ready 1", "ready a b"])
def test_an_output_that_is_no_timeline_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        from_line(text)


def test_the_span_is_from_the_first_beginning_to_the_last_end() -> None:
    assert span(read_stages(DAEMON, PULL, MEASURED)) == (NOON, NOON + 100)
    assert span([Stage("ready")]) is None


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_text_has_a_line_a_stage_with_its_duration_and_a_bar_in_its_place(
    lang: Language,
) -> None:
    lines = as_text(read_stages(DAEMON, PULL, MEASURED), lang).splitlines()
    assert len(lines) == len(STAGES) + 1
    bars = [columns(line[: line.index("█")]) for line in lines if "█" in line]
    assert bars == sorted(bars)
    assert len(bars) == len(STAGES)
    assert max(map(columns, lines)) <= 100
    pull = lines[STAGES.index("pull-image")]
    assert abs(pull.count("█") - 43 / 100 * WIDTH) <= 1
    assert {"en": "43 s", "zh": "43 秒"}[lang] in pull
    assert {"en": "100 s", "zh": "100 秒"}[lang] in lines[-1]


def test_what_did_not_run_says_so_and_has_no_bar() -> None:
    lines = as_text(read_stages("", PULL, MEASURED), "en").splitlines()
    assert lines[0].split("  ")[-1].strip() == "not run"
    nothing = as_text(read_stages("", "", ""), "en")
    assert "█" not in nothing
    assert len(nothing.splitlines()) == len(STAGES)
