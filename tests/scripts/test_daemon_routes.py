"""Each way of a proxy into the daemon, on each kind of NAS that takes it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.scripts.daemon import apply, restore, variables, without_proxy, without_times
from tests.scripts.fake_nas import DOCKER_JSON, LOCK, QPKG, FakeNas, another_run
from tests.scripts.fake_platforms import RUN_DOCKER

PASSWORD = "p@s%#w/r:d"
MASKED = "http://xxxxx:xxxxx@192.168.31.198:7222"
START_SCRIPT = f"{QPKG}/script/run-docker.sh"
CUSTOM = {
    "platform": "custom",
    "dockerPath": "/opt/box/docker",
    "daemonConfigFile": "/opt/box/engine.json",
    "daemonRestartCommand": "/opt/box/rc restart",
}
LOGIN = {"proxyUser": "svc", "proxyPassword": PASSWORD}


@dataclass(frozen=True)
class Case:
    """A NAS, and where its proxy goes."""

    kind: str
    engine: str
    strategy: str
    place: str
    config: str | None = DOCKER_JSON

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.engine}-{'file' if self.config else 'none'}"


def drop_in(unit: str) -> str:
    return f"/etc/systemd/system/{unit}.service.d/zz-nas-k3s-proxy.conf"


CASES = [
    Case("qnap", "27.1.2-qnap8", "config_file", f"{QPKG}/etc/docker.json"),
    Case("qnap", "20.10.24", "vendor_script", START_SCRIPT),
    Case("synology", "24.0.2", "systemd", drop_in("pkg-ContainerManager-dockerd")),
    Case("synology-7.1", "20.10.3", "systemd", drop_in("pkg-Docker-dockerd")),
    Case("systemd", "29.0.0", "config_file", "/etc/docker/daemon.json"),
    Case("systemd", "29.0.0", "config_file", "/etc/docker/daemon.json", config=None),
    Case("systemd", "20.10.24", "systemd", drop_in("docker"), config=None),
    Case("custom", "23.0.1", "config_file", "/opt/box/engine.json"),
]


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request: pytest.FixtureRequest) -> Case:
    """One kind of NAS with one engine."""
    found: Case = request.param
    return found


@pytest.fixture
def nas_of(make_nas: Callable[..., FakeNas], case: Case) -> FakeNas:
    """That NAS, never touched by us."""
    return make_nas(kind=case.kind, engine=case.engine, config=case.config)


def settings_of(case: Case) -> Mapping[str, str]:
    return {**LOGIN, **platform_of(case)}


def platform_of(case: Case) -> Mapping[str, str]:
    return CUSTOM if case.kind == "custom" else {}


def tree(nas: FakeNas) -> dict[str, bytes]:
    """Every file of the NAS but those of the daemon's and the kernel's."""
    return {
        str(path.relative_to(nas.root)): path.read_bytes() if path.is_file() else b""
        for path in nas.root.rglob("*")
        if not {"state", "proc", "dev"} & {path.relative_to(nas.root).parts[0]}
    }


def test_apply_and_restore_leave_the_nas_as_it_was_with_one_restart_each(
    nas_of: FakeNas, case: Case
) -> None:
    nas = nas_of
    before, starts = tree(nas), nas.starts
    done = apply(nas, **settings_of(case))
    assert done.status == 0, done.err
    assert without_times(done) == {
        "strategy": case.strategy,
        "config": done.results["config"],
        "changed": "yes",
        "restarted": "yes",
    }
    assert nas.path(case.place).resolve() == nas.path(done.results["config"]).resolve()
    assert nas.read("/state/http") == nas.read("/state/https") == MASKED
    assert nas.read("/state/no") == variables(**settings_of(case))["NO_PROXY_SHOWN"]
    assert nas.starts == starts + 1
    assert nas.running() == {"photos", "notes"}
    assert "GET /distribution/docker.io/rancher/k3s:v1.34.4-k3s1/json" in nas.read("/state/asked")

    again = apply(nas, **settings_of(case))
    assert (again.status, again.results["changed"], nas.starts) == (0, "no", starts + 1), again.err

    back = restore(nas, **settings_of(case))
    assert back.status == 0, back.err
    assert tree(nas) == before
    assert (nas.read("/state/http"), nas.starts) == ("", starts + 2)
    assert restore(nas, **settings_of(case)).status == 0
    assert nas.starts == starts + 2


def test_no_secret_is_said(nas_of: FakeNas, case: Case) -> None:
    done = apply(nas_of, **settings_of(case))
    for secret in (PASSWORD, "p%40s", "p%%40s"):
        assert secret not in done.out + done.err


def test_a_daemon_that_does_not_come_back_leaves_the_nas_as_it_was(
    nas_of: FakeNas, case: Case
) -> None:
    nas = nas_of
    before = tree(nas)
    nas.write("/state/break", "out of luck")
    done = apply(nas, **settings_of(case))
    assert done.status == 1
    assert "did not restart within" in done.err
    assert "Docker runs with it" in done.err
    assert tree(nas) == before
    assert nas.running() == {"photos", "notes"}


def test_a_daemon_that_cannot_pull_leaves_the_nas_as_it_was(nas_of: FakeNas, case: Case) -> None:
    nas = nas_of
    before = tree(nas)
    reply(nas, 500, "Get https://registry-1.docker.io/v2/: proxyconnect tcp: connection refused")
    done = apply(nas, **settings_of(case))
    assert done.status == 1
    assert "the hop daemon -> proxy fails" in done.err
    assert tree(nas) == before
    assert nas.read("/state/http") == ""


def test_keep_leaves_the_proxy_and_nothing_else(nas_of: FakeNas, case: Case) -> None:
    nas = nas_of
    before = set(tree(nas))
    apply(nas, **settings_of(case))
    place = nas.read(case.place)
    done = nas.run("daemon-proxy.sh", "keep", variables(**settings_of(case)))
    assert done.status == 0, done.err
    assert nas.read(case.place) == place
    left = {path for path in set(tree(nas)) - before if not nas.path(path).is_dir()}
    assert left <= {case.place.lstrip("/")}


def test_a_proxy_that_was_kept_stays_when_the_stack_has_none(nas_of: FakeNas, case: Case) -> None:
    nas = nas_of
    apply(nas, **settings_of(case))
    assert nas.run("daemon-proxy.sh", "keep", without_proxy(**platform_of(case))).status == 0
    kept, starts = tree(nas), nas.starts
    for mode in ("restore", "keep"):
        done = nas.run("daemon-proxy.sh", mode, without_proxy(**platform_of(case)))
        assert done.status == 0, done.err
        assert without_times(done) == {"changed": "no", "restarted": "no"}
        assert (tree(nas), nas.starts) == (kept, starts)


def test_without_a_proxy_in_the_stack_all_is_as_before(nas_of: FakeNas, case: Case) -> None:
    nas = nas_of
    before = tree(nas)
    apply(nas, **settings_of(case))
    done = nas.run("daemon-proxy.sh", "restore", without_proxy(**platform_of(case)))
    assert done.status == 0, done.err
    assert without_times(done) == {"changed": "yes", "restarted": "yes"}
    assert tree(nas) == before
    assert nas.read("/state/http") == ""


# ---- the single ways


def test_a_drop_in_doubles_each_percent_sign_and_the_file_none(
    make_nas: Callable[..., FakeNas],
) -> None:
    nas = make_nas(kind="synology", engine="24.0.2")
    assert apply(nas, **LOGIN).status == 0
    text = nas.read(drop_in("pkg-ContainerManager-dockerd"))
    assert '"HTTP_PROXY=http://svc:p%%40s%%25%%23w%%2Fr%%3Ad@192.168.31.198:7222"' in text
    assert "svc:p%40s%25%23w%2Fr%3Ad@" in variables(**LOGIN)["PROXIES"]


def test_a_drop_in_of_the_owner_is_overruled_and_is_back_afterwards(
    make_nas: Callable[..., FakeNas],
) -> None:
    nas = make_nas(kind="systemd", engine="20.10.24")
    owners = "/etc/systemd/system/docker.service.d/http-proxy.conf"
    nas.write(owners, '[Service]\nEnvironment="HTTP_PROXY=http://old:3128"\n')
    nas.shell("systemctl daemon-reload && systemctl restart docker")
    assert nas.read("/state/http") == "http://old:3128"
    assert apply(nas).status == 0
    assert nas.read("/state/http") == "http://192.168.31.198:7222"
    assert restore(nas).status == 0
    assert nas.read("/state/http") == "http://old:3128"


def test_a_proxy_in_the_file_would_go_before_the_environment_and_is_refused(
    make_nas: Callable[..., FakeNas],
) -> None:
    config = '{"proxies": {"http-proxy": "http://old:1"}}'
    nas = make_nas(kind="synology", engine="24.0.2", config=config)
    before = tree(nas)
    done = apply(nas)
    assert done.status == 1
    assert 'holds "proxies", which goes before the environment' in done.err
    assert tree(nas) == before


def test_the_block_stands_before_the_line_that_starts_dockerd(
    make_nas: Callable[..., FakeNas],
) -> None:
    nas = make_nas(engine="20.10.24")
    done = apply(nas, **LOGIN)
    lines = nas.read(START_SCRIPT).splitlines()
    block = variables(**LOGIN)["EXPORTS"].splitlines()
    assert lines == [*RUN_DOCKER.splitlines()[:-1], *block, RUN_DOCKER.splitlines()[-1]]
    assert "an update of Container Station overwrites" in done.err


def test_another_value_replaces_the_block_in_place(make_nas: Callable[..., FakeNas]) -> None:
    nas = make_nas(engine="20.10.24")
    apply(nas)
    assert apply(nas, noProxy='["registry.lan"]').status == 0
    text = nas.read(START_SCRIPT)
    assert text.count("# nas-k3s begin") == text.count("# nas-k3s end") == 1
    assert "registry.lan" in nas.read("/state/no")
    assert restore(nas).status == 0
    assert nas.read(START_SCRIPT) == RUN_DOCKER


def test_a_start_script_without_dockerd_is_refused(make_nas: Callable[..., FakeNas]) -> None:
    nas = make_nas(engine="20.10.24")
    nas.write(START_SCRIPT, "#!/bin/sh\n# starts dockerd\nexec /else/where\n")
    done = apply(nas)
    assert done.status == 1
    assert "no line that starts dockerd" in done.err
    assert "update Container Station" in done.err


@pytest.mark.parametrize(
    ("kind", "engine", "config", "words"),
    [
        ("truenas", "27.5.1", {}, "Network > Global Configuration"),
        ("unraid", "27.5.1", {}, "/boot/config/go"),
        ("custom", "20.10.24", CUSTOM, "update Docker to 23"),
    ],
)
def test_where_no_file_of_ours_lasts_the_owner_is_told_what_to_click(
    make_nas: Callable[..., FakeNas], kind: str, engine: str, config: dict[str, str], words: str
) -> None:
    nas = make_nas(kind=kind, engine=engine)
    before, starts = tree(nas), nas.starts
    done = apply(nas, **config)
    assert done.status == 1
    assert words in done.err
    assert "192.168.31.198:7222" in done.err
    assert (tree(nas), nas.starts) == (before, starts)

    # ... and once that is done, there is nothing left to do.
    nas.write("/state/http", MASKED)
    nas.write("/state/https", MASKED)
    nas.write("/state/no", "localhost,elsewhere")
    done = apply(nas, **config)
    assert (done.status, done.results["strategy"]) == (0, "none"), done.err
    assert "its no-proxy list lacks " in done.err
    assert (tree(nas), nas.starts) == (before, starts)


def test_a_proxy_that_the_owner_gave_to_the_daemon_already_is_left_alone(nas: FakeNas) -> None:
    pid = nas.read("/state/up").strip()
    nas.write(f"/proc/{pid}/environ", "PATH=/bin\0HTTPS_PROXY=http://192.168.31.198:7222\0")
    nas.write("/state/http", "http://192.168.31.198:7222")
    nas.write("/state/https", "http://192.168.31.198:7222")
    nas.write("/state/no", variables()["NO_PROXY_SHOWN"])
    before, starts = tree(nas), nas.starts
    done = apply(nas)
    assert (done.status, done.results["changed"]) == (0, "no"), done.err
    assert restore(nas).status == 0
    assert (tree(nas), nas.starts) == (before, starts)


def test_a_new_file_that_the_owner_went_on_with_keeps_what_is_his(
    make_nas: Callable[..., FakeNas],
) -> None:
    nas = make_nas(kind="systemd", config=None)
    apply(nas)
    file = "/etc/docker/daemon.json"
    nas.write(file, nas.read(file).replace("{\n", '{\n  "debug": true,\n', 1))
    assert restore(nas).status == 0
    assert json.loads(nas.read(file)) == {"debug": True}


def test_an_update_of_docker_takes_the_other_way_and_destroy_clears_both(
    make_nas: Callable[..., FakeNas],
) -> None:
    nas = make_nas(kind="systemd", engine="20.10.24", config=None)
    before = tree(nas)
    assert apply(nas).results["strategy"] == "systemd"
    nas.write("/state/engine", "27.5.1")
    nas.restart()
    assert apply(nas).results["strategy"] == "config_file"
    assert restore(nas).status == 0
    assert tree(nas) == before


# ---- the question to the registry


def reply(nas: FakeNas, status: int, message: str) -> None:
    body = json.dumps({"message": message})
    nas.write("/state/reply", f"HTTP/1.0 {status} X\r\nApi-Version: 1.46\r\n\r\n{body}\n")


@pytest.mark.parametrize(
    ("status", "message", "words"),
    [
        (500, "proxyconnect tcp: dial tcp: connect: connection refused", "daemon -> proxy fails"),
        (500, 'Get "https://r/v2/": Proxy Authentication Required', "wants other credentials"),
        (500, 'Get "https://r/v2/": Forbidden', "proxy -> registry fails"),
        (500, 'Get "https://r/v2/": Service Unavailable', "proxy -> registry fails"),
        (500, "tls: failed to verify certificate: x509: unknown authority", "needs its CA in"),
        (500, "dial tcp: lookup registry-1.docker.io: no such host", "nas-k3s:noProxy"),
        (500, "net/http: request canceled (Client.Timeout exceeded)", "gets no answer from"),
        (401, "unauthorized: authentication required", ""),
        (404, "manifest unknown: manifest unknown", ""),
        (429, "toomanyrequests: You have reached your pull rate limit", ""),
    ],
)
def test_what_the_registry_or_the_way_to_it_says_is_told_apart(
    nas: FakeNas, status: int, message: str, words: str
) -> None:
    reply(nas, status, message)
    done = apply(nas)
    if words:
        assert done.status == 1
        assert words in done.err
        assert '\\"' not in done.err, "as JSON has it"
        assert nas.read(nas.config) == DOCKER_JSON
    else:
        assert done.status == 0, done.err
        assert message.partition(":")[0] in done.err


def test_a_proxy_that_says_nothing_is_bounded_and_named(nas: FakeNas) -> None:
    nas.write("/state/mute", "")
    done = apply(nas)
    assert done.status == 1
    assert "takes connections and says nothing" in done.err
    assert nas.read(nas.config) == DOCKER_JSON


@pytest.mark.parametrize("answer", ["200 Connection established", "407 Who are you"])
def test_a_proxy_that_speaks_plain_http_where_the_setting_says_https_restarts_nothing(
    nas: FakeNas, answer: str
) -> None:
    before, starts = tree(nas), nas.starts
    nas.write("/state/proxy_answer", f"HTTP/1.1 {answer}\r\n\r\n")
    secure = {"proxy": "https://192.168.31.198:7222", "proxyUser": "me", "proxyPassword": PASSWORD}
    done = apply(nas, **secure)
    assert done.status == 1
    assert "speaks plain HTTP, and nas-k3s:proxy says https" in done.err
    assert "-> write http://192.168.31.198:7222 in nas-k3s:proxy" in done.err
    assert (tree(nas), nas.starts) == (before, starts)
    assert "uthorization" not in nas.read("/state/proxy_request"), "no login in plain text"


@pytest.mark.parametrize(
    "answer", ["\x15\x03\x01\0\x02\x02\x46", "HTTP/1.0 400 Bad Request\r\n\r\n", ""]
)
def test_a_proxy_that_speaks_tls_is_taken(nas: FakeNas, answer: str) -> None:
    nas.write("/state/proxy_answer", answer)
    done = apply(nas, proxy="https://192.168.31.198:7222")
    assert (done.status, done.results["restarted"]) == (0, "yes"), done.err


def test_a_daemon_that_dies_of_the_question_is_started_with_its_old_file(nas: FakeNas) -> None:
    nas.write("/state/dies", "")
    done = apply(nas)
    assert done.status == 1
    assert "it died while it asked registry-1.docker.io" in done.err
    assert "Docker runs with it" in done.err
    assert nas.read(nas.config) == DOCKER_JSON
    assert nas.running() == {"photos", "notes"}


# ---- may Docker restart?


def test_never_refuses_before_anything_is_written(nas: FakeNas) -> None:
    before, starts = tree(nas), nas.starts
    done = apply(nas, restartDaemon="never")
    assert done.status == 1
    assert "nas-k3s:restartDaemon is never" in done.err
    assert (tree(nas), nas.starts) == (before, starts)


def test_when_safe_names_the_containers_that_would_not_come_back(nas: FakeNas) -> None:
    before, starts = tree(nas), nas.starts
    done = apply(nas, restartDaemon="when-safe")
    assert done.status == 1
    assert "by itself: notes\n" in done.err
    assert "nas-k3s:restartDaemon" in done.err
    assert (tree(nas), nas.starts) == (before, starts)

    nas.container("notes", "unless-stopped", running=True)
    assert apply(nas, restartDaemon="when-safe").status == 0
    assert nas.starts == starts + 1
    # Nothing to restart for: no setting stands in the way.
    assert apply(nas, restartDaemon="never").status == 0


@pytest.mark.parametrize("setting", ["never", "when-safe"])
def test_what_may_not_restart_loses_its_proxy_at_the_owners_next_restart(
    nas: FakeNas, setting: str
) -> None:
    """Nor is a destroy a reason to restart somebody's household."""
    before, running = tree(nas), nas.running()
    assert apply(nas).status == 0
    starts = nas.starts
    done = restore(nas, restartDaemon=setting)
    assert done.status == 0, done.err
    assert "it runs on with the proxy until somebody restarts it" in done.err
    assert (tree(nas), nas.starts, nas.running()) == (before, starts, running)
    assert nas.read("/state/http") == "http://192.168.31.198:7222"
    assert "nothing of ours is left" in restore(nas, restartDaemon=setting).err
    nas.restart()
    assert nas.read("/state/http") == ""


