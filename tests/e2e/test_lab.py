"""The NAS in a box is what it says: these tests would fail on a box that is kinder than a NAS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab import box, boxes, debs, household, images, outer
from tests.lab.box import Lab
from tests.lab.process import LabError
from tests.lab.proxylog import ProxyEntry

from .conftest import AS_FOUND, FORWARDING, INSTANCE, boot, docker_json, states

PAUSE = "rancher/mirrored-pause:3.6"
DOCKER_HUB = "registry-1.docker.io:443"

WriteDockerJson = Callable[[str], None]


def with_proxy(docker_json: str, url: str) -> str:
    """The config file with the proxy added by hand, everything else left in its place."""
    proxies = json.dumps({"http-proxy": url, "https-proxy": url, "no-proxy": "localhost"})
    return docker_json.replace("{\n", f'{{\n    "proxies": {proxies},\n', 1)


def pull(lab: Lab, reference: str) -> tuple[int, str]:
    lab.nas(f"docker rmi {reference}")
    code, out, err = lab.nas(f"docker pull {reference}")
    return code, out + err


def from_nas(entries: list[ProxyEntry], lab: Lab) -> list[ProxyEntry]:
    return [entry for entry in entries if entry.client == lab.nas_host]


def config_is_refused(lab: Lab, config: str) -> None:
    """Container Station restarts with this config file and says that all is well; its daemon ends
    and has said in its log why."""
    log = f"{lab.container_station}/var/log/dockerd.log"
    count = f'grep -c "the following directives don\'t match any configuration option" {log}'
    before = int(lab.nas(count)[1])
    lab.nas(f"cat >{lab.docker_json} <<'END'\n{config}END\n")
    assert lab.ssh("/etc/init.d/container-station.sh restart")[0] == 0
    end = time.monotonic() + 60
    while int(lab.nas(count)[1]) == before:
        assert time.monotonic() < end, lab.nas(f"tail {log}")[1]
        time.sleep(0.1)
    assert lab.nas("docker version")[0] != 0


def test_a_pull_without_the_proxy_fails_at_once_and_reaches_nobody(lab: Lab) -> None:
    started = time.time()
    code, said = pull(lab, PAUSE)
    assert code != 0
    assert "lookup registry-1.docker.io" in said
    assert time.time() - started < 30
    assert lab.registry_has(PAUSE)
    assert from_nas(lab.proxy_log(since=started), lab) == []


def test_a_pull_works_once_the_proxy_is_in_docker_json_and_the_proxy_logs_it(
    lab: Lab, write_docker_json: WriteDockerJson
) -> None:
    write_docker_json(with_proxy(docker_json(lab), lab.proxy_url))
    started = time.time()
    code, said = pull(lab, PAUSE)
    assert code == 0, said
    seen = {(e.method, e.target, e.status) for e in from_nas(lab.proxy_log(since=started), lab)}
    assert seen == {("CONNECT", DOCKER_HUB, 200)}


def test_other_registries_answer_through_the_proxy_and_unknown_places_get_a_clear_no(
    lab: Lab, write_docker_json: WriteDockerJson
) -> None:
    write_docker_json(with_proxy(docker_json(lab), lab.proxy_url))
    started = time.time()
    code, said = pull(lab, f"gcr.io/{PAUSE}")
    assert code == 0, said
    code, said = pull(lab, f"registry.example/{PAUSE}")
    assert code != 0
    assert "Forbidden" in said
    seen = {(e.target, e.status) for e in from_nas(lab.proxy_log(since=started), lab)}
    assert seen == {("gcr.io:443", 200), ("registry.example:443", 403)}


def test_the_nas_reaches_no_address_beyond_its_lan(lab: Lab) -> None:
    connect = "nc -w 3 {} {} </dev/null"
    proxy = urllib.parse.urlsplit(lab.proxy_url)
    assert lab.nas(connect.format(proxy.hostname, proxy.port))[0] == 0
    for address, port in (
        (lab.addresses.registry, 443),
        (lab.addresses.internet_gateway, 22),
        ("192.0.2.1", 443),
    ):
        assert lab.nas(connect.format(address, port))[0] != 0, f"{address}:{port} is reachable"


def test_docker_is_not_on_the_path_of_ssh_commands(lab: Lab) -> None:
    assert lab.ssh("echo $PATH")[1].strip() == "/usr/bin:/bin:/usr/sbin:/sbin"
    code, _, said = lab.ssh("docker version")
    assert code == 127
    assert "not found" in said
    found = lab.ssh(
        "$(getcfg container-station Install_Path -f /etc/config/qpkg.conf)/bin/docker version"
    )
    assert found[0] == 0, found[2]


def test_the_nas_has_busybox_and_an_admin_but_no_root_and_no_other_tools(lab: Lab) -> None:
    assert lab.ssh("id -u -n; id -g -n")[1].split() == ["admin", "administrators"]
    assert lab.ssh("grep -c '^root:' /etc/passwd")[1].strip() == "0"
    assert lab.ssh("readlink /bin/sh; readlink /usr/bin/awk")[1].split() == ["/usr/bin/busybox"] * 2
    missing = ["bash", "jq", "python3", "perl", "scp", "sftp", "sftp-server", "nohup", "git"]
    code, out, _ = lab.ssh(f"for tool in {' '.join(missing)}; do which $tool; done; echo done")
    assert (code, out.split()) == (0, ["done"])


def test_the_nas_refuses_passwords_and_environment_and_has_no_sftp(lab: Lab) -> None:
    options = lab.nas("sshd -T -f /etc/ssh/sshd_config")[1].splitlines()
    assert "passwordauthentication no" in options
    assert "kbdinteractiveauthentication no" in options
    assert not any(line.startswith(("acceptenv", "subsystem")) for line in options)
    assert "maxstartups 10:30:100" in options


def test_getcfg_reads_sections_keys_and_defaults_like_qnaps(lab: Lab) -> None:
    getcfg = "getcfg {} -f /etc/config/qpkg.conf"
    assert lab.nas(getcfg.format("container-station Install_Path"))[1] == (
        f"{lab.container_station}\n"
    )
    assert lab.nas(getcfg.format("CONTAINER-STATION enable"))[1] == "TRUE\n"
    assert lab.nas(getcfg.format("HybridBackup Enable"))[1] == "FALSE\n"
    assert lab.nas(getcfg.format("container-station Nothing -d fallback"))[1] == "fallback\n"
    assert lab.nas(getcfg.format("no-such-app Install_Path"))[1] == "\n"


def test_a_reboot_loses_what_is_in_the_ram_disk_and_keeps_the_pool(
    lab: Lab, write_docker_json: WriteDockerJson
) -> None:
    # Bytes that a parser would not keep, so that a rewritten file shows.
    odd = docker_json(lab).replace('"experimental": true', '"experimental"  :\ttrue')
    write_docker_json(odd)
    volatile = ["/etc/left.conf", "/usr/bin/left", "/share/left", "/tmp/left", "/root/left"]
    lasting = [f"{lab.pool}/Public/kept", "/etc/config/kept", "/share/Public/kept2"]
    assert lab.nas(f"touch {' '.join(volatile + lasting)}")[0] == 0
    lab.nas("docker start notes")
    starts = lab.dockerd_starts()

    lab.reboot()

    assert [f for f in volatile if lab.nas(f"test -e {f}")[0] == 0] == []
    assert [f for f in lasting if lab.nas(f"test -e {f}")[0] != 0] == []
    assert docker_json(lab) == odd
    assert lab.dockerd_starts() == starts + 1
    assert states(lab) == {"photos": "running", "notes": "exited", "old-backup": "exited"}
    assert lab.ssh("docker version")[0] == 127


def test_a_restart_of_container_station_brings_back_what_the_restart_policies_say(
    lab: Lab,
) -> None:
    lab.nas("docker start photos notes")
    assert states(lab) == {"photos": "running", "notes": "running", "old-backup": "exited"}
    starts = lab.dockerd_starts()
    code, _, said = lab.ssh("/etc/init.d/container-station.sh restart")
    assert code == 0
    assert "jq: not found" in said
    lab.wait_for_docker()
    assert states(lab) == {"photos": "running", "notes": "exited", "old-backup": "exited"}
    assert lab.dockerd_starts() == starts + 1
    lab.nas("docker start notes")


def test_container_station_reports_success_though_its_daemon_cannot_start(
    lab: Lab, write_docker_json: WriteDockerJson
) -> None:
    config_is_refused(lab, docker_json(lab).replace("{", '{ "no-such-option": 1,', 1))


def test_published_ports_and_the_web_interface_answer_on_the_lan(lab: Lab) -> None:
    for port, text in ((household.PHOTOS_PORT, "photos"), (lab.web_port, "NAS in a box")):
        fetched = lab.nas(f"wget -q -O - http://{lab.nas_host}:{port}/")
        assert text in fetched[1]


def test_the_daemon_inherits_no_proxy_from_the_session_that_restarts_it(lab: Lab) -> None:
    code, _, said = lab.ssh(
        f"HTTPS_PROXY={lab.proxy_url} https_proxy={lab.proxy_url} "
        "/etc/init.d/container-station.sh restart"
    )
    assert code == 0, said
    lab.wait_for_docker()
    shown = lab.nas("docker info --format '{{.HTTPProxy}}{{.HTTPSProxy}}{{.NoProxy}}'")
    assert shown[1].strip() == ""
    lab.nas("docker start notes")


def test_a_privileged_container_on_the_host_network_runs_with_limits_as_asked(lab: Lab) -> None:
    code, out, err = lab.nas(
        "docker run --rm --privileged --network host --ulimit nofile=65535 --ulimit nproc=65535 "
        f"{images.HOUSEHOLD_REFERENCE} sh -c 'ip link add nk-proof type dummy || "
        "ip link add nk-proof type veth peer name nk-proof2; ip link delete nk-proof; hostname'"
    )
    assert code == 0, err
    assert out.strip() == lab.settings.hostname


def test_a_stopped_proxy_refuses_connections_and_its_log_stays_readable(
    lab: Lab, write_docker_json: WriteDockerJson
) -> None:
    write_docker_json(with_proxy(docker_json(lab), lab.proxy_url))
    started = time.time()
    assert pull(lab, PAUSE)[0] == 0
    lab.proxy_stop()
    try:
        code, said = pull(lab, PAUSE)
        assert code != 0
        assert "proxyconnect" in said
        assert "connection refused" in said
        assert any(e.target == DOCKER_HUB for e in lab.proxy_log(since=started))
    finally:
        lab.proxy_start()
    code, said = pull(lab, PAUSE)
    assert code == 0, said


@pytest.fixture
def lab_with_login(lab: Lab) -> Iterator[Lab]:
    yield boot(proxy_auth=True)
    boot(proxy_auth=False)


def test_a_proxy_with_login_lets_the_right_password_through_and_logs_407_for_a_wrong_one(
    lab: Lab, write_docker_json: WriteDockerJson, lab_with_login: Lab
) -> None:
    lab = lab_with_login
    assert lab.proxy_password is not None
    assert urllib.parse.quote(lab.proxy_password, safe="") != lab.proxy_password
    before = docker_json(lab)

    wrong = lab.proxy_url.replace("//", f"//{lab.proxy_user}:wrong@")
    write_docker_json(with_proxy(before, wrong))
    started = time.time()
    code, said = pull(lab, PAUSE)
    assert code != 0
    assert "Proxy Authentication Required" in said
    assert {e.status for e in from_nas(lab.proxy_log(since=started), lab)} == {407}

    write_docker_json(with_proxy(before, lab.proxy_url_with_login))
    started = time.time()
    code, said = pull(lab, PAUSE)
    assert code == 0, said
    seen = {(e.status, e.user) for e in from_nas(lab.proxy_log(since=started), lab)}
    assert seen == {(200, lab.proxy_user)}


def test_booting_a_running_lab_again_changes_nothing(lab: Lab) -> None:
    def snapshot() -> dict[str, tuple[str, str]]:
        found = {}
        for role in ("nas", "proxy", "registry"):
            container = boxes.find(lab.client, lab.instance, role)
            assert container is not None
            found[role] = (str(container.id), container.attrs["State"]["StartedAt"])
        return found

    before, starts = snapshot(), lab.dockerd_starts()
    boot()
    assert snapshot() == before
    assert lab.dockerd_starts() == starts


def test_a_lab_whose_boxes_were_killed_boots_again_with_its_disk(lab: Lab) -> None:
    lab.nas(f"echo here >{lab.pool}/Public/survivor")
    for role in ("nas", "proxy", "registry"):
        container = boxes.find(lab.client, lab.instance, role)
        assert container is not None
        os.kill(container.attrs["State"]["Pid"], signal.SIGKILL)
    lab = boot()
    assert lab.nas(f"cat {lab.pool}/Public/survivor")[1] == "here\n"
    assert states(lab)["photos"] == "running"
    assert lab.registry_has(PAUSE)


def test_a_lab_whose_own_engine_was_killed_boots_again_with_its_disk(lab: Lab) -> None:
    if not outer.is_private():
        pytest.skip("the machine's own Docker Engine carries the boxes: it is not ours to kill")
    others = boxes.instances(lab.client) - {INSTANCE}
    if others:
        pytest.skip(f"instance {', '.join(others)} is up on the same engine")
    lab.nas(f"echo here >{lab.pool}/Public/survivor")
    for pid in outer.processes():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    lab = boot()
    assert lab.nas(f"cat {lab.pool}/Public/survivor")[1] == "here\n"
    assert states(lab)["photos"] == "running"


@pytest.fixture
def bridge(lab: Lab) -> Iterator[str]:
    """Name of a bridge of the lab that no instance has; it is gone afterwards."""
    if os.geteuid() != 0:
        pytest.skip("bridges can be made by root only")
    with outer.exclusive():
        yield outer.bridge_name(99, "lan")
        boxes.remove_orphan_bridges(lab.client)


def ip_link(*words: str) -> None:
    busybox = debs.root("busybox", ["busybox-static"]) / "usr/bin/busybox"
    subprocess.run([busybox, "ip", "link", *words], check=True, timeout=10)


def started(lab: Lab) -> list[str]:
    found = [boxes.find(lab.client, lab.instance, role) for role in ("registry", "proxy", "nas")]
    return [box.attrs["State"]["StartedAt"] for box in found if box is not None]


def test_a_bridge_that_its_engine_left_behind_is_removed_while_other_boxes_run(
    lab: Lab, bridge: str
) -> None:
    before = started(lab)
    network = lab.client.networks.create(
        "nas-k3s-orphan", internal=True, options={outer.BRIDGE_OPTION: bridge}
    )
    # The engine removes the bridge that it made, by index, and not the one of that name.
    ip_link("delete", bridge)
    ip_link("add", bridge, "type", "bridge")
    assert bridge not in outer.orphan_bridges(lab.client)
    network.remove()
    assert (Path("/sys/class/net") / bridge).exists()
    boxes.remove_orphan_bridges(lab.client)
    assert not (Path("/sys/class/net") / bridge).exists()
    assert started(lab) == before
    assert lab.ssh("true")[0] == 0


def test_the_bridges_of_an_instance_go_with_it_though_somebody_made_them_anew(lab: Lab) -> None:
    if os.geteuid() != 0:
        pytest.skip("bridges can be made by root only")
    name = outer.bridge_name(lab.addresses.number, "lan")
    ip_link("delete", name)
    ip_link("add", name, "type", "bridge")
    box.down(INSTANCE)
    assert not (Path("/sys/class/net") / name).exists()
    assert boot(**AS_FOUND).ssh("true")[0] == 0


def test_an_instance_that_another_checkout_uses_is_refused_in_one_line(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.lab.paths.REPO", tmp_path)
    with pytest.raises(LabError, match="belongs to the checkout") as refused:
        box.up(INSTANCE)
    assert "choose another --instance" in str(refused.value)
    assert states(lab)["photos"] == "running"


def test_the_lab_leaves_the_ip_forwarding_of_this_machine_as_it_was(
    lab: Lab, forwarding_before: str
) -> None:
    assert lab.ssh("true")[0] == 0
    assert FORWARDING.read_text() == forwarding_before


@pytest.fixture
def old_lab(lab: Lab) -> Iterator[Lab]:
    """The NAS with the distribution's old engine and another pool; its disk is a new one."""
    yield boot(engine="debian", pool="ZFS530_DATA")
    boot(**AS_FOUND)


def test_the_old_engine_runs_privileged_containers_and_dies_of_proxies_in_its_config_file(
    old_lab: Lab,
) -> None:
    lab = old_lab
    assert lab.nas("docker version --format '{{.Server.Version}}'")[1].startswith("20.10.")
    code, _, said = lab.nas(
        "docker run --rm --privileged --network host --ulimit nofile=65535 "
        f"{images.HOUSEHOLD_REFERENCE} true"
    )
    assert code == 0, said
    before = docker_json(lab)
    config_is_refused(lab, with_proxy(before, lab.proxy_url))
    lab.nas(f"cat >{lab.docker_json} <<'END'\n{before}END\n")
    lab.nas("/etc/init.d/container-station.sh restart")
    lab.wait_for_docker()


def test_another_pool_is_where_container_station_is_then(old_lab: Lab) -> None:
    asked = old_lab.ssh("getcfg container-station Install_Path -f /etc/config/qpkg.conf")
    assert asked[1].strip() == "/share/ZFS530_DATA/.qpkg/container-station"
    assert old_lab.ssh("test -e /share/CACHEDEV1_DATA")[0] != 0
    assert old_lab.ssh(f"{asked[1].strip()}/bin/docker version")[0] == 0
