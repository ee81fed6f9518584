"""Each profile of the NAS in a box is what it says; the pairs of profile and engine come in turn.

Tests of one pair stand together, so that each pair is booted once.
"""

from __future__ import annotations

import asyncio
import json
import shlex
import time
from collections.abc import Callable, Iterator

import asyncssh
import pytest

from tests.lab import household, images
from tests.lab.box import Lab
from tests.lab.faults import RestartMode
from tests.lab.process import LabError
from tests.lab.profiles import ADMIN, ADMIN_UID, TRAITS, Engine, Profile
from tests.lab.project import lab_settings

from .conftest import AS_FOUND, boot, states

PAUSE = "rancher/mirrored-pause:3.6"
VERSIONS = {"current": "29.", "debian": "20.10."}


@pytest.fixture(scope="module", autouse=True)
def _as_found(session_lab: Lab) -> Iterator[None]:
    yield
    boot(**AS_FOUND)


def on(profile: Profile, engine: Engine = "current", **settings: object) -> Lab:
    """The session's lab as this profile, with its defaults for all that is not given."""
    traits = TRAITS[profile]
    wanted = {
        "pool": traits.pool,
        "sudo": traits.sudo,
        "root_ssh": traits.root_ssh,
        "proxy_auth": False,
        **settings,
    }
    return boot(profile=profile, engine=engine, **wanted)


def _fixture(profile: Profile, engine: Engine) -> Callable[[Lab], Iterator[Lab]]:
    def nas(session_lab: Lab) -> Iterator[Lab]:
        lab = on(profile, engine)
        yield lab
        if lab.nas("true")[0] == 0:
            lab.faults.heal()

    return pytest.fixture(nas)


qnap = _fixture("qnap", "current")
old_qnap = _fixture("qnap", "debian")
hero = _fixture("quts-hero", "current")
synology = _fixture("synology", "current")
old_synology = _fixture("synology", "debian")
linux = _fixture("systemd", "current")
old_linux = _fixture("systemd", "debian")


def read(lab: Lab, path: str) -> str:
    return lab.nas_must(f"cat {path}")


def write(lab: Lab, path: str, text: str) -> None:
    lab.nas_must(f"printf '%s' {shlex.quote(text)} >{path}")


def proxy_of(lab: Lab) -> str:
    return lab.nas_must("docker info --format '{{.HTTPSProxy}}'").strip()


def with_proxies(lab: Lab, text: str) -> str:
    return json.dumps({**json.loads(text), "proxies": {"https-proxy": lab.proxy_url}})


def write_dropin(lab: Lab, url: str) -> str:
    """A drop-in with the proxy; per cent signs of the URL are doubled, as systemd wants it."""
    assert lab.layout.dropins is not None
    lab.nas_must(f"mkdir -p {lab.layout.dropins}")
    name = f"{lab.layout.dropins}/proxy.conf"
    write(lab, name, f'[Service]\nEnvironment="HTTPS_PROXY={url.replace("%", "%%")}"\n')
    return name


def check_pair(lab: Lab) -> None:
    """What every pair of profile and engine has in common."""
    version = lab.nas_must("docker version --format '{{.Server.Version}}'")
    assert version.startswith(VERSIONS[lab.settings.engine])
    lab.nas_must("docker start photos notes")
    assert states(lab) == {"photos": "running", "notes": "running", "old-backup": "exited"}
    page = lab.nas_must(f"busybox wget -q -O - http://{lab.nas_host}:{household.PHOTOS_PORT}/")
    assert page == "photos\n"
    assert "NAS in a box" in lab.nas_must(
        f"busybox wget -q -O - http://{lab.nas_host}:{lab.web_port}/"
    )
    code, _, said = lab.nas(f"docker pull {PAUSE}")
    assert code != 0
    assert "lookup registry-1.docker.io" in said
    privileged = "docker run --rm --privileged --network host --ulimit nofile=65535"
    code, out, said = lab.nas(f"{privileged} {images.HOUSEHOLD_REFERENCE} echo in")
    assert (code, out, said) == (0, "in\n", "")
    starts = lab.dockerd_starts()
    lab.restart_docker()
    assert lab.dockerd_starts() == starts + 1
    assert states(lab) == {"photos": "running", "notes": "exited", "old-backup": "exited"}
    settings, secrets = lab_settings(lab)
    assert settings["sshUser"] == lab.ssh_user
    assert ("sudoPassword" in secrets) == (lab.settings.sudo == "password")
    assert lab.ssh("id -u")[1].strip() == (str(ADMIN_UID) if lab.ssh_user == ADMIN else "0")