def test_a_proxy_that_docker_never_lost_is_set_again_without_a_restart(nas: FakeNas) -> None:
    """Docker runs on with what nothing configures any more: its next restart would lose it."""
    assert apply(nas).status == 0
    edited, starts = nas.read(nas.config), nas.starts
    assert restore(nas, restartDaemon="never").status == 0
    done = apply(nas, restartDaemon="never")
    assert done.status == 0, done.err
    assert "Docker never lost it: no restart" in done.err
    assert (nas.read(nas.config), nas.starts) == (edited, starts)
    nas.restart()
    assert nas.read("/state/http") == "http://192.168.31.198:7222"


def test_a_login_that_docker_may_have_lost_is_set_again_with_a_restart(nas: FakeNas) -> None:
    config = {"proxyUser": "me", "proxyPassword": PASSWORD}
    assert apply(nas, **config).status == 0
    starts = nas.starts
    assert restore(nas, restartDaemon="never", **config).status == 0
    done = apply(nas, **config)
    assert (done.status, done.results["restarted"]) == (0, "yes"), done.err
    assert nas.starts == starts + 1


# ---- killed in the middle


def test_a_run_that_was_killed_before_the_restart_is_completed_by_the_next(nas: FakeNas) -> None:
    apply(nas)
    edited = nas.read(nas.config)
    restore(nas)
    nas.write(f"{nas.config}.nas-k3s-original", DOCKER_JSON)
    nas.write(f"{nas.config}.nas-k3s-new", "half of i")
    nas.write(nas.config, edited)
    nas.write("/tmp/nas-k3s.999999/before", "secret")
    nas.path(LOCK).symlink_to("999999 ")
    starts = nas.starts
    done = apply(nas)
    assert done.status == 0, done.err
    assert (done.results["changed"], done.results["restarted"]) == ("no", "yes")
    assert "an earlier run (process 999999) was interrupted" in done.err
    assert nas.starts == starts + 1
    assert not nas.path("/tmp/nas-k3s.999999").exists()
    assert restore(nas).status == 0
    assert nas.read(nas.config) == DOCKER_JSON
    assert [entry.name for entry in nas.path(nas.config).parent.iterdir()] == ["docker.json"]


