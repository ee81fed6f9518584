"""daemon-proxy.sh under BusyBox ash against a fake QNAP."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.scripts.daemon import apply, restore, steps, variables, without_proxy, without_times
from tests.scripts.fake_nas import DOCKER_JSON, QPKG, FakeNas
from tests.scripts.test_daemon_routes import reply

PASSWORD = "p@s%#w/r:d"


def test_apply_adds_the_proxies_and_keeps_every_other_byte(nas: FakeNas) -> None:
    done = apply(nas)
    assert done.status == 0, done.err
    after = nas.read(nas.config)
    expected = {**json.loads(DOCKER_JSON), "proxies": json.loads(variables()["PROXIES"])}
    assert json.loads(after) == expected
    assert after.startswith(DOCKER_JSON.rstrip("\n}"))
    assert without_times(done) == {
        "strategy": "config_file",
        "config": nas.config,
        "changed": "yes",
        "restarted": "yes",
    }


def test_apply_restarts_the_daemon_once_and_a_second_apply_not_at_all(nas: FakeNas) -> None:
    before = nas.starts
    assert apply(nas).status == 0
    assert nas.starts == before + 1
    again = apply(nas)
    assert again.status == 0, again.err
    assert nas.starts == before + 1
    assert again.results["changed"] == "no"


def test_each_step_that_was_done_has_its_time_on_the_nas(nas: FakeNas) -> None:
    assert steps(apply(nas)) == ["began", "written", "restarting", "restarted", "verified"]
    assert steps(apply(nas)) == ["began"]
    for name in ("http", "https", "no"):
        nas.write(f"/state/{name}", "")
    assert steps(apply(nas)) == ["began", "restarting", "restarted", "verified"]


def test_another_no_proxy_restarts_once_more(nas: FakeNas) -> None:
    apply(nas)
    before = nas.starts
    done = apply(nas, noProxy='["registry.lan"]')
    assert done.status == 0, done.err
    assert nas.starts == before + 1
    assert "registry.lan" in nas.read("/state/no")


def test_a_file_that_is_right_but_was_never_loaded_is_loaded_by_a_restart(nas: FakeNas) -> None:
    apply(nas)
    for name in ("http", "https", "no"):
        nas.write(f"/state/{name}", "")
    before = nas.starts
    done = apply(nas)
    assert done.status == 0, done.err
    assert nas.starts == before + 1
    assert done.results["changed"] == "no"
    assert done.results["restarted"] == "yes"


def test_containers_that_ran_run_again_and_a_stopped_one_stays_stopped(nas: FakeNas) -> None:
    assert apply(nas).status == 0
    assert nas.running() == {"photos", "notes"}
    assert nas.read("/state/started").split() == ["notes"]


def test_restore_gives_the_original_bytes_and_leaves_nothing_behind(nas: FakeNas) -> None:
    apply(nas)
    done = restore(nas)
    assert done.status == 0, done.err
    assert nas.read(nas.config) == DOCKER_JSON
    assert [entry.name for entry in nas.path(nas.config).parent.iterdir()] == ["docker.json"]
    assert nas.read("/state/http") == ""


def test_restore_and_keep_tell_as_apply_does_what_they_did_and_when(nas: FakeNas) -> None:
    """Without a proxy it is they that an up runs."""
    assert apply(nas).status == 0
    done = nas.run("daemon-proxy.sh", "restore", without_proxy())
    assert without_times(done) == {"changed": "yes", "restarted": "yes"}
    assert steps(done) == ["began", "written", "restarting", "restarted"]
    assert nas.read(nas.config) == DOCKER_JSON
    for mode in ("restore", "keep"):
        again = nas.run("daemon-proxy.sh", mode, without_proxy())
        assert without_times(again) == {"changed": "no", "restarted": "no"}
        assert steps(again) == ["began"]


def test_a_nas_that_never_had_a_proxy_of_ours_is_left_as_it_is(nas: FakeNas) -> None:
    before, starts = nas.read(nas.config), nas.starts
    for mode in ("restore", "keep"):
        done = nas.run("daemon-proxy.sh", mode, without_proxy())
        assert done.status == 0, done.err
        assert without_times(done) == {"changed": "no", "restarted": "no"}
    assert (nas.read(nas.config), nas.starts) == (before, starts)
    assert [entry.name for entry in nas.path(nas.config).parent.iterdir()] == ["docker.json"]


def test_restore_twice_does_nothing_the_second_time(nas: FakeNas) -> None:
    apply(nas)
    restore(nas)
    before = nas.starts
    assert restore(nas).status == 0
    assert nas.starts == before


def test_restore_puts_back_the_proxies_that_the_owner_had(
    make_nas: Callable[..., FakeNas],
) -> None:
    owners = '{"proxies": {"http-proxy":  "http://old:3128"}, "debug": false}\n'
    nas = make_nas(config=owners)
    assert apply(nas).status == 0
    assert "http://old:3128" not in nas.read(nas.config)
    assert restore(nas).status == 0
    assert nas.read(nas.config) == owners


def test_restore_keeps_what_the_owner_edited_in_the_meantime(nas: FakeNas) -> None:
    apply(nas)
    nas.write(nas.config, nas.read(nas.config).replace('"experimental": false', '"debug": true'))
    assert restore(nas).status == 0
    assert nas.read(nas.config) == DOCKER_JSON.replace('"experimental": false', '"debug": true')


def test_keep_leaves_the_proxy_and_forgets_the_original(nas: FakeNas) -> None:
    apply(nas)
    before = nas.read(nas.config)
    starts = nas.starts
    assert nas.run("daemon-proxy.sh", "keep", variables()).status == 0
    assert nas.read(nas.config) == before
    assert not nas.path(nas.config + ".nas-k3s-original").exists()
    assert nas.starts == starts


def test_a_daemon_that_does_not_come_back_gets_its_old_config(nas: FakeNas) -> None:
    nas.write("/state/break", "invalid proxies")
    done = apply(nas)
    assert done.status == 1
    assert "did not restart within" in done.err
    assert "Docker runs with it" in done.err
    assert nas.read(nas.config) == DOCKER_JSON
    assert nas.path("/state/up").exists()
    assert nas.running() == {"photos", "notes"}
    assert not nas.path(nas.config + ".nas-k3s-original").exists()


def test_a_daemon_that_is_just_ending_is_not_taken_for_a_new_one(nas: FakeNas) -> None:
    """For a moment it still answers, and its process tells no start time any more."""
    nas.write("/state/break", "invalid proxies")
    start = "/etc/init.d/container-station.sh"
    shebang, rest = nas.read(start).split("\n", 1)
    ending = "[ ! -f /state/up ] || rm /proc/$(cat /state/up)/stat\nsleep 2"
    nas.script(start, f"{shebang}\n{ending}\n{rest}")
    done = apply(nas)
    assert done.status == 1
    assert "Docker did not restart within" in done.err
    assert nas.read(nas.config) == DOCKER_JSON
    assert nas.running() == {"photos", "notes"}


def test_a_daemon_that_ignores_the_file_gets_its_old_config(nas: FakeNas) -> None:
    nas.write("/state/deaf", "")
    done = apply(nas)
    assert done.status == 1
    assert "uses another proxy" in done.err
    assert nas.read(nas.config) == DOCKER_JSON


def test_a_restart_command_that_restarts_nothing_is_found_out(nas: FakeNas) -> None:
    nas.write("/state/idle", "")
    before = nas.starts
    done = apply(nas)
    assert done.status == 1
    assert "the old dockerd" in done.err
    assert "jq not found" in done.err
    assert nas.read(nas.config) == DOCKER_JSON
    assert nas.starts == before


def test_a_proxy_that_is_down_stops_before_anything_changes(nas: FakeNas) -> None:
    nas.path("/state/proxy_answer").unlink()
    before = nas.starts
    done = apply(nas)
    assert done.status == 1
    assert "daemon -> proxy" in done.err
    assert "192.168.31.198:7222" in done.err
    assert "nas-k3s:proxy" in done.err
    assert nas.read(nas.config) == DOCKER_JSON
    assert nas.starts == before


@pytest.mark.parametrize(
    ("answer", "hop", "setting"),
    [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "daemon -> proxy", "proxyPassword"),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "proxy -> registry", "registry-1.docker.io"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "daemon -> proxy", "no HTTP proxy"),
    ],
)
def test_each_answer_of_the_proxy_names_its_hop(
    nas: FakeNas, answer: str, hop: str, setting: str
) -> None:
    nas.write("/state/proxy_answer", answer)
    done = apply(nas)
    assert done.status == 1
    assert hop in done.err
    assert setting in done.err
    assert nas.read(nas.config) == DOCKER_JSON


SPARED = {"REGISTRY": "reg.lan:5000", "REGISTRY_SPARED": "yes"}


@pytest.mark.parametrize("status", ["403 Forbidden", "503 Service Unavailable"])
def test_a_registry_that_docker_goes_to_by_itself_need_not_be_let_through(
    nas: FakeNas, status: str
) -> None:
    nas.write("/state/proxy_answer", f"HTTP/1.1 {status}\r\n\r\n")
    done = nas.run("daemon-proxy.sh", "apply", {**variables(), **SPARED})
    assert done.status == 0, done.err
    assert "reaches reg.lan:5000 without the proxy, as nas-k3s:noProxy has it" in done.err


def test_the_proxy_itself_has_to_work_for_it_all_the_same(nas: FakeNas) -> None:
    """Docker would restart for a proxy that takes nothing else either."""
    nas.write("/state/proxy_answer", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    done = nas.run("daemon-proxy.sh", "apply", {**variables(), **SPARED})
    assert (done.status, nas.read(nas.config)) == (1, DOCKER_JSON)
    assert "proxyPassword" in done.err


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("dial tcp: lookup reg.lan: no such host", "cannot look reg.lan:5000 up, without the"),
        ("dial tcp 10.0.0.5:5000: connection refused", "gets no answer from reg.lan:5000, with"),
        ("x509: certificate signed by unknown authority", "certs.d/reg.lan:5000/ca.crt"),
    ],
)
def test_what_is_wrong_with_it_is_not_laid_to_the_proxy(
    nas: FakeNas, message: str, words: str
) -> None:
    reply(nas, 500, message)
    done = nas.run("daemon-proxy.sh", "apply", {**variables(), **SPARED})
    assert done.status == 1
    assert words in done.err
    assert "hop proxy" not in done.err
    assert nas.read(nas.config) == DOCKER_JSON


def test_credentials_reach_proxy_and_file_encoded_and_nothing_that_people_read(
    nas: FakeNas,
) -> None:
    done = apply(nas, proxyUser="svc", proxyPassword=PASSWORD)
    assert done.status == 0, done.err
    assert "svc:p%40s%25%23w%2Fr%3Ad@192.168.31.198" in nas.read(nas.config)
    assert "Proxy-Authorization: Basic c3ZjOnBAcyUjdy9yOmQ=" in nas.read("/state/proxy_request")
    for secret in (PASSWORD, "p%40s", "c3ZjOnBA"):
        assert secret not in done.out + done.err


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ('{\n  "debug": true, // note\n  "x": 1\n}\n', "line 2: a comment"),
        ('{"debug": true,}\n', "line 1"),
        # After a crash a file may end in NUL bytes, which BusyBox awk would drop.
        ('{"debug": true}\n\0\0\0', "line 2"),
        ("\0\0\0\0", "line 1"),
        ('{"http-proxy": "http://x:1"}\n', '"http-proxy" at its top'),
        ('{"httpProxy": "http://x:1"}\n', '"httpProxy" at its top'),
        ('{"proxies": {"default": {"httpProxy": "http://x:1"}}}\n', 'holds "default"'),
        ('{"proxies": {"httpProxy": "http://x:1"}}\n', 'holds "httpProxy"'),
        ('{"proxies": {"http-proxy": "http://x:1", "no-proxy": ["a"]}}\n', "is a list"),
        ('{"proxies": {"no-proxy": 7}}\n', "is no text"),
        ('{"proxies": {"ftp": "x"}}\n', 'holds "ftp", which dockerd does not know'),
        ('{"proxies": "http://x:1"}\n', '"proxies" in '),
    ],
)
def test_a_file_that_cannot_be_edited_safely_is_refused_with_its_fault(
    make_nas: Callable[..., FakeNas], config: str, what: str
) -> None:
    nas = make_nas(config=config)
    done = apply(nas)
    assert done.status == 1
    assert what in done.err
    assert nas.read(nas.config) == config


def test_a_flag_of_the_running_daemon_is_refused(nas: FakeNas) -> None:
    pid = nas.read("/state/up").strip()
    nas.write(f"/proc/{pid}/cmdline", f"dockerd\0--config-file={nas.config}\0--http-proxy=x\0")
    done = apply(nas)
    assert done.status == 1
    assert "--http-proxy" in done.err


def test_the_file_is_the_one_that_the_running_daemon_names(nas: FakeNas) -> None:
    other = f"{QPKG}/var/elsewhere.json"
    nas.write(other, "{}\n")
    nas.write("/state/config_path", other)
    nas.restart()
    done = apply(nas)
    assert done.status == 0, done.err
    assert done.results["config"] == other
    assert nas.read(nas.config) == DOCKER_JSON


def test_the_daemon_of_the_nas_own_containers_is_left_alone(nas: FakeNas) -> None:
    nas.write("/proc/7/comm", "dockerd\n")
    nas.write("/proc/7/cmdline", "dockerd\0-H\0unix:///var/run/system-docker.sock\0")
    assert apply(nas).status == 0


def test_a_docker_in_a_container_is_not_taken_for_that_of_the_nas(nas: FakeNas) -> None:
    """A runner with a Docker of its own survives the restart where live-restore is on."""
    for process, namespace in (("self", "pid:[1]"), ("10", "pid:[2]")):
        nas.path(f"/proc/{process}/ns").mkdir(parents=True)
        nas.path(f"/proc/{process}/ns/pid").symlink_to(namespace)
    nas.write("/proc/10/comm", "dockerd\n")
    nas.write("/proc/10/cgroup", f"0::/docker/{'0a' * 32}\n")
    nas.write("/proc/10/cmdline", "dockerd\0--http-proxy\0http://other:1\0")
    nas.write("/proc/10/stat", "10 (dockerd) S 1" + " 0" * 17 + " 10")
    done = apply(nas)
    assert done.status == 0, done.err


def test_a_symlink_is_written_through_and_mode_and_owner_stay(nas: FakeNas) -> None:
    target = f"{QPKG}/appconf/docker.json"
    nas.write(target, DOCKER_JSON)
    nas.path(target).chmod(0o640)
    nas.path(nas.config).unlink()
    nas.path(nas.config).symlink_to(target)
    assert apply(nas).status == 0
    assert nas.path(nas.config).is_symlink()
    assert "proxies" in nas.read(target)
    assert nas.path(target).stat().st_mode & 0o777 == 0o640


def test_a_script_that_was_cut_off_on_its_way_changes_nothing(nas: FakeNas) -> None:
    from nas.remote_script import render

    text = render("daemon-proxy.sh", variables())
    for part in (0.3, 0.6, 0.9, 0.995):
        nas.shell("sh -s apply", text[: int(len(text) * part)])
        assert nas.read(nas.config) == DOCKER_JSON