def check_full_disk(lab: Lab) -> None:
    config = lab.docker_json
    before = read(lab, config)
    kept = lab.nas_must(f"stat -L -c '%u %g %a' {config}")
    place = lab.nas_must(f"readlink -f {config}").strip().rpartition("/")[0]
    lab.faults.fill_disk()
    assert read(lab, config) == before
    code, _, said = lab.nas(f"dd if={config} of={place}/.new bs=4096 count=1")
    assert code != 0
    assert "No space left on device" in said
    lab.nas_must(f"rm -f {place}/.new")
    lab.faults.free_disk()
    lab.nas_must(f"cp {config} {place}/.new && rm {place}/.new")
    assert read(lab, config) == before
    assert lab.nas_must(f"stat -L -c '%u %g %a' {config}") == kept
    assert ".full" not in lab.nas_must(f"ls -A {place}")


def check_read_only(lab: Lab) -> None:
    before = read(lab, lab.docker_json)
    lab.faults.read_only(lab.docker_json)
    code, _, said = lab.nas(f"echo x >>{lab.docker_json}")
    assert code != 0
    assert "Read-only file system" in said
    place = lab.nas_must(f"readlink -f {lab.docker_json}").strip()
    assert lab.nas(f"echo x >{place}.new && mv {place}.new {place}")[0] != 0
    lab.nas_must(f"rm -f {place}.new")
    lab.faults.writable(lab.docker_json)
    lab.nas_must(f": >>{lab.docker_json}")
    assert read(lab, lab.docker_json) == before


def check_restart_command(lab: Lab) -> None:
    pid = lab.dockerd_pid()
    answers: dict[RestartMode, tuple[int, ...]] = {"fails": (1,), "lies": (0,)}
    for mode, codes in answers.items():
        lab.faults.restart_command(mode)
        assert lab.nas(lab.layout.restart)[0] in codes, mode
        assert lab.dockerd_pid() == pid
    lab.faults.restart_command("hangs")
    started = time.monotonic()
    assert lab.nas(f"busybox timeout 2 {lab.layout.restart}")[0] != 0
    assert time.monotonic() - started >= 2
    assert lab.dockerd_pid() == pid
    lab.faults.restart_command("normal")
    lab.restart_docker()
    assert lab.dockerd_pid() != pid


def check_dropped_sessions(lab: Lab) -> None:
    note, cut = "/tmp/still-here", "/tmp/is-cut"
    lab.nas_must(f"rm -f {note} {cut}")
    command = (
        f"echo begun; until [ -e {cut} ]; do sleep 0.2; done; "
        f"echo {lab.settings.profile} >{note}; echo told"
    )

    async def session() -> str:
        """How the session ended."""
        async with asyncssh.connect(
            lab.nas_host,
            username=lab.ssh_user,
            client_keys=[str(lab.ssh_key)],
            known_hosts=str(lab.known_hosts),
            agent_path=None,
            config=None,
        ) as connection:
            running = await connection.create_process(command)
            assert await running.stdout.readline() == "begun\n"
            assert lab.faults.drop_ssh() >= 1
            try:
                done = await running.wait()
            except (asyncssh.Error, OSError):
                return "cut"
            return str(done.exit_status)

    assert asyncio.run(asyncio.wait_for(session(), 60)) in ("cut", "None")
    lab.nas_must(f"touch {cut}")
    end = time.monotonic() + 30
    while lab.nas(f"cat {note}")[1] != f"{lab.settings.profile}\n":
        assert time.monotonic() < end, "the command did not go on"
        time.sleep(0.2)
    assert lab.ssh("echo again")[1] == "again\n"


def check_sudo_and_root(lab: Lab, *, sudo: str, root: bool) -> None:
    code, out, said = lab.ssh("sudo -n id -u", user=ADMIN)
    asked, told, refused = lab.ssh(
        "sudo -S -p '' id -u", user=ADMIN, stdin=f"{lab.sudo_password}\n"
    )
    if sudo == "nopasswd":
        assert (code, out) == (0, "0\n"), said
    else:
        assert code != 0
        assert "password is required" in said or "not allowed" in said
    if sudo == "none":
        assert asked != 0
        assert "not in the sudoers file" in refused
    else:
        assert (asked, told) == (0, "0\n"), refused
    if root:
        assert lab.ssh("id -u", user="root")[1] == "0\n"
    else:
        with pytest.raises(LabError, match="Permission denied"):
            lab.ssh("id -u", user="root")


