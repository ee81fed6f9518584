"""docker-path.sh under BusyBox ash: docker becomes reachable for SSH commands, and is not later."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.scripts.fake_nas import LOCK, QPKG, Done, FakeNas, another_run, daemon_down
from tests.scripts.rendered import SAMPLES

WRAPPER = "/usr/bin/docker"
PATH = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
FOREIGN = "#!/bin/sh\necho foreign\n"


def script(nas: FakeNas, mode: str, **how: Any) -> Done:
    return nas.run("docker-path.sh", mode, SAMPLES["docker-path.sh"], **how)


def wrappers(nas: FakeNas) -> list[str]:
    """Everything called docker on the PATH of SSH commands, temporary files too."""
    return [
        f"{directory}/{entry.name}"
        for directory in PATH
        for entry in sorted(nas.path(directory).iterdir())
        if "docker" in entry.name
    ]


def without_container_station(nas: FakeNas) -> None:
    nas.path(f"{QPKG}/bin/docker").unlink()
    nas.write("/sbin/getcfg", "#!/bin/sh\nexit 1\n")


@pytest.fixture
def pool(request: pytest.FixtureRequest, nas: FakeNas) -> str:
    """A NAS whose Container Station lies in another pool."""
    name: str = request.param
    there = f"/share/{name}/.qpkg/container-station"
    nas.path(there).parent.mkdir(parents=True, exist_ok=True)
    if there != QPKG:
        nas.path(QPKG).rename(nas.path(there))
    nas.write("/sbin/getcfg", f"#!/bin/sh\necho {there}\n")
    return there


def test_docker_is_reachable_for_a_plain_ssh_command_afterwards(nas: FakeNas) -> None:
    assert nas.shell("docker version").status == 127
    done = script(nas, "apply")
    assert done.status == 0, done.err
    assert done.results == {"docker": f"{QPKG}/bin/docker", "wrapper": WRAPPER}
    assert nas.shell("docker version").out == "27.1.2"
    assert wrappers(nas) == [WRAPPER]
    assert nas.path(WRAPPER).stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "pool", ["CACHEDEV1_DATA", "ZFS530_DATA", "CE_CACHEDEV3_DATA"], indirect=True
)
@pytest.mark.parametrize("getcfg", [True, False])
def test_docker_is_found_in_any_pool_also_without_getcfg(
    nas: FakeNas, pool: str, getcfg: bool
) -> None:
    if not getcfg:
        nas.path("/sbin/getcfg").unlink()
    done = script(nas, "apply")
    assert done.status == 0, done.err
    assert done.results["docker"] == f"{pool}/bin/docker"
    assert nas.shell("docker version").out == "27.1.2"


def test_the_wrapper_gives_docker_its_arguments_and_a_home_that_can_be_written(
    nas: FakeNas,
) -> None:
    nas.script(f"{QPKG}/bin/docker", '#!/bin/sh\necho 27.1.2; printf "%s|" "$HOME" "$@"\n')
    assert script(nas, "apply").status == 0
    command = "docker system 'dial stdio' ''"
    assert nas.shell(command).out == "27.1.2\n/root|system|dial stdio||"
    done = nas.shell(command, environment={"HOME": "/share/homes/admin"})
    assert done.out == "27.1.2\n/tmp|system|dial stdio||"


def test_apply_works_for_an_account_without_a_home(nas: FakeNas) -> None:
    nas.script(f"{QPKG}/bin/docker", '#!/bin/sh\ntouch "$HOME/x" && echo 27\n')
    done = script(nas, "apply", environment={"HOME": "/share/homes/admin"})
    assert done.status == 0, done.err


def test_a_docker_that_another_run_restarts_is_waited_for(nas: FakeNas) -> None:
    daemon_down(nas)
    holder = another_run(nas, 1, f"{nas.docker} fake-restart")
    done = script(nas, "apply")
    assert done.status == 0, done.err
    assert f"another run of nas-k3s (process {holder}) is at work" in done.err
    assert not nas.path(LOCK).is_symlink()


def test_another_run_that_does_not_end_is_named_and_nothing_is_written(nas: FakeNas) -> None:
    holder = another_run(nas, 8)
    done = script(nas, "apply")
    assert done.status == 1
    assert f"another run of nas-k3s (process {holder}) is still at work" in done.err
    assert wrappers(nas) == []
    nas.path(LOCK).unlink()


def test_runs_at_once_write_one_wrapper(nas: FakeNas) -> None:
    with ThreadPoolExecutor() as pool:
        done = [one.result() for one in [pool.submit(script, nas, "apply") for _ in range(4)]]
    assert [one.status for one in done] == [0] * 4, [one.err for one in done]
    assert {one.results["wrapper"] for one in done} == {WRAPPER}
    assert wrappers(nas) == [WRAPPER]


def test_a_second_apply_changes_nothing(nas: FakeNas) -> None:
    first = script(nas, "apply")
    before = nas.path(WRAPPER).stat()
    again = script(nas, "apply")
    after = nas.path(WRAPPER).stat()
    assert again.results == first.results
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("directory", PATH)
def test_a_docker_that_is_there_already_is_used_and_never_overwritten(
    nas: FakeNas, directory: str
) -> None:
    nas.script(f"{directory}/docker", FOREIGN)
    done = script(nas, "apply")
    assert done.status == 0, done.err
    assert done.results == {"docker": f"{directory}/docker", "wrapper": ""}
    assert wrappers(nas) == [f"{directory}/docker"]
    assert script(nas, "remove").status == 0
    assert nas.read(f"{directory}/docker") == FOREIGN


def test_a_file_called_docker_that_is_no_program_is_not_overwritten(nas: FakeNas) -> None:
    nas.write(WRAPPER, "notes")
    done = script(nas, "apply")
    assert done.results["wrapper"] == "/bin/docker"
    assert nas.read(WRAPPER) == "notes"


def test_the_wrapper_goes_into_the_first_directory_that_can_be_written(nas: FakeNas) -> None:
    done = script(nas, "apply", read_only=("/usr/bin", "/bin"))
    assert done.results["wrapper"] == "/usr/sbin/docker"
    assert len(done.err.splitlines()) == 1


def test_a_path_without_any_directory_to_write_is_one_clear_error(nas: FakeNas) -> None:
    done = script(nas, "apply", read_only=tuple(PATH))
    assert done.status == 1
    assert "no directory of the SSH path can be written (/usr/bin:/bin:/usr/sbin:/sbin)" in done.err
    assert wrappers(nas) == []


def test_a_nas_without_docker_is_one_clear_error(nas: FakeNas) -> None:
    without_container_station(nas)
    done = script(nas, "apply")
    assert done.status == 1
    assert done.err.splitlines() == [
        "nas-k3s: error: no docker found on this NAS "
        "(QNAP QTS or QuTS hero with Container Station)",
        "nas-k3s:   -> install and start Container Station, then run again; "
        "nas-k3s:dockerPath names one elsewhere",
    ]
    assert wrappers(nas) == []


def test_our_own_wrapper_is_not_taken_for_docker_once_the_real_one_is_gone(nas: FakeNas) -> None:
    """It would then run itself, for ever."""
    script(nas, "apply")
    before = nas.read(WRAPPER)
    without_container_station(nas)
    done = script(nas, "apply")
    assert done.status == 1
    assert "no docker found" in done.err
    assert nas.read(WRAPPER) == before


def test_a_wrapper_of_an_old_place_is_brought_up_to_date(nas: FakeNas) -> None:
    script(nas, "apply")
    moved = "/share/ZFS530_DATA/.qpkg/container-station"
    nas.path(moved).parent.mkdir(parents=True)
    nas.path(QPKG).rename(nas.path(moved))
    nas.write("/sbin/getcfg", f"#!/bin/sh\necho {moved}\n")
    assert script(nas, "apply").status == 0
    assert f"exec {moved}/bin/docker" in nas.read(WRAPPER)


def test_a_daemon_that_does_not_answer_is_told(nas: FakeNas) -> None:
    nas.path("/state/up").unlink()
    done = script(nas, "apply")
    assert done.status == 1
    assert "its daemon does not answer" in done.err
    assert "Container Station" in done.err


def test_remove_takes_our_wrapper_away_and_a_second_remove_finds_nothing(nas: FakeNas) -> None:
    before = wrappers(nas)
    script(nas, "apply")
    done = script(nas, "remove")
    assert (done.status, done.err) == (0, f"nas-k3s: removed {WRAPPER}\n")
    assert wrappers(nas) == before
    assert (script(nas, "remove").status, script(nas, "remove").err) == (0, "")


def test_remove_works_when_container_station_is_gone(nas: FakeNas) -> None:
    script(nas, "apply")
    without_container_station(nas)
    assert script(nas, "remove").status == 0
    assert wrappers(nas) == []


def test_an_account_that_is_not_uid_0_is_refused_with_the_setting(nas: FakeNas) -> None:
    bob = 'id() { [ "$1" = -un ] && echo bob || echo 1000; }\n'
    done = script(nas, "apply", before=bob)
    assert done.status == 1
    assert "the user bob (uid 1000)" in done.err
    assert "nas-k3s:sshUser" in done.err