def test_a_completion_that_fails_gives_the_daemon_what_its_owner_had(nas: FakeNas) -> None:
    apply(nas)
    edited = nas.read(nas.config)
    restore(nas)
    nas.write(f"{nas.config}.nas-k3s-original", DOCKER_JSON)
    nas.write(nas.config, edited)
    nas.write("/state/break", "out of luck")
    assert apply(nas).status == 1
    assert nas.read(nas.config) == DOCKER_JSON
    assert nas.path("/state/up").exists()


def test_a_destroy_that_was_killed_before_its_restart_is_completed(nas: FakeNas) -> None:
    apply(nas)
    nas.write(nas.config, DOCKER_JSON)
    starts = nas.starts
    assert restore(nas).status == 0
    assert (nas.starts, nas.read("/state/http")) == (starts + 1, "")
    assert [entry.name for entry in nas.path(nas.config).parent.iterdir()] == ["docker.json"]


def test_a_way_back_that_was_killed_before_its_restart_is_completed_without_a_proxy_too(
    nas: FakeNas,
) -> None:
    """Of a first proxy that did not work there is no record, and it went out of the config."""
    apply(nas)
    nas.write(nas.config, DOCKER_JSON)
    nas.path(f"{nas.config}.nas-k3s-applied").unlink()
    starts = nas.starts
    assert nas.run("daemon-proxy.sh", "restore", without_proxy()).status == 0
    assert (nas.starts, nas.read("/state/http")) == (starts + 1, "")
    assert [entry.name for entry in nas.path(nas.config).parent.iterdir()] == ["docker.json"]