# QNAP, current engine


def test_a_qnap_is_what_the_lab_has_always_been(qnap: Lab) -> None:
    check_pair(qnap)
    assert qnap.ssh_user == "admin"
    assert qnap.docker_json == "/share/CACHEDEV1_DATA/.qpkg/container-station/etc/docker.json"


def test_a_qnap_runs_a_second_daemon_of_its_own_that_comes_first_in_the_process_list(
    qnap: Lab,
) -> None:
    other = f"docker --host unix://{qnap.layout.system_socket}"
    listed = qnap.nas_must(f"{other} ps --all --format '{{{{.Names}}}} {{{{.State}}}}'")
    assert listed == f"{household.SYSTEM_NAME} running\n"
    assert household.SYSTEM_NAME not in states(qnap)
    daemons = [
        line for line in qnap.nas_must("ps -o args").splitlines() if line.startswith("dockerd ")
    ]
    assert [line.rpartition("/")[2] for line in daemons] == ["system-docker.json", "docker.json"]
    roots = {
        qnap.nas_must(f"{docker} info --format '{{{{.DockerRootDir}}}}'")
        for docker in ("docker", other)
    }
    assert len(roots) == 2


def test_a_restart_of_container_station_leaves_the_second_daemon_and_its_container_alone(
    qnap: Lab,
) -> None:
    ask = (
        "cat /var/run/system-docker.pid; "
        f"docker --host unix://{qnap.layout.system_socket} inspect --format "
        f"'{{{{.State.StartedAt}}}}' {household.SYSTEM_NAME}"
    )
    before, pid = qnap.nas_must(ask), qnap.dockerd_pid()
    qnap.restart_docker()
    assert qnap.nas_must(ask) == before
    assert qnap.dockerd_pid() != pid


def test_a_daemon_of_a_qnap_that_is_killed_stays_down_until_it_is_started(qnap: Lab) -> None:
    qnap.faults.kill_dockerd()
    time.sleep(3)
    assert qnap.dockerd_pid() is None
    assert qnap.nas("docker version")[0] != 0
    assert qnap.nas(f"docker --host unix://{qnap.layout.system_socket} version")[0] == 0
    qnap.nas_must(qnap.layout.start)
    qnap.wait_for_docker()
    # The engine takes what it kills when it comes back for stopped by hand.
    qnap.nas_must("docker start photos")


def test_the_disk_of_a_qnap_can_be_full(qnap: Lab) -> None:
    check_full_disk(qnap)


def test_the_config_file_of_a_qnap_can_be_read_only(qnap: Lab) -> None:
    check_read_only(qnap)


def test_the_restart_command_of_a_qnap_can_fail_lie_and_hang(qnap: Lab) -> None:
    check_restart_command(qnap)


def test_ssh_sessions_of_a_qnap_can_be_cut_while_their_command_goes_on(qnap: Lab) -> None:
    check_dropped_sessions(qnap)


def test_a_daemon_of_a_qnap_can_come_back_without_the_proxy_in_its_file(qnap: Lab) -> None:
    before = read(qnap, qnap.docker_json)
    qnap.faults.daemon_ignores_config()
    write(qnap, qnap.docker_json, with_proxies(qnap, before))
    try:
        qnap.restart_docker()
        assert proxy_of(qnap) == ""
        assert "proxies" in read(qnap, qnap.docker_json)
        qnap.faults.daemon_ignores_config(False)
        qnap.restart_docker()
        assert proxy_of(qnap) == qnap.proxy_url
    finally:
        write(qnap, qnap.docker_json, before)
        qnap.restart_docker()
    assert proxy_of(qnap) == ""


def test_sshd_takes_options_and_gives_them_back(qnap: Lab) -> None:
    qnap.sshd(MaxStartups="1:100:1", MaxSessions=1)
    told = qnap.nas_must("sshd -T")
    assert "maxstartups 1:100:1" in told
    assert qnap.ssh("echo in")[1] == "in\n"
    qnap.sshd()
    assert "maxstartups 10:30:100" in qnap.nas_must("sshd -T")


# QNAP, old engine


def test_an_old_qnap_has_both_daemons_too(old_qnap: Lab) -> None:
    check_pair(old_qnap)
    ask = f"docker --host unix://{old_qnap.layout.system_socket} version"
    assert "20.10." in old_qnap.nas_must(ask)


