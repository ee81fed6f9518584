"""Faults in the middle of the daemon's proxy step: one test each, and a row of docs/reliability.md.

What holds for each: the file is the owner's or the wanted one, the owner's is kept, what was
stopped stays stopped, the next up heals and the one after changes nothing, destroy gives the bytes
back.
"""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest

from tests.e2e.conftest import AS_FOUND, boot
from tests.e2e.story import HOUSEHOLD_RUNNING, Story
from tests.e2e.test_lab_profiles import on
from tests.lab import engine, interrupted
from tests.lab.box import Lab
from tests.lab.faults import RestartMode
from tests.lab.paths import REPO
from tests.lab.project import forget_known_hosts, open_project
from tests.page_commands import commands
from tests.reliability import FAULTS, FaultTable, Row, decisive

LOCK = "/tmp/nas-k3s.lock"
DAEMON_TIMEOUT = 30
"""Seconds; long enough for Docker on a busy machine, short enough to wait for a hanging restart."""
PATIENCE = 120
# The process group of a process on the NAS: the script, and all that it has started.
GROUP = r"""awk '{ sub(/^.*\) /, ""); print $3 }' /proc/$pid/stat"""


def to_script(name: str) -> str:
    """Command that sends a signal to the script that is at work on the NAS."""
    return f"pid=$(readlink {LOCK}); pid=${{pid%% *}}; kill -{name} -$({GROUP})"


KILL_SCRIPT = to_script("KILL")
ASKING = "ls /tmp/nas-k3s.*/reply.err >/dev/null 2>&1"
"""True on the NAS from when the daemon is asked for the registry."""


Action = str | Callable[[], object]


@contextmanager
def when(lab: Lab, condition: str, action: Action) -> Iterator[None]:
    """Does the action on the NAS (a command) or here, once the condition holds on the NAS.

    It is watched for during the block, and has to come.
    """
    failed: list[str] = []

    def wait() -> None:
        command = action if isinstance(action, str) else "true"
        status, out, err = lab.nas(
            f"n=0; until {condition}; do sleep 0.02; n=$((n + 1)); "
            f"[ $n -lt {PATIENCE * 25} ] || exit 9; done; {command}"
        )
        if status != 0:
            failed.append(f"{condition}: {status} {out}{err}")
        elif not isinstance(action, str):
            action()

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join(PATIENCE)
    assert not thread.is_alive(), f"{condition} does not come"
    assert failed == []