def test_a_proxy_that_was_never_proven_is_not_kept(nas: FakeNas) -> None:
    """Of a run that was killed; keeping it would also lose the only copy of the owner's file."""
    apply(nas)
    nas.path(f"{nas.config}.nas-k3s-applied").unlink()
    done = nas.run("daemon-proxy.sh", "keep", without_proxy())
    assert done.status == 0, done.err
    assert without_times(done) == {"changed": "yes", "restarted": "yes"}
    assert (nas.read(nas.config), nas.read("/state/http")) == (DOCKER_JSON, "")
    assert [entry.name for entry in nas.path(nas.config).parent.iterdir()] == ["docker.json"]


def stop_docker(nas: FakeNas) -> None:
    """As a run leaves it that was killed in the middle of a restart."""
    pid = nas.read("/state/up").strip()
    nas.shell(f"rm -r /proc/{pid} /state/up")


def test_keep_starts_a_docker_that_an_interrupted_run_left_down(nas: FakeNas) -> None:
    apply(nas)
    wanted = nas.read(nas.config)
    nas.write("/tmp/nas-k3s.running", "")
    stop_docker(nas)
    done = nas.run("daemon-proxy.sh", "keep", without_proxy())
    assert done.status == 0, done.err
    assert nas.path("/state/up").exists()
    assert nas.read(nas.config) == wanted
    assert not nas.path("/tmp/nas-k3s.running").exists()


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("apply", "its proxy is set"),
        ("restore", "the owner's config is in place"),
        ("keep", "its config keeps the proxy"),
    ],
)
def test_a_docker_that_dies_of_the_containers_that_it_gets_back_is_an_error(
    nas: FakeNas, action: str, state: str
) -> None:
    apply(nas)
    nas.container("notes", "no", running=False)
    nas.write("/tmp/nas-k3s.running", "notes\n")
    nas.write("/state/dies_of_start", "")
    done = nas.run("daemon-proxy.sh", action, variables())
    assert done.status == 1
    assert "it stopped to answer" in done.err
    assert f"-> {state}; look at Docker's log" in done.err
    assert not nas.daemon_runs
    # The next run brings them back.
    done = nas.run("daemon-proxy.sh", action, variables())
    assert done.status == 0, done.err
    assert nas.running() == {"photos", "notes"}
    assert not nas.path("/tmp/nas-k3s.running").exists()