# QuTS hero


def test_quts_hero_has_its_own_pool_on_another_file_system(hero: Lab) -> None:
    check_pair(hero)
    assert hero.nas_must("getcfg System Version") == "h5.2.4\n"
    assert hero.pool == "/share/ZFS530_DATA"
    root = hero.nas_must("docker info --format '{{.DockerRootDir}}'").strip()
    assert root.startswith(hero.pool)
    if hero.nas("test -e /mnt/disk/plain")[0] == 0:
        pytest.skip("this machine has no btrfs on loop devices")
    ext = hero.nas_must("stat -f -c %T /mnt/disk")
    assert ext != hero.nas_must(f"stat -f -c %T {root}")
    # As BusyBox calls ZFS.
    assert hero.nas_must(f"stat -f -c %T {root}") == "UNKNOWN\n"


def test_the_pool_of_quts_hero_lasts_and_its_ram_disk_does_not(hero: Lab) -> None:
    odd = read(hero, hero.docker_json).replace('"experimental": true', '"experimental"  :\ttrue')
    write(hero, hero.docker_json, odd)
    hero.nas_must(f"touch /etc/left {hero.pool}/Public/kept")
    hero.reboot()
    assert hero.nas("test -e /etc/left")[0] != 0
    assert hero.nas(f"test -e {hero.pool}/Public/kept")[0] == 0
    assert read(hero, hero.docker_json) == odd
    assert states(hero)["photos"] == "running"


def test_a_new_container_station_brings_its_own_docker_json(hero: Lab) -> None:
    write(hero, hero.docker_json, with_proxies(hero, read(hero, hero.docker_json)))
    hero.firmware_update()
    shipped = read(hero, "/opt/nas-lab/qpkg/etc/docker.json")
    assert read(hero, hero.docker_json) == shipped
    assert states(hero)["photos"] == "running"


# Synology, current engine


def test_a_synology_says_what_it_is_and_has_docker_off_the_path(synology: Lab) -> None:
    check_pair(synology)
    assert 'productversion="7.2.2"' in read(synology, "/etc.defaults/VERSION")
    assert 'upnpmodelname="DS923+"' in read(synology, "/etc/synoinfo.conf")
    assert synology.ssh("echo $PATH")[1] == "/usr/bin:/bin:/usr/sbin:/sbin\n"
    assert synology.ssh("docker version")[0] == 127
    assert synology.ssh("synopkg version ContainerManager")[0] == 127
    assert synology.ssh("/usr/local/bin/docker --version")[0] == 0
    assert "permission denied" in synology.ssh("/usr/local/bin/docker version")[2]
    assert "systemd 252" in synology.nas_must("systemctl --version")


def test_the_daemon_of_a_synology_reads_its_config_through_a_link_and_the_template_is_a_decoy(
    synology: Lab,
) -> None:
    config = "/var/packages/ContainerManager/etc/dockerd.json"
    real = "/volume1/@appconf/ContainerManager/dockerd.json"
    assert synology.docker_json == config
    assert synology.nas_must(f"readlink -f {config}") == f"{real}\n"
    pid = synology.dockerd_pid()
    assert config in synology.nas_must(f"tr '\\0' ' ' </proc/{pid}/cmdline")
    assert synology.nas_must(f"stat -c '%U %a' {real}") == "ContainerManager 600\n"
    assert synology.ssh(f"cat {config}")[0] != 0
    decoy = "/volume1/@appstore/ContainerManager/config/dockerd.json"
    assert (
        json.loads(read(synology, decoy))["data-root"]
        != json.loads(read(synology, config))["data-root"]
    )


def test_proxies_in_the_file_of_a_synology_live_until_the_package_is_started(
    synology: Lab,
) -> None:
    unit, config = synology.layout.unit, synology.docker_json
    before = read(synology, config)
    owner = synology.nas_must(f"stat -L -c '%u %g %a %i' {config}")
    changed = {**json.loads(before), "live-restore": False}
    edited = json.dumps({**changed, "proxies": {"https-proxy": "http://p:1"}})
    write(synology, config, edited)
    synology.nas_must(f"systemctl restart {unit}")
    synology.wait_for_docker()
    assert proxy_of(synology) == "http://p:1"
    said = synology.nas_must("/usr/syno/bin/synopkg restart ContainerManager")
    assert '"success":true' in said
    synology.wait_for_docker()
    assert proxy_of(synology) == ""
    kept = json.loads(read(synology, config))
    assert kept == changed
    assert synology.nas_must(f"stat -L -c '%u %g %a %i' {config}") == owner
    write(synology, config, before)
    synology.restart_docker()
    assert read(synology, config) == before