@dataclass
class Nas:
    """A NAS on which things go wrong, with a stack that has no more than Docker's proxy."""

    story: Story
    place: str
    original: str | None
    wanted: str = ""

    @property
    def lab(self) -> Lab:
        return self.story.lab

    def read(self, command: str) -> str | None:
        """What a command prints that changes nothing; None when it fails.

        On a busy machine the engine that carries the boxes may lose what a short command prints, so
        it is asked again until the last line is there.
        """
        for _ in range(10):
            status, text, _ = self.lab.nas(f"{command} && echo END")
            if status != 0 or text.endswith("END\n"):
                break
        else:
            raise AssertionError(f"{command} prints nothing")
        return text.removesuffix("END\n") if status == 0 else None

    def content(self, path: str) -> str | None:
        return self.read(f"cat {path}")

    def beside(self) -> list[str]:
        """What lies in the folder of the file; empty when there is no such folder."""
        return (self.read(f"ls -A {self.place.rpartition('/')[0]}") or "").split()

    def look(self) -> tuple[str, str, str]:
        """Docker, its config file and the household, in words."""
        file = self.content(self.place)
        assert file in (self.original, self.wanted), file
        if file != self.original and self.original is not None:
            assert self.content(f"{self.place}.nas-k3s-original") == self.original
        words = "the file is as you had it" if file == self.original else "the file has the proxy"
        proxy = self.read("docker info --format '{{.HTTPProxy}}'")
        names = self.read("docker ps --format '{{.Names}}'")
        if proxy is None or names is None:
            assert self.lab.dockerd_pid() is None
            return "Docker is down", words, "no container runs"
        used = "with" if self.lab.addresses.proxy in proxy else "without"
        running = set(names.split())
        assert running <= HOUSEHOLD_RUNNING
        down = sorted(HOUSEHOLD_RUNNING - running)
        household = f"down: {', '.join(down)}" if down else "all containers run"
        return f"Docker runs {used} the proxy", words, household

    def starts(self, number: int) -> str:
        times = {0: "no restart", 1: "one restart"}.get(number, f"{number} restarts")
        return f"{times} of Docker"

    def said(self, done: subprocess.CompletedProcess[str]) -> tuple[str, ...]:
        """What of it people have to read."""
        secret = self.lab.proxy_password
        assert secret is not None
        for text in (secret, self.lab.proxy_url_with_login.rpartition("@")[0].rpartition(":")[2]):
            assert text not in done.stdout + done.stderr
        folder = self.place.rpartition("/")[0]
        names = {
            f"{folder}/": "",
            f"{self.lab.addresses.proxy}:7222": "PROXY",
            self.lab.addresses.proxy: "PROXY",
            self.lab.nas_host: "NAS",
        }
        return decisive(done.stdout + done.stderr, names)

    def log_lines(self) -> int:
        return int(self.read(self.stopping()) or 0)

    def stopping(self) -> str:
        """Command that counts how often the daemon was told to stop."""
        unit = self.lab.layout.unit
        if unit is not None:
            return f"{{ journalctl -u {unit} | grep -c 'Processing signal' || true; }}"
        log = f"{self.lab.container_station}/var/log/dockerd.log"
        return f"{{ grep -c 'Processing signal' {log} || true; }}"

    def is_told_to_stop(self, times: int = 1) -> str:
        """Condition on the NAS: the daemon was told to stop that often from now on."""
        return f'[ "$({self.stopping()})" -ge {self.log_lines() + times} ]'

    def when(self, condition: str, action: Action) -> AbstractContextManager[None]:
        return when(self.lab, condition, action)

    def ended(self) -> None:
        """Waits until no script runs on the NAS and its daemon is up or down for good."""
        end = time.monotonic() + PATIENCE
        while (
            self.lab.nas(f"[ -L {LOCK} ] && kill -0 $(readlink {LOCK} | cut -d ' ' -f 1)")[0] == 0
        ):
            assert time.monotonic() < end, "the script on the NAS does not end"
            time.sleep(0.2)
        while self.lab.nas("systemctl list-jobs --no-legend | grep -q docker")[0] == 0:
            assert time.monotonic() < end, "systemd neither stops nor starts the daemon"
            time.sleep(0.2)
        while self.lab.dockerd_pid() is not None and self.lab.nas("docker version")[0] != 0:
            assert time.monotonic() < end, "the daemon neither ends nor answers"
            time.sleep(0.2)

    def tell(
        self,
        table: FaultTable,
        fault: str,
        said: tuple[str, ...],
        starts: int,
        again: str = "up",
    ) -> None:
        """Looks at the NAS after a fault, lets the next runs heal it, and leaves the row.

        `starts`: how often the daemon had started before the fault.
        """
        self.ended()
        then = (*self.look(), self.starts(self.lab.dockerd_starts() - starts))
        self.lab.faults.heal()
        starts = self.lab.dockerd_starts()
        healed = self.story.up() if again == "up" else self.story.destroy()
        assert healed.returncode == 0, healed.stdout + healed.stderr
        number = self.lab.dockerd_starts() - starts
        if again == "up":
            assert self.look() == (
                "Docker runs with the proxy",
                "the file has the proxy",
                "all containers run",
            ), (then, said, healed.stdout)
            same = self.story.preview("--expect-no-changes")
            assert same.returncode == 0, same.stdout + same.stderr
            done = self.story.destroy()
            assert done.returncode == 0, done.stdout + done.stderr
        self.is_as_before()
        table.row(
            Row(
                fault,
                said,
                then,
                f"`{again}` ends well, with {self.starts(number)}",
            )
        )

    def is_as_before(self) -> None:
        assert self.content(self.place) == self.original
        assert [name for name in self.beside() if "nas-k3s" in name] == []
        assert self.look() == (
            "Docker runs without the proxy",
            "the file is as you had it",
            "all containers run",
        )
        left = self.lab.nas("ls -d /tmp/nas-k3s*")[1].split()
        assert left == []

    def clean(self) -> None:
        """As found, whatever a test that failed has left."""
        self.lab.nas(f"kill -9 $(readlink {LOCK} | cut -d ' ' -f 1); rm -rf /tmp/nas-k3s*")
        self.lab.faults.heal()
        interrupted.clear(self.story.project, "pulumi")
        if self.lab.dockerd_pid() is None:
            self.lab.restart_docker()
        if self.story.project.resources():
            self.story.up()
            self.story.destroy()
        if self.content(self.place) != self.original:
            kept = f"{self.place}.nas-k3s-original"
            self.lab.nas(
                f"cp -p {kept} {self.place} || rm -f {self.place}; rm -f {self.place}.nas-k3s-*"
            )
            self.lab.nas("systemctl daemon-reload")
            self.lab.restart_docker()
        self.lab.nas("docker start photos notes")


