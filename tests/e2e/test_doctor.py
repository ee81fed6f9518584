"""Doctor on a live NAS: the lab breaks exactly one thing, doctor names it, its fix heals it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import AS_FOUND, boot
from tests.e2e.story import K3S_IMAGE, Story, story_of
from tests.lab.box import Lab
from tests.lab.breakages import Breakages
from tests.lab.process import LabError
from tests.lab.project import forget_known_hosts
from tests.troubleshooting_page import ROWS, WRITE_ROWS, Row

STACK = "doctor"
NEW_PASSWORD = "S3NTINEL new @:/%+#?"
HEALED_WITHIN = 90.0
"""Seconds until a cluster whose NAS was rebooted is well again."""


@dataclass
class Clinic:
    """A stack that is up, what breaks it, and what doctor says."""

    story: Story
    breakages: Breakages
    rows: dict[str, Row]
    said: list[str]

    def run(self, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
        variables = {"LC_ALL": "C.UTF-8", **environment}
        done = self.story.nas("doctor", *flags, deadline=120, **variables)
        self.said.append(done.stdout + done.stderr)
        return done

    def ask(self, *flags: str, **environment: str) -> dict[str, Any]:
        done = self.run("--json", *flags, **environment)
        assert done.stdout, done.stderr
        document: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == document["exitCode"]
        return document

    def apply(self, commands: list[dict[str, str]], stdin: str) -> None:
        """What doctor printed, to the letter; `up` asks nobody here."""
        for command in commands:
            if command["on"] == "nas":
                self.story.must(command["run"])
                continue
            program, *arguments = shlex.split(command["run"])
            assert program == "pulumi"
            extra = ["--yes", "--skip-preview"] if arguments[0] == "up" else []
            done = self.pulumi(*arguments, *extra, stdin="" if extra else stdin)
            assert done.returncode == 0, done.stdout + done.stderr

    def pulumi(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.story.project.engine.pulumi), *arguments, "--non-interactive"],
            cwd=self.story.project.folder,
            env=self.story.project.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def is_well(self) -> None:
        """All is well again, after a while for k3s to come back."""
        end = time.monotonic() + HEALED_WITHIN
        while (found := self.ask())["exitCode"] != 0:
            left = [one for one in found["checks"] if one["verdict"] != "ok"]
            assert time.monotonic() < end, left
            time.sleep(1)

    def plain(self, text: str) -> str:
        """Without what is another at each run."""
        addresses = self.story.lab.addresses
        for mine, shown in ((addresses.proxy, "192.168.31.198"), (addresses.nas, "192.168.31.88")):
            text = text.replace(mine, shown)
        text = text.replace(f"--stack {STACK}", "--stack nas88")
        text = re.sub(r"process \d+", "process 1234", text)
        text = re.sub(r"[+-]?\d+ s\b", "N s", text)
        text = re.sub(r"[\d.]+ GiB", "N GiB", text)
        text = re.sub(r"last '.*'", "last '...'", text)
        return re.sub(r"\d{4}-\d\d-\d\d", "DATE", text)


@pytest.fixture(scope="module")
def clinic(session_lab: Lab) -> Iterator[Clinic]:
    """A stack behind a proxy with a login, on a NAS whose volume is a file system of its own."""
    lab = boot(profile="quts-hero", proxy_auth=True)
    with story_of(lab, STACK) as story:
        story.configure()
        story.must_up()
        yield Clinic(story, Breakages(lab), {}, [])
    forget_known_hosts(lab)
    boot(**AS_FOUND)


def snapshot(clinic: Clinic) -> dict[str, str]:
    """What somebody could find changed on the NAS."""
    ask = {
        "files": "find /etc /root /tmp /usr/bin /usr/sbin /opt /home /share/*/.qpkg -xdev -type f "
        "! -name '*.log' | sort | xargs md5sum",
        "folders": "find /etc /root /tmp /run /share -xdev -maxdepth 3 -type d | sort",
        "containers": "docker ps -a -q | sort | xargs docker inspect --format "
        "'{{.Id}} {{.State.Status}} {{.State.StartedAt}} {{.RestartCount}}'",
        "images": "docker images -a --no-trunc --format '{{.ID}} {{.Repository}}:{{.Tag}}' | sort",
        "volumes": "docker volume ls -q | sort",
        "config": f"cat {clinic.story.lab.docker_json}",
        "objects": "docker exec k3s kubectl --kubeconfig /etc/rancher/k3s/k3s.yaml get "
        "deployments,services,jobs,configmaps,secrets,serviceaccounts -A -o "
        "'jsonpath={range .items[*]}{.metadata.uid} {.metadata.generation}{\"\\n\"}{end}'",
    }
    found = {name: clinic.story.must(command) for name, command in ask.items()}
    return {**found, "network": "\n".join(clinic.story.network())}


def test_a_stack_that_is_up_is_well_and_doctor_leaves_the_nas_as_it_is(clinic: Clinic) -> None:
    clinic.is_well()
    before = snapshot(clinic)
    found = clinic.ask()
    assert snapshot(clinic) == before
    assert {one["verdict"] for one in found["checks"]} == {"ok"}
    assert (found["primary"], found["leaf"], found["path"]) == (None, None, [])
    assert found["seconds"] < 45


@dataclass(frozen=True)
class Case:
    """One thing that is broken.

    Attributes:
        broken: what was done, for the page.
        leaf: what doctor has to name.
        way_back: what the owner does, where the fix is no command; empty: the printed commands.
        mend: does the way back.
        stdin: what a command asks for.
        clock_behind: doctor is told the time of an hour ago.
    """

    broken: str
    leaf: str
    damage: Callable[[Clinic], object]
    exit_code: int = 2
    way_back: str = ""
    mend: Callable[[Clinic], object] | None = None
    stdin: str = ""
    clock_behind: bool = False


def lever(name: str, *arguments: Any, **options: Any) -> Callable[[Clinic], object]:
    return lambda clinic: getattr(clinic.breakages, name)(*arguments, **options)


def nothing(_clinic: Clinic) -> None:
    """It is in how doctor is called."""


def settle(clinic: Clinic) -> None:
    """A rebooted NAS has k3s running again, by its restart policy."""
    clinic.story.lab.reboot()
    clinic.story.must("docker start notes")
    end = time.monotonic() + HEALED_WITHIN
    while clinic.ask()["exitCode"] > 1:
        assert time.monotonic() < end
        time.sleep(1)


def crash_loop(clinic: Clinic) -> None:
    clinic.breakages.take_port(6443)
    end = time.monotonic() + HEALED_WITHIN
    while int(clinic.story.must("docker inspect --format '{{.RestartCount}}' k3s")) == 0:
        assert time.monotonic() < end, "k3s does not end"
        time.sleep(0.2)


def hub_blocked(clinic: Clinic) -> None:
    clinic.breakages.block_registry("registry-1.docker.io")


def no_ca(clinic: Clinic) -> None:
    clinic.story.project.must("config", "rm", "nas-k3s:caCertificatesFile")


def name_ca(clinic: Clinic) -> None:
    file = str(clinic.story.lab.ca_pem)
    clinic.story.project.must("config", "set", "nas-k3s:caCertificatesFile", file)


CASES = (
    Case(
        "nothing on the Docker daemon is configured",
        "daemon-not-configured",
        lever("forget_daemon_proxy"),
    ),
    Case(
        "k3s was started by hand, without a proxy",
        "env-missing",
        lever("start_by_hand", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    ),
    Case(
        "k3s was started by hand, without NO_PROXY",
        "no-proxy-missing",
        lever("start_by_hand", "NO_PROXY"),
    ),
    Case(
        "the proxy is down",
        "proxy-down",
        lambda c: c.story.lab.proxy_stop(),
        way_back="start the proxy",
        mend=lambda c: c.story.lab.proxy_start(),
    ),
    Case(
        "the proxy has another password",
        "proxy-login-wrong",
        lever("change_proxy_password", NEW_PASSWORD),
        stdin=NEW_PASSWORD,
    ),
    Case(
        "a rule of the NAS's firewall drops what goes to the proxy",
        "firewall-rule",
        lever("drop_proxy", seen=True),
    ),
    Case(
        "a firewall elsewhere drops what goes to the proxy",
        "firewall-silent",
        lever("drop_proxy", seen=False),
        way_back="let the NAS through",
        mend=lever("let_proxy"),
    ),
    Case(
        "the proxy blocks the registry",
        "registries-blocked",
        hub_blocked,
        way_back="allow it in the proxy's rules",
        mend=lever("allow_registries"),
    ),
    Case(
        "the CA of a proxy that re-signs is not configured",
        "tls-resigned",
        no_ca,
        way_back="set nas-k3s:caCertificatesFile",
        mend=name_ca,
    ),
    Case("a prune took container and image", "image-gone", lever("remove_image", K3S_IMAGE)),
    Case(
        "the volume of Docker's data is full",
        "disk-full",
        lever("fill_data"),
        way_back="delete files",
        mend=lever("free_data"),
    ),
    Case(
        "this machine's clock is an hour behind",
        "clock-far",
        nothing,
        way_back="set the clock",
        mend=nothing,
        clock_behind=True,
    ),
    Case(
        "the API's certificate ends in 12 days",
        "certificates-near-end",
        lever("shorten_certificate", 12),
        exit_code=1,
    ),
    Case(
        "another program has the port of the API",
        "ports-taken",
        crash_loop,
        way_back="stop that program",
        mend=lever("give_port", 6443),
    ),
    Case(
        "the k3s container was stopped",
        "container-stopped",
        lambda c: c.story.must("docker stop k3s"),
    ),
    Case(
        "the Docker daemon was killed",
        "daemon-down",
        lambda c: c.story.lab.faults.kill_dockerd(),
    ),
    Case(
        "the NAS was rebooted and lost the wrapper of docker",
        "docker-path-missing",
        settle,
        exit_code=1,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.leaf)
def test_what_is_broken_is_named_and_its_fix_heals(
    clinic: Clinic, case: Case, tmp_path: Path
) -> None:
    try:
        examine(clinic, case, tmp_path)
    finally:
        if case.leaf not in clinic.rows:
            # Else each case after one that failed would fail for it.
            clinic.breakages.heal()


def examine(clinic: Clinic, case: Case, tmp_path: Path) -> None:
    environment = {}
    if case.clock_behind:
        # time.time() of doctor alone. No box has a clock of its own: a time namespace shifts no
        # time of day, and BusyBox's shell takes its own `date` before any program of the PATH.
        (tmp_path / "sitecustomize.py").write_text(
            "import time\nright = time.time\ntime.time = lambda: right() - 3600\n"
        )
        environment = {"PYTHONPATH": str(tmp_path)}
    try:
        case.damage(clinic)
    except LabError as error:
        if "would fill this machine" in str(error):
            pytest.skip(str(error))
        raise
    end = time.monotonic() + HEALED_WITHIN
    while True:
        found = clinic.ask(**environment)
        bad = [one for one in found["checks"] if one["verdict"] != "ok"]
        assert (found["leaf"], found["exitCode"]) == (case.leaf, case.exit_code), bad
        assert found["path"][-1]["check"] == found["primary"]
        first = next(one for one in bad if one["id"] == found["primary"])
        others = [one for one in bad if one["verdict"] == "bad" and one is not first]
        if all(one["because"] for one in others):
            break
        # Where Docker was restarted, k3s takes a while to come back.
        assert time.monotonic() < end, others
        time.sleep(1)

    commands: list[dict[str, str]] = first["fix"]["commands"]
    if case.mend is not None:
        case.mend(clinic)
        # What goes on after it, such as a restart of k3s.
        commands = [one for one in commands if one["on"] == "nas"]
    clinic.apply(commands, case.stdin)
    clinic.is_well()
    clinic.rows[case.leaf] = Row(
        broken=case.broken,
        leaf=case.leaf,
        seen=clinic.plain(first["seen"]),
        fix=[case.way_back] if case.mend is not None else [],
        commands=[f"{one['on']}: {clinic.plain(one['run'])}" for one in commands],
    )


def test_pods_that_wait_for_a_proxy_that_is_down_are_a_consequence(clinic: Clinic) -> None:
    clinic.story.lab.proxy_stop()
    try:
        image = "docker.io/library/busybox:1.36.1-never-pulled"
        clinic.story.kubectl("run", "waits", f"--image={image}", "--restart=Never")
        end = time.monotonic() + 60
        while not re.search("BackOff|ErrIm", seen := clinic.story.kubectl("get", "pods")):
            assert time.monotonic() < end, seen
            time.sleep(0.5)
        found = clinic.ask()
        verdicts = {one["id"]: (one["verdict"], one["because"]) for one in found["checks"]}
        assert found["leaf"] == "proxy-down"
        assert verdicts["pods"][0] == "bad"
        assert verdicts["pods"][1] is not None
        text = clinic.run().stdout
        assert "The first thing to mend: proxy-down" in text
        assert re.search("Follows from it, .*: .*pods-cannot-pull", text)
    finally:
        clinic.story.lab.proxy_start()
        clinic.story.kubectl("delete", "pod", "waits", "--now", "--ignore-not-found")
    clinic.is_well()


def test_people_read_a_tree_and_chinese_ones_theirs(clinic: Clinic) -> None:
    english = clinic.run()
    assert english.returncode == 0
    assert "\x1b" not in english.stdout
    assert "Does `docker pull` work?" in english.stdout
    assert "Nothing to mend." in english.stdout
    for environment, flags in (({"LC_ALL": "zh_CN.UTF-8"}, ()), ({}, ("--lang", "zh"))):
        chinese = clinic.run(*flags, **environment)
        assert "能工作吗" in chinese.stdout
        assert "没有需要修复的问题" in chinese.stdout
    ascii_only = clinic.run(LC_ALL="C", PYTHONIOENCODING="ascii")
    assert ascii_only.returncode == 0, ascii_only.stderr


def test_without_pulumi_the_password_is_missing_and_all_else_is_checked(clinic: Clinic) -> None:
    path = os.environ["PATH"].split(os.pathsep)
    without = [one for one in path if not (Path(one) / "pulumi").exists()]
    found = clinic.ask(PATH=os.pathsep.join(without))
    unknown = {one["id"] for one in found["checks"] if one["verdict"] == "unknown"}
    assert "proxy-login" in unknown
    assert unknown <= {"proxy-login", "registries", "tls"}
    assert (found["primary"], found["exitCode"]) == (None, 3)


def test_a_docker_that_hangs_ends_doctor_in_time(clinic: Clinic) -> None:
    pid = clinic.story.lab.dockerd_pid()
    clinic.story.must(f"kill -STOP {pid}")
    began = time.monotonic()
    try:
        found = clinic.ask("--deadline", "30")
    finally:
        clinic.story.must(f"kill -CONT {pid}")
    assert time.monotonic() - began < 45
    assert found["leaf"] == "daemon-down"
    clinic.is_well()


def test_while_docker_is_killed_a_preview_says_so_and_takes_our_k3s_for_no_other(
    clinic: Clinic,
) -> None:
    clinic.story.lab.faults.kill_dockerd()
    try:
        assert "k3s" in clinic.story.must("ps -ef"), "it outlives its Docker"
        shown = clinic.story.preview()
    finally:
        clinic.story.must("/etc/init.d/container-station.sh restart")
        clinic.story.lab.wait_for_docker()
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "Docker on the NAS does not answer" in shown.stdout + shown.stderr
    assert "another Kubernetes" not in shown.stdout + shown.stderr
    clinic.breakages.heal()
    clinic.is_well()


def test_an_https_proxy_that_speaks_plain_http_is_refused_before_docker_restarts(
    clinic: Clinic,
) -> None:
    lab = clinic.story.lab
    starts = lab.dockerd_starts()
    right = clinic.story.project.must("config", "get", "nas-k3s:proxy").strip()
    clinic.story.configure(proxy=right.replace("http://", "https://"))
    try:
        for done in (clinic.story.preview(), clinic.story.up()):
            said = done.stdout + done.stderr
            assert done.returncode != 0, said
            assert "speaks plain HTTP, and nas-k3s:proxy says https" in said
            assert f"set nas-k3s:proxy to {right}" in said
    finally:
        clinic.story.configure()
    assert lab.dockerd_starts() == starts


def test_a_nas_that_is_off_is_the_leaf_and_the_rest_is_unknown(clinic: Clinic) -> None:
    clinic.story.lab.nas_off()
    try:
        found = clinic.ask("--deadline", "20")
    finally:
        clinic.story.lab.nas_on()
    assert (found["leaf"], found["exitCode"]) == ("ssh-away", 2)


def test_no_password_was_shown_in_all_of_this(clinic: Clinic) -> None:
    password = clinic.story.lab.proxy_password
    assert password
    said = "\n".join(clinic.said)
    assert said.count("proxy-login") > 10
    for secret in (password, NEW_PASSWORD, "S3NTINEL"):
        assert secret not in said


def test_the_page_shows_what_was_seen_here(clinic: Clinic) -> None:
    if len(clinic.rows) < len(CASES):
        pytest.skip("not all of it was run")
    rows = [clinic.rows[case.leaf] for case in CASES]
    if os.environ.get(WRITE_ROWS):
        ROWS.write_text(json.dumps([row.__dict__ for row in rows], indent=2) + "\n")
    assert [Row(**row) for row in json.loads(ROWS.read_text())] == rows, "run `make doctor-table`"