def test_a_dropin_counts_after_daemon_reload_and_restart_only(synology: Lab) -> None:
    unit = synology.layout.unit
    url = f"http://me:50%25@{synology.addresses.proxy}:7222"
    name = write_dropin(synology, url)
    synology.nas_must(f"/usr/syno/bin/synosystemctl restart {unit}")
    synology.wait_for_docker()
    assert proxy_of(synology) == ""
    synology.nas_must("/usr/syno/bin/synosystemctl daemon-reload")
    assert proxy_of(synology) == ""
    synology.nas_must(f"/usr/syno/bin/synosystemctl restart {unit}")
    synology.wait_for_docker()
    assert proxy_of(synology) == f"http://xxxxx:xxxxx@{synology.addresses.proxy}:7222"
    pid = synology.dockerd_pid()
    environment = synology.nas_must(f"tr '\\0' '\\n' </proc/{pid}/environ")
    assert f"HTTPS_PROXY={url}\n" in environment
    started = time.time()
    synology.nas_must(f"docker pull {PAUSE}; docker rmi {PAUSE}")
    assert {e.target for e in synology.proxy_log(since=started)} == {"registry-1.docker.io:443"}
    synology.nas_must(f"rm {name}; systemctl daemon-reload")
    synology.restart_docker()
    assert proxy_of(synology) == ""


def test_etc_of_a_synology_outlives_a_reboot_and_a_dsm_update_wipes_it(synology: Lab) -> None:
    name = write_dropin(synology, synology.proxy_url)
    synology.nas_must("touch /run/left /volume1/docker/kept")
    synology.reboot()
    assert proxy_of(synology) == synology.proxy_url
    assert synology.nas("test -e /run/left")[0] != 0
    starts = synology.dockerd_starts()
    synology.firmware_update()
    assert synology.nas(f"test -e {name}")[0] != 0
    assert synology.nas("test -e /volume1/docker/kept")[0] == 0
    assert proxy_of(synology) == ""
    assert states(synology)["photos"] == "running"
    assert synology.dockerd_starts() == starts + 1


def test_the_administrator_of_a_synology_needs_sudo_with_a_password_and_root_stays_out(
    synology: Lab,
) -> None:
    check_sudo_and_root(synology, sudo="password", root=False)
    wrong = synology.ssh("sudo -S -p '' id -u", stdin="wrong\n")
    assert wrong[0] != 0
    assert "incorrect password" in wrong[2] or "no password was provided" in wrong[2]


def test_a_full_disk_and_a_read_only_file_of_a_synology_are_behind_its_link(synology: Lab) -> None:
    check_full_disk(synology)
    check_read_only(synology)


def test_the_package_restart_of_a_synology_can_fail_lie_and_hang(synology: Lab) -> None:
    check_restart_command(synology)


def test_ssh_sessions_of_a_synology_can_be_cut_while_their_command_goes_on(synology: Lab) -> None:
    check_dropped_sessions(synology)


def test_a_daemon_of_a_synology_can_come_back_without_the_proxy_of_its_dropin(
    synology: Lab,
) -> None:
    name = write_dropin(synology, synology.proxy_url)
    synology.faults.daemon_ignores_config()
    synology.restart_docker()
    assert proxy_of(synology) == ""
    synology.faults.daemon_ignores_config(False)
    synology.restart_docker()
    assert proxy_of(synology) == synology.proxy_url
    synology.nas_must(f"rm {name}; systemctl daemon-reload")
    synology.restart_docker()


def test_sudo_and_root_login_of_a_synology_can_be_chosen(synology: Lab) -> None:
    lab = on("synology", sudo="nopasswd", root_ssh=True)
    assert lab.ssh_user == "root"
    check_sudo_and_root(lab, sudo="nopasswd", root=True)
    lab = on("synology", sudo="none")
    assert lab.ssh_user == ADMIN
    check_sudo_and_root(lab, sudo="none", root=False)


# Synology, old engine


def test_an_older_synology_has_the_package_docker_and_no_folder_for_dropins(
    old_synology: Lab,
) -> None:
    check_pair(old_synology)
    assert old_synology.docker_json == "/var/packages/Docker/etc/dockerd.json"
    assert old_synology.layout.unit == "pkg-Docker-dockerd.service"
    assert old_synology.nas(f"test -e {old_synology.layout.dropins}")[0] != 0
    assert old_synology.nas("test -e /var/packages/ContainerManager")[0] != 0