def docker_only(lab: Lab, stack: str) -> Story:
    """A stack of the program without its cluster."""
    project = open_project(lab, engine.ensure_engine(), stack)
    main = project.folder / "__main__.py"
    main.unlink()
    main.symlink_to(REPO / "tests/e2e/docker_only.py")
    story = Story(lab, project)
    story.configure(daemonTimeout=DAEMON_TIMEOUT)
    return story


def nas_of(lab: Lab, place: str) -> Nas:
    nas = Nas(docker_only(lab, "faults"), place, None)
    # Of a run that was cut off on a lab that was kept.
    if lab.nas(f"[ -f {place}.nas-k3s-absent ]")[0] != 0:
        nas.original = nas.content(f"{place}.nas-k3s-original") or nas.content(place)
    nas.clean()
    nas.story.must_up()
    nas.wanted = nas.content(place) or ""
    done = nas.story.destroy()
    assert done.returncode == 0, done.stdout + done.stderr
    nas.is_as_before()
    return nas


@pytest.fixture(scope="module")
def qnap(session_lab: Lab) -> Iterator[Nas]:
    """A QNAP with the current engine, whose config file takes the proxy."""
    lab = boot(**{**AS_FOUND, "proxy_auth": True})
    yield nas_of(lab, lab.docker_json)
    forget_known_hosts(lab)
    boot(**AS_FOUND)


@pytest.fixture
def nas(qnap: Nas) -> Iterator[Nas]:
    yield qnap
    qnap.clean()