def test_a_docker_that_an_interrupted_run_left_down_is_started(nas: FakeNas) -> None:
    apply(nas)
    stop_docker(nas)
    done = apply(nas)
    assert done.status == 0, done.err
    assert "an earlier run was interrupted" in done.err


def test_another_run_at_work_is_waited_for_and_then_named(nas: FakeNas) -> None:
    before = tree(nas)
    holder = another_run(nas, 8)
    done = apply(nas)
    assert done.status == 1
    assert f"another run of nas-k3s (process {holder}) is still at work" in done.err
    nas.path(LOCK).unlink()
    assert tree(nas) == before


@pytest.mark.parametrize("put", ["mkdir /d && ln -s /d {lock}", "ln -s '0 ' {lock}"])
def test_a_link_that_no_run_made_neither_switches_the_lock_off_nor_is_waited_for(
    nas: FakeNas, put: str
) -> None:
    nas.shell(put.format(lock=LOCK))
    done = apply(nas)
    assert done.status == 0, done.err
    assert not nas.path(LOCK).is_symlink()
    assert not list(nas.path("/d").glob("*"))


@pytest.mark.parametrize("put", ["mkdir {lock}", "echo hello >{lock}"])
def test_what_else_is_in_the_place_of_the_lock_is_told_and_left_alone(
    nas: FakeNas, put: str
) -> None:
    nas.shell(put.format(lock=LOCK))
    before = tree(nas)
    done = apply(nas)
    assert done.status == 1
    assert f"something else is where the lock of nas-k3s has to be: {LOCK}" in done.err
    assert f"rm -r {LOCK}" in done.err
    assert tree(nas) == before


def test_two_runs_at_once_follow_each_other(nas: FakeNas) -> None:
    starts = nas.starts
    patient = {**variables(), "LOCK_TIMEOUT": "60"}
    with ThreadPoolExecutor() as pool:
        runs = [pool.submit(nas.run, "daemon-proxy.sh", "apply", patient) for _ in range(3)]
    done = [run.result() for run in runs]
    assert [one.status for one in done] == [0, 0, 0], [one.err for one in done]
    assert sorted(one.results["restarted"] for one in done) == ["no", "no", "yes"]
    assert nas.starts == starts + 1
    assert nas.read(nas.config).count('"proxies"') == 1
    assert not nas.path(LOCK).is_symlink()


def test_a_file_system_that_is_read_only_is_told_and_nothing_restarts(nas: FakeNas) -> None:
    before, starts = tree(nas), nas.starts
    folder = nas.config.rpartition("/")[0]
    done = nas.run("daemon-proxy.sh", "apply", variables(), read_only=[folder])
    assert done.status == 1
    assert "cannot keep a copy" in done.err
    assert (tree(nas), nas.starts) == (before, starts)