def test_an_older_synology_dies_of_proxies_in_its_file_until_the_package_is_started(
    old_synology: Lab,
) -> None:
    unit, config = old_synology.layout.unit, old_synology.docker_json
    before = read(old_synology, config)
    write(old_synology, config, with_proxies(old_synology, before))
    assert old_synology.nas(f"systemctl restart {unit}")[0] != 0
    log = old_synology.nas_must(f"journalctl --no-pager --unit {unit}")
    assert "the following directives don't match any configuration option" in log
    old_synology.restart_docker()
    assert read(old_synology, config) == before


# Linux with systemd, current engine


def test_a_plain_linux_has_docker_on_the_path_root_by_key_and_no_config_file(linux: Lab) -> None:
    check_pair(linux)
    assert linux.ssh("command -v docker")[1] == "/usr/bin/docker\n"
    assert linux.ssh("docker version")[0] == 0
    assert linux.nas("test -e /etc/docker/daemon.json")[0] != 0
    assert linux.nas_must("systemctl is-enabled docker.service docker.socket").split() == [
        "enabled",
        "enabled",
    ]
    assert linux.nas_must("readlink -f /bin/sh; readlink -f /usr/bin/awk").split() == [
        "/usr/bin/dash",
        "/usr/bin/mawk",
    ]


def test_a_plain_linux_lets_its_administrator_become_root_without_a_password(linux: Lab) -> None:
    check_sudo_and_root(linux, sudo="nopasswd", root=True)


def test_a_daemon_under_systemd_that_is_killed_is_started_again(linux: Lab) -> None:
    starts = linux.dockerd_starts()
    pid = linux.faults.kill_dockerd()
    linux.wait_for_docker()
    assert linux.dockerd_pid() not in (None, pid)
    assert linux.dockerd_starts() == starts + 1
    linux.nas_must("docker start photos")


def test_a_config_file_or_a_dropin_of_a_plain_linux_outlives_a_reboot_but_no_new_system(
    linux: Lab,
) -> None:
    config = linux.docker_json
    write(linux, config, json.dumps({"proxies": {"https-proxy": linux.proxy_url}}))
    name = write_dropin(linux, "http://unused.example:1")
    linux.reboot()
    assert proxy_of(linux) == linux.proxy_url
    linux.firmware_update()
    assert linux.nas(f"test -e {name}")[0] != 0
    assert linux.nas(f"test -e {config}")[0] != 0
    assert proxy_of(linux) == ""
    assert states(linux)["photos"] == "running"


def test_a_daemon_of_a_plain_linux_can_ignore_a_file_that_is_new(linux: Lab) -> None:
    linux.faults.daemon_ignores_config()
    write(linux, linux.docker_json, json.dumps({"proxies": {"https-proxy": linux.proxy_url}}))
    linux.restart_docker()
    assert proxy_of(linux) == ""
    linux.faults.daemon_ignores_config(False)
    linux.restart_docker()
    assert proxy_of(linux) == linux.proxy_url
    linux.nas_must(f"rm {linux.docker_json}")
    linux.restart_docker()


def test_the_folder_of_a_missing_config_file_can_be_full(linux: Lab) -> None:
    linux.faults.fill_disk()
    code, _, said = linux.nas(f"cp /etc/passwd {linux.docker_json}")
    assert code != 0
    assert "No space left on device" in said
    linux.nas_must(f"rm -f {linux.docker_json}")
    linux.faults.free_disk()
    assert linux.nas_must("ls -A /etc/docker") == ""


def test_systemctl_can_fail_lie_and_hang(linux: Lab) -> None:
    check_restart_command(linux)


# Linux with systemd, old engine


def test_a_plain_linux_has_the_old_engine_too(old_linux: Lab) -> None:
    check_pair(old_linux)


# What is refused


def test_an_engine_that_a_profile_does_not_have_is_refused(session_lab: Lab) -> None:
    with pytest.raises(LabError, match="profile quts-hero has no engine debian"):
        session_lab.settings.changed(profile="quts-hero", engine="debian")
    with pytest.raises(LabError, match="profile qnap has one administrator"):
        session_lab.settings.changed(profile="qnap", sudo="none")
    with pytest.raises(LabError, match="no volume of a Synology"):
        session_lab.settings.changed(profile="synology", pool="CACHEDEV1_DATA")