def fails(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    assert done.returncode != 0, done.stdout + done.stderr
    return done


# ---- the script is killed


def test_a_script_that_is_killed_while_it_waits_has_changed_nothing(
    nas: Nas, fault_table: FaultTable
) -> None:
    starts = nas.lab.dockerd_starts()
    began = r"""awk '{ sub(/^.*\) /, ""); print $20 }' /proc/$!/stat"""
    # Another run that comes right behind the step before: one that is there already is waited for
    # before there is any script.
    hold = (
        "sleep 300 >/dev/null 2>&1 & "
        f'until ln -sn "$! $({began})" {LOCK} 2>/dev/null; do sleep 0.01; done'
    )
    # Of the scripts that `up` applies it is the only one that keeps its directory; the reading of
    # the facts may have one too. Seconds after it made that it has come to the lock.
    waits = (
        "one=$(ls -d /tmp/nas-k3s.[0-9]* 2>/dev/null) && "
        'grep -q apply "/proc/${one##*.}/cmdline" && sleep 4 && [ -d "$one" ]'
    )
    kill = f"pid=${{one##*.}}; kill -9 -$({GROUP})"
    wait = f"n=0; until {waits}; do sleep 0.05; n=$((n + 1)); [ $n -lt 1000 ] || exit 9; done"
    with nas.when(f"[ -L {LOCK} ]", f"{hold}; {wait}; {kill}"):
        done = fails(nas.story.up())
    holder = nas.lab.nas_must(f"readlink {LOCK}").split()[0]
    nas.lab.nas_must(f"kill {holder}; rm {LOCK}")
    nas.tell(fault_table, "kill-waiting", nas.said(done), starts)


def test_a_script_that_is_killed_before_the_restart_leaves_a_whole_file(
    nas: Nas, fault_table: FaultTable
) -> None:
    starts = nas.lab.dockerd_starts()
    nas.lab.faults.restart_command("hangs")
    with nas.when(f"grep -q proxies {nas.place}", f"sleep 1; {KILL_SCRIPT}"):
        done = fails(nas.story.up())
    nas.tell(fault_table, "kill-written", nas.said(done), starts)


def killed_while_docker_is_stopped(nas: Nas, table: FaultTable, fault: str) -> None:
    starts = nas.lab.dockerd_starts()
    with nas.when(nas.is_told_to_stop(), KILL_SCRIPT):
        done = fails(nas.story.up())
    nas.tell(table, fault, nas.said(done), starts)


def test_a_script_that_is_killed_while_docker_is_stopped_is_completed_by_the_next_up(
    nas: Nas, fault_table: FaultTable
) -> None:
    killed_while_docker_is_stopped(nas, fault_table, "kill-stopped")


def test_a_script_that_is_killed_before_it_has_verified_is_completed_by_the_next_up(
    nas: Nas, fault_table: FaultTable
) -> None:
    starts = nas.lab.dockerd_starts()
    with nas.when(ASKING, KILL_SCRIPT):
        done = fails(nas.story.up())
    # Pulumi takes back only what it knows of: the page says so.
    destroyed = nas.story.destroy()
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    assert nas.content(nas.place) == nas.wanted
    nas.tell(fault_table, "kill-verifying", nas.said(done), starts)


def test_a_script_that_is_killed_in_its_way_back_is_completed_by_the_next_up(
    nas: Nas, fault_table: FaultTable
) -> None:
    starts = nas.lab.dockerd_starts()
    nas.lab.faults.daemon_ignores_config()
    with nas.when(nas.is_told_to_stop(2), KILL_SCRIPT):
        done = fails(nas.story.up())
    nas.tell(fault_table, "kill-rollback", nas.said(done), starts)


def test_a_destroy_that_is_killed_while_docker_is_stopped_is_completed_by_the_next(
    nas: Nas, fault_table: FaultTable
) -> None:
    nas.story.must_up()
    starts = nas.lab.dockerd_starts()
    with nas.when(nas.is_told_to_stop(), KILL_SCRIPT):
        done = fails(nas.story.destroy())
    nas.tell(fault_table, "kill-destroy", nas.said(done), starts, again="destroy")


# ---- pulumi is killed, or the connection


@contextmanager
def started(
    story: Story, command: str, stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[str]]:
    """`pulumi COMMAND` beside the test, killed in the end."""
    project = story.project
    child = subprocess.Popen(
        [
            str(project.engine.pulumi),
            *(command, "--yes", "--skip-preview", "--non-interactive", "--stack", project.stack),
        ],
        cwd=project.folder,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def test_a_pulumi_that_is_killed_leaves_its_lock_and_the_script_ends_by_itself(
    nas: Nas, fault_table: FaultTable
) -> None:
    starts = nas.lab.dockerd_starts()
    told = nas.is_told_to_stop()
    with started(nas.story, "up") as child, nas.when(told, child.kill):
        assert child.wait(PATIENCE) == -signal.SIGKILL
    nas.ended()
    locked = fails(nas.story.up())
    nas.story.project.must("cancel", "--yes")
    nas.tell(fault_table, "kill-pulumi", nas.said(locked), starts)


def test_an_up_after_a_destroy_whose_pulumi_was_killed_puts_everything_there_again(
    nas: Nas,
) -> None:
    nas.story.must_up()
    told = nas.is_told_to_stop()
    with started(nas.story, "destroy") as child, nas.when(told, child.kill):
        assert child.wait(PATIENCE) == -signal.SIGKILL
    nas.ended()
    assert nas.content(nas.place) == nas.original
    nas.story.project.must("cancel", "--yes")
    nas.story.must_up()
    assert nas.look()[:2] == ("Docker runs with the proxy", "the file has the proxy")
    same = nas.story.preview("--expect-no-changes")
    succeed([same, nas.story.destroy()])
    nas.is_as_before()


ROOT = "docker info --format '{{.DockerRootDir}}'"


def test_a_container_that_was_half_made_is_cleared_by_the_lines_of_the_page(
    qnap: Nas, fault_table: FaultTable
) -> None:
    lab = qnap.lab
    story = Story(lab, open_project(lab, engine.ensure_engine(), "half-made"))
    cancel, _, *way_out = commands("docs/reliability.md")[:5]
    story.configure()
    try:
        # Its directory: Docker answers for a container only after it has started it.
        there = f"ls {lab.nas_must(ROOT).strip()}/containers | wc -l"
        exists = f'[ "$({there})" -gt {lab.nas_must(there).strip()} ]'
        # By its file: this `up` restarts it before.
        dockerd = "$(cat /var/run/docker.pid)"
        with started(story, "up") as child:
            # Docker waits for the kill, which would else come after the provider has its answer.
            with when(lab, exists, f"kill -STOP {dockerd}"):
                pass
            child.kill()
            assert child.wait(PATIENCE) == -signal.SIGKILL
        lab.nas_must(f"kill -CONT {dockerd}")
        locked = qnap.said(fails(story.up()))
        story.project.must(*cancel.text.split()[1:])
        taken = re.search(r'The container name "/k3s" is already in use', fails(story.up()).stdout)
        assert taken is not None
        for command in way_out:
            if command.where == "nas":
                lab.nas_must(command.text)
            else:
                flags = ["--yes", "--skip-preview"] if command.text.endswith(" up") else []
                story.project.must(*command.text.split()[1:], *flags)
        story.node_is_ready()
        same = story.preview("--expect-no-changes")
        assert same.returncode == 0, same.stdout + same.stderr
    finally:
        lab.nas(f"kill -CONT {lab.dockerd_pid()}")
        interrupted.clear(story.project, "pulumi")
        story.clear()
    qnap.is_as_before()
    fault_table.row(
        Row(
            "kill-container",
            (*locked, taken[0]),
            ("Docker has a k3s container that Pulumi does not know",),
            "`up` fails until the container is removed",
        )
    )


def test_a_connection_that_is_cut_leaves_a_script_that_ends_by_itself(
    nas: Nas, fault_table: FaultTable
) -> None:
    starts = nas.lab.dockerd_starts()
    with nas.when(nas.is_told_to_stop(), nas.lab.faults.drop_ssh):
        done = fails(nas.story.up())
    nas.tell(fault_table, "drop-ssh", nas.said(done), starts)


@contextmanager
def another_stack(nas: Nas) -> Iterator[Story]:
    """One of the same NAS, destroyed at the end."""
    other = docker_only(nas.lab, "faults-other")
    try:
        yield other
    finally:
        destroyed = other.destroy()
    assert destroyed.returncode == 0, destroyed.stdout
    nas.is_as_before()


def succeed(done: Sequence[subprocess.CompletedProcess[str]]) -> None:
    assert [one.returncode for one in done] == [0] * len(done), [one.stdout for one in done]


def test_two_ups_at_once_follow_each_other_with_one_restart(nas: Nas) -> None:
    starts = nas.lab.dockerd_starts()
    with another_stack(nas) as other:
        with ThreadPoolExecutor() as pool:
            succeed(list(pool.map(lambda story: story.up(), (nas.story, other))))
        assert nas.lab.dockerd_starts() == starts + 1
        succeed([nas.story.destroy()])


def test_an_up_waits_for_another_that_restarts_docker_and_takes_nothing_of_it_for_drift(
    nas: Nas, fault_table: FaultTable
) -> None:
    starts = nas.lab.dockerd_starts()
    # However long it is frozen, it does not give up.
    nas.story.configure(daemonTimeout=10 * DAEMON_TIMEOUT)
    with another_stack(nas) as other, ThreadPoolExecutor() as pool:
        # Frozen while Docker is down: however slow this machine is, the others meet it.
        with nas.when(nas.is_told_to_stop(), to_script("STOP")):
            first = pool.submit(nas.story.up)
        try:
            previewed = other.preview()
            with started(other, "up", subprocess.PIPE) as child:
                assert child.stdout is not None
                shown = "".join(until(child.stdout, "waiting for it"))
                nas.lab.nas_must(to_script("CONT"))
                shown += child.stdout.read()
                assert child.wait(PATIENCE) == 0, shown
        finally:
            nas.lab.nas(to_script("CONT"))
        succeed([first.result(), previewed])
        for text in (previewed.stdout, shown):
            assert "waiting for it" in text
            for wrong in ("changed on the NAS since", "start it first"):
                assert wrong not in text
        assert "which `up` waits for" in previewed.stdout
        said = nas.said(subprocess.CompletedProcess([], 0, shown, ""))
        nas.tell(fault_table, "two-ups", said, starts)
    nas.story.configure(daemonTimeout=DAEMON_TIMEOUT)


def until(lines: Iterable[str], words: str) -> Iterator[str]:
    """The lines up to the one with these words, as they come."""
    for line in lines:
        yield line
        if words in line:
            return


# ---- Docker


@pytest.mark.parametrize("mode", ["fails", "lies", "hangs"])
def test_a_restart_command_that_does_nothing_leaves_docker_as_it_was(
    nas: Nas, fault_table: FaultTable, mode: RestartMode
) -> None:
    starts = nas.lab.dockerd_starts()
    nas.lab.faults.restart_command(mode)
    done = fails(nas.story.up())
    nas.tell(fault_table, f"restart-{mode}", nas.said(done), starts)


def comes_back_without(nas: Nas, table: FaultTable, fault: str) -> None:
    starts = nas.lab.dockerd_starts()
    nas.lab.faults.daemon_ignores_config(only_variables=nas.lab.layout.unit is not None)
    done = fails(nas.story.up())
    nas.tell(table, fault, nas.said(done), starts)


def test_a_docker_that_comes_back_without_the_proxy_gets_its_old_file(
    nas: Nas, fault_table: FaultTable
) -> None:
    comes_back_without(nas, fault_table, "ignores")


def test_a_docker_that_dies_while_it_is_verified_is_started_with_its_old_file(
    nas: Nas, fault_table: FaultTable
) -> None:
    starts = nas.lab.dockerd_starts()
    with nas.when(ASKING, "kill -9 $(cat /var/run/docker.pid)"):
        done = fails(nas.story.up())
    nas.tell(fault_table, "kill-dockerd", nas.said(done), starts)


# ---- disk and proxy


def test_a_full_disk_is_told_and_nothing_restarts(nas: Nas, fault_table: FaultTable) -> None:
    starts = nas.lab.dockerd_starts()
    nas.lab.faults.fill_disk()
    done = fails(nas.story.up())
    nas.tell(fault_table, "disk-full", nas.said(done), starts)


def test_a_file_that_is_read_only_is_told_and_nothing_restarts(
    nas: Nas, fault_table: FaultTable
) -> None:
    starts = nas.lab.dockerd_starts()
    nas.lab.faults.read_only(nas.place)
    done = fails(nas.story.up())
    nas.tell(fault_table, "read-only", nas.said(done), starts)


def test_a_proxy_that_is_down_is_told_and_nothing_restarts(
    nas: Nas, fault_table: FaultTable
) -> None:
    starts = nas.lab.dockerd_starts()
    with nas.story.proxy_down():
        done = fails(nas.story.up())
    nas.tell(fault_table, "proxy-down", nas.said(done), starts)


# ---- the same by a drop-in


@pytest.fixture(scope="module")
def linux(session_lab: Lab) -> Iterator[Nas]:
    """A plain Linux with the old engine, which takes the proxy by its environment."""
    lab = on("systemd", "debian", proxy_auth=True)
    yield nas_of(lab, "/etc/systemd/system/docker.service.d/zz-nas-k3s-proxy.conf")
    forget_known_hosts(lab)
    boot(**AS_FOUND)


@pytest.fixture
def old_nas(linux: Nas) -> Iterator[Nas]:
    yield linux
    linux.clean()


def test_a_script_that_is_killed_while_docker_is_stopped_by_systemd_is_completed(
    old_nas: Nas, fault_table: FaultTable
) -> None:
    killed_while_docker_is_stopped(old_nas, fault_table, "drop-in-kill-stopped")


def test_a_systemctl_that_lies_leaves_docker_as_it_was(
    old_nas: Nas, fault_table: FaultTable
) -> None:
    starts = old_nas.lab.dockerd_starts()
    old_nas.lab.faults.restart_command("lies")
    done = fails(old_nas.story.up())
    old_nas.tell(fault_table, "drop-in-lies", old_nas.said(done), starts)


def test_a_docker_that_comes_back_without_its_drop_in_leaves_none(
    old_nas: Nas, fault_table: FaultTable
) -> None:
    comes_back_without(old_nas, fault_table, "drop-in-ignores")


# ---- the page


def test_each_row_of_the_page_was_seen_again(fault_table: FaultTable) -> None:
    assert fault_table.seen >= {key for key, fault in FAULTS.items() if fault.tier == "e2e"}
