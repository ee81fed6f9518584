"""The NAS in a box: boot it, take it down, and look at it from outside.

`up` is what fixtures and the command line call; it changes only what differs from what it finds.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import shlex
import shutil
import socket
import tarfile
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncssh
import docker
import docker.errors

from . import (
    boxes,
    content,
    household,
    images,
    k3s_image,
    keys,
    outer,
    proxylog,
    releases,
    state,
    systemd_images,
)
from .box_exec import execute
from .faults import Faults
from .keys import PROXY_USER, REGISTRY_NAMES
from .process import LabError, locked, say
from .profiles import ADMIN, ADMIN_UID, Engine, Layout, Profile, Sudo
from .proxylog import ProxyEntry
from .state import DEFAULT_INSTANCE, Addresses, Settings, State

PROXY_PORT = 7222
SSH_PORT = 22
_BOOT_DEADLINE = 90.0
_ACCESS_LOG = "/var/log/squid/access.log"
# Squid's lists of open tunnels from the moments when it was stopped.
_OPEN_AT_STOP = "/var/log/squid/open-at-stop.txt"


@dataclass(frozen=True)
class Lab:
    """A running instance, seen from the operator's machine and from outside the boxes."""

    state: State
    keys: keys.Keys
    client: docker.DockerClient

    @property
    def instance(self) -> str:
        return self.state.instance

    @property
    def settings(self) -> Settings:
        return self.state.settings

    @property
    def addresses(self) -> Addresses:
        return self.state.addresses

    @property
    def nas_host(self) -> str:
        """Address of the NAS on the LAN, reachable from this machine."""
        return self.addresses.nas

    @property
    def ssh_port(self) -> int:
        return SSH_PORT

    @property
    def layout(self) -> Layout:
        """Where this NAS has its things."""
        return self.settings.layout

    @property
    def ssh_user(self) -> str:
        """Who logs in: uid 0 where the NAS lets it in (a QNAP calls it admin), else ADMIN."""
        if self.settings.root_ssh is None:
            return "admin"
        return "root" if self.settings.root_ssh else ADMIN

    @property
    def sudo_password(self) -> str:
        """Password of ADMIN in clear; it has spaces, quotes and a dollar sign."""
        return self.keys.sudo_password

    @property
    def web_port(self) -> int:
        """Where the NAS's web interface would be; something answers there."""
        return self.settings.traits.web_port

    @property
    def ssh_key(self) -> Path:
        """Private key file (0600)."""
        return self.keys.ssh_key

    @property
    def ssh_host_key(self) -> str:
        """Host key of the NAS as "ssh-ed25519 AAAA..."."""
        return self.keys.ssh_host_key

    @property
    def known_hosts(self) -> Path:
        """A known_hosts file with that key."""
        return self.state.folder / "known_hosts"

    @property
    def proxy_url(self) -> str:
        """The proxy as a user writes it, without a login."""
        return f"http://{self.addresses.proxy}:{PROXY_PORT}"

    @property
    def proxy_user(self) -> str | None:
        """Login name; None when the proxy asks for none."""
        return PROXY_USER if self.settings.proxy_auth else None

    @property
    def proxy_password(self) -> str | None:
        """Password in clear, not percent-encoded; None when the proxy asks for none."""
        return self.keys.proxy_password if self.settings.proxy_auth else None

    @property
    def proxy_url_with_login(self) -> str:
        """The proxy's URL with user and percent-encoded password where it asks for them."""
        if not self.settings.proxy_auth:
            return self.proxy_url
        login = f"{PROXY_USER}:{urllib.parse.quote(self.keys.proxy_password, safe='')}"
        return f"http://{login}@{self.addresses.proxy}:{PROXY_PORT}"

    @property
    def ca_pem(self) -> Path:
        """Certificate of the lab's CA; the NAS trusts it."""
        return self.keys.ca_pem

    @property
    def pool(self) -> str:
        """Absolute path of the persistent volume on the NAS, e.g. /share/CACHEDEV1_DATA."""
        return self.layout.volume

    @property
    def container_station(self) -> str:
        """Where the NAS has its Docker app."""
        return self.layout.app_folder

    @property
    def docker_json(self) -> str:
        """The daemon's config file on the NAS; on a plain Linux there is none at first."""
        return self.layout.docker_json

    def nas(self, command: str) -> tuple[int, str, str]:
        """Run a shell command on the NAS from outside, as uid 0 with docker on the PATH.

        Returns exit code, stdout, stderr. It goes through the outer engine and needs no ssh.
        Raises LabError when the NAS is off.
        """
        path = f"/usr/bin:/bin:/usr/sbin:/sbin:{self.layout.docker_bin}"
        return execute(self._box("nas"), command, {"PATH": path, "HOME": "/root"})

    def nas_must(self, command: str) -> str:
        """Stdout of a command on the NAS that has to succeed; else LabError with what it said."""
        code, out, err = self.nas(command)
        if code != 0:
            raise LabError(f"on the NAS, `{command}` ended with {code}: {(err or out).strip()}")
        return out

    def ssh(
        self,
        command: str,
        *,
        user: str | None = None,
        stdin: str = "",
        deadline: float = 60.0,
    ) -> tuple[int, str, str]:
        """Run a command over ssh as `user`, by default ssh_user: exit code, stdout, stderr.

        Raises LabError when the NAS cannot be reached, refuses the user, or does not finish within
        `deadline` seconds.
        """
        try:
            asked = self._ssh(command, user or self.ssh_user, stdin)
            return asyncio.run(asyncio.wait_for(asked, deadline))
        except TimeoutError:
            raise LabError(f"ssh: not done after {deadline:.0f} s: {command}") from None
        except (OSError, asyncssh.Error) as error:
            raise LabError(f"ssh to {self.nas_host}: {error}") from error

    async def _ssh(self, command: str, user: str, stdin: str) -> tuple[int, str, str]:
        async with asyncssh.connect(
            self.nas_host,
            port=SSH_PORT,
            username=user,
            client_keys=[str(self.ssh_key)],
            known_hosts=str(self.known_hosts),
            agent_path=None,
            config=None,
        ) as connection:
            process = await connection.create_process(command)
            # A command may end without having read what it is given.
            with contextlib.suppress(OSError):
                process.stdin.write(stdin)
                process.stdin.write_eof()
            done = await process.wait()
            code = -1 if done.exit_status is None else int(done.exit_status)
            return code, str(done.stdout), str(done.stderr)

    def proxy_log(self, since: float = 0.0) -> list[ProxyEntry]:
        """Requests that began at or after `since` (Unix time), oldest first.

        Finished ones come from squid's access log, tunnels still open from its list of active
        requests; works with the proxy stopped as well.
        """
        box = boxes.find(self.client, self.instance, "proxy")
        if box is None:
            raise LabError("the proxy box is gone: run `python -m tests.lab up`")
        active = proxylog.parse_active_requests(_read(box, _OPEN_AT_STOP).decode(errors="replace"))
        if box.status == "running":
            # Before the log is read: a tunnel that closes in between is then seen twice, not lost.
            report = f"http://localhost:{PROXY_PORT}/squid-internal-mgr/active_requests"
            _, out, _ = execute(box, f"wget -q -O - {report}", {})
            active += proxylog.parse_active_requests(out)
        finished = proxylog.parse_access_log(_read(box, _ACCESS_LOG).decode(errors="replace"))
        found = proxylog.merge(finished, active)
        return [entry for entry in found if entry.time >= since]

    def proxy_stop(self) -> None:
        """Stop squid; its address then refuses connections."""
        execute(self._box("proxy"), "touch /run/proxy-off; stop-squid", {})
        _wait("the proxy to stop", lambda: None if _refused(self._proxy_at) else "it answers")

    def proxy_start(self) -> None:
        """Start squid again and wait until it answers."""
        execute(self._box("proxy"), "rm -f /run/proxy-off", {})
        _wait("the proxy", lambda: _tcp(self._proxy_at))

    @property
    def _proxy_at(self) -> tuple[str, int]:
        return self.addresses.proxy, PROXY_PORT

    def nas_off(self) -> None:
        """Shut the NAS down in order: containers, daemon, box."""
        with outer.exclusive():
            box = boxes.find(self.client, self.instance, "nas")
            if box is not None and box.status == "running":
                say("nas: shutting down")
                box.stop(timeout=boxes.STOP_SECONDS)

    def nas_on(self) -> None:
        """Switch the NAS on; returns when its daemon answers.

        Where / is a RAM disk it is a fresh one, with the same pool; else all is as it was.
        """
        with outer.exclusive():
            say("nas: booting")
            spec = _nas_spec(self.client, self.state, self.keys)
            boxes.start(self.client, self.state, spec, keep=self.settings.traits.keeps_root)
        self.wait_ready()

    def firmware_update(self, engine: Engine | None = None) -> Lab:
        """Shut down and boot with a new system: what somebody changed outside the volume is gone.

        On a QNAP, where / is lost at each boot, the app is installed anew with its own docker.json.
        Another engine finds the data of the old one. The lab as it is then.
        """
        current = replace(self.state, settings=self.settings.changed(engine))
        image = _nas_image(current.settings)
        if not self.settings.traits.keeps_root:
            files = f"{self.docker_json} {self.container_station}/.version"
            self.nas_must(f"rm -f {files}")
        self.nas_off()
        with outer.exclusive():
            say("nas: booting a new system")
            current.save()
            boxes.create(self.client, current, _nas_spec(self.client, current, self.keys, image))
        updated = replace(self, state=current)
        updated.wait_ready()
        return updated

    def reboot(self) -> None:
        """Off and on."""
        self.nas_off()
        self.nas_on()

    def wait_ready(self) -> None:
        """Wait until ssh and the Docker daemon of the NAS answer. Raises LabError after 90 s."""
        _wait("ssh of the NAS", lambda: _tcp((self.nas_host, SSH_PORT)))
        self.wait_for_docker()

    def wait_for_docker(self) -> None:
        """Wait until the Docker daemon of the NAS answers. Raises LabError after 90 s."""

        sockets = ["/var/run/docker.sock"]
        if self.layout.system_socket is not None:
            sockets.append(self.layout.system_socket)
        for socket_path in sockets:
            ask = f"docker --host unix://{socket_path} version --format '{{{{.Server.Version}}}}'"

            def probe(ask: str = ask) -> str | None:
                code, out, err = self.nas(ask)
                return None if code == 0 else (err or out).strip()

            _wait("the Docker daemon of the NAS", probe)

    def restart_docker(self) -> None:
        """Restart the daemon as its vendor means it and wait until it answers."""
        if self.layout.unit is not None:
            # systemd refuses a unit that was started too often in too short a time.
            self.nas(f"systemctl reset-failed {self.layout.unit}")
        self.nas(self.layout.restart)
        self.wait_for_docker()

    def dockerd_starts(self) -> int:
        """How often the daemon was started since the NAS was made, tries that failed included."""
        box = boxes.find(self.client, self.instance, "nas")
        if box is None:
            raise LabError("the NAS is gone: run `python -m tests.lab up`")
        log = _read(box, self.layout.starts).decode()
        return sum(line.endswith(" start") for line in log.splitlines())

    def dockerd_pid(self) -> int | None:
        """Process id, on the NAS, of the daemon that owns /var/run/docker.sock; None when down."""
        pid = self.nas("cat /var/run/docker.pid")[1].strip()
        alive = pid and self.nas(f"grep -q dockerd /proc/{pid}/cmdline")[0] == 0
        return int(pid) if alive else None

    @property
    def faults(self) -> Faults:
        """Ways to break this NAS, and to heal it."""
        return Faults(self.layout, self.nas_must, self.dockerd_pid)

    def sshd(self, **options: str | int) -> None:
        """Set options of the NAS's sshd, such as MaxStartups="1:100:1"; without any, its own again.

        Sessions that are open go on; new ones see the options. A reboot of a QNAP undoes it.
        """
        lines = "".join(f"{name} {value}\n" for name, value in options.items())
        self.nas_must(f"printf '%s' {shlex.quote(lines)} >/etc/ssh/lab.conf && sshd -t")
        # It starts itself anew with the same process id.
        self.nas_must("kill -HUP $(cat /var/run/sshd.pid)")
        _wait("ssh of the NAS", lambda: _tcp((self.nas_host, SSH_PORT)))

    def registry_has(self, reference: str) -> bool:
        """Whether the registry holds e.g. "rancher/k3s:v1.34.4-k3s1"."""
        return content.config_digest(self.addresses.registry, self.ca_pem, reference) is not None

    def _box(self, role: str) -> Any:
        box = boxes.find(self.client, self.instance, role)
        if box is None or box.status != "running":
            raise LabError(f"the {role} box of instance {self.instance!r} is off")
        return box


def up(
    instance: str = DEFAULT_INSTANCE,
    engine: Engine | None = None,
    *,
    proxy_auth: bool | None = None,
    pool: str | None = None,
    hostname: str | None = None,
    profile: Profile | None = None,
    sudo: Sudo | None = None,
    root_ssh: bool | None = None,
) -> Lab:
    """Boot the instance, or change what differs from what is asked for; a second call does nothing.

    What is None stays as it is, at first: a QNAP with the current engine, no proxy login,
    CACHEDEV1_DATA, nas88. Another profile, engine or pool gives the NAS a new, empty disk. Raises
    LabError in one line.
    """
    state.check_name(instance)
    before = state.load(instance)
    chosen = (before.settings if before else Settings()).changed(
        engine, proxy_auth, pool, hostname, profile, sudo, root_ssh
    )
    outer.check_rights()
    # Long builds first, with nothing locked.
    made = {image.role: image.make for image in _images(chosen)}
    box_images = {role: make() for role, make in made.items()}
    archives = {item.reference: item.archive() for item in content.contents()}
    with outer.exclusive():
        client = outer.connect()
        boxes.remove_orphan_bridges(client)
        current = _own(client, instance, before)
        if current.settings != chosen:
            _change_settings(client, current, chosen)
            current = replace(current, settings=chosen)
        current.save()
        lab = _attach(client, current)
        booted = _ensure_boxes(lab, box_images)
    _wait("the proxy", lambda: _tcp((lab.addresses.proxy, PROXY_PORT)))
    _wait("the registry", lambda: _tcp((lab.addresses.registry, 443)))
    content.ensure(archives, lab.addresses.registry, lab.ca_pem)
    releases.ensure(archives[k3s_image.REFERENCE], lab.addresses.registry, lab.ca_pem)
    lab.wait_ready()
    household.ensure(lab.nas, lab.layout.household, lab.layout.system_socket)
    if booted:
        say(f"{', '.join(booted)} up; the NAS is {lab.nas_host}, its proxy {lab.proxy_url}")
    return lab


def in_use(instance: str, checkout: Path | None = None) -> contextlib.AbstractContextManager[None]:
    """The instance of `checkout` (this one) is that of the tests of this process, until they end.

    Two runs on one NAS would change things under each other's hands: the second waits. What a run
    that was killed left up goes to the next, also to one of another checkout.
    """
    lock = state.lock_file(instance, checkout)
    return locked(lock, what=f"tests on lab instance {instance!r}", deadline=3600)


@contextlib.contextmanager
def session(instance: str) -> Iterator[None]:
    """As `in_use`; the instance is removed at the end, unless NAS_K3S_KEEP_LAB says otherwise."""
    with in_use(instance):
        try:
            yield
        finally:
            # One that was refused has no state here.
            if not os.environ.get("NAS_K3S_KEEP_LAB") and state.load(instance) is not None:
                down(instance)


def attach(instance: str = DEFAULT_INSTANCE) -> Lab:
    """The instance as it is, without booting anything. Raises LabError when it was never made."""
    state.check_name(instance)
    current = state.load(instance)
    if current is None or not outer.exists():
        raise LabError(f"there is no lab instance {instance!r}: run `python -m tests.lab up`")
    return _attach(outer.connect(start=False), current)


def down(instance: str = DEFAULT_INSTANCE, *, force: bool = False) -> None:
    """Remove the instance: boxes, disks, networks, keys; with the last one, the private engine.

    Raises LabError for an instance that another checkout is using, unless `force`.
    """
    state.check_name(instance)
    with outer.exclusive():
        if outer.exists():
            client = outer.connect()
            if not force:
                _refuse_foreign(client, instance)
            boxes.remove_all(client, instance)
            if not boxes.instances(client):
                if outer.is_private():
                    client.close()
                    outer.remove_private()
                else:
                    boxes.remove_images(client)
    folder = state.state_file(instance).parent
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def boxes_status(lab: Lab) -> dict[str, str]:
    """State of each box as the outer engine names it ("running", "exited"), or "missing"."""
    found = {role: boxes.find(lab.client, lab.instance, role) for role in _ROLES}
    return {role: box.status if box else "missing" for role, box in found.items()}


def box_log(lab: Lab, role: str) -> str:
    """What a box has written, and the daemon's log for the NAS."""
    box = boxes.find(lab.client, lab.instance, role)
    if box is None:
        return ""
    text = bytes(box.logs()).decode(errors="replace")
    if role == "nas":
        text += _daemon_log(lab)
    if role == "proxy":
        text += f"--- {_ACCESS_LOG}\n" + _read(box, _ACCESS_LOG).decode(errors="replace")
    return text


def _daemon_log(lab: Lab) -> str:
    unit = lab.layout.unit
    if unit is not None:
        ask = f"journalctl --no-pager --unit {unit}"
    else:
        ask = f"cat {lab.container_station}/var/log/dockerd.log"
    try:
        return f"--- {ask}\n{lab.nas(ask)[1]}"
    except LabError:  # it is off
        return ""


_ROLES = ("registry", "proxy", "nas")


@dataclass(frozen=True)
class _RoleImage:
    role: str
    make: Callable[[], images.Image]


def _images(settings: Settings) -> list[_RoleImage]:
    return [
        _RoleImage("registry", images.registry),
        _RoleImage("proxy", images.proxy),
        _RoleImage("nas", lambda: _nas_image(settings)),
    ]


def _nas_image(settings: Settings) -> images.Image:
    if settings.profile == "synology":
        return systemd_images.synology(settings.engine)
    if settings.profile == "systemd":
        return systemd_images.linux(settings.engine)
    return images.qnap(settings.engine)


def _attach(client: docker.DockerClient, current: State) -> Lab:
    made = keys.ensure(current.folder, current.addresses.registry)
    hosts = current.folder / "known_hosts"
    line = f"{current.addresses.nas} {made.ssh_host_key}\n"
    if not hosts.exists() or hosts.read_text() != line:
        hosts.write_text(line)
    return Lab(current, made, client)


def _own(client: docker.DockerClient, instance: str, before: State | None) -> State:
    """The state under which this checkout owns the instance; what nobody owns is removed."""
    _refuse_foreign(client, instance)
    others = boxes.owners(client, instance)
    mine = (str(state.state_file(instance).parents[2]), before.id) if before else None
    if others - ({mine} if mine else set()):
        say(f"removing what an earlier instance {instance!r} left behind")
        boxes.remove_all(client, instance)
    if before is not None:
        return before
    return state.new(instance, _taken_numbers(client))


def _refuse_foreign(client: docker.DockerClient, instance: str) -> None:
    here = str(state.state_file(instance).parents[2])
    for checkout, identity in boxes.owners(client, instance):
        if checkout != here and boxes.is_alive(checkout, identity, instance):
            way_out = f"run `python -m tests.lab down --instance {instance}` there"
            way_out += ", or choose another --instance here (`make demo`: NAS_K3S_DEMO_INSTANCE)"
            raise LabError(f"instance {instance!r} belongs to the checkout {checkout}: {way_out}")


def _taken_numbers(client: docker.DockerClient) -> dict[int, str]:
    """Numbers whose networks are in use on this machine, and by what."""
    found = [
        (pool.get("Subnet", ""), f"the Docker network {network.name}")
        for network in client.networks.list()
        for pool in (network.attrs.get("IPAM") or {}).get("Config") or []
    ]
    # Left over and not removable for this user: a new network takes such a bridge as its own.
    orphans = outer.orphan_bridges(client)
    # Destinations of the machine's routes: little-endian hexadecimal.
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        interface, destination = line.split()[:2]
        octets = bytes.fromhex(destination)[::-1]
        if interface not in orphans:
            found.append((".".join(str(octet) for octet in octets), f"the interface {interface}"))
    return {
        int(address.split(".")[2]): user
        for address, user in reversed(found)
        if address.startswith(("198.18.", "198.19."))
    }


def _change_settings(client: docker.DockerClient, current: State, chosen: Settings) -> None:
    old = current.settings
    if (old.profile, old.engine, old.pool) == (chosen.profile, chosen.engine, chosen.pool):
        return
    if boxes.find(client, current.instance, "nas") is not None:
        say("nas: another profile, engine or pool, so it gets a new disk")
        box = boxes.find(client, current.instance, "nas")
        if box is not None:
            box.remove(force=True, v=True)
    for role in ("pool", "config"):
        boxes.remove_volume(client, current, role)


def _ensure_boxes(lab: Lab, box_images: Mapping[str, images.Image]) -> list[str]:
    client, current = lab.client, lab.state
    if boxes.has_lost_a_bridge(client, current):
        say("a bridge of the lab is gone from this machine: making the networks anew")
        boxes.remove_networks(client, current)
    for role in ("lan", "internet"):
        boxes.ensure_network(client, current, role)
    booted = []
    for spec in (
        _registry_spec(lab, box_images["registry"]),
        _proxy_spec(lab, box_images["proxy"]),
        _nas_spec(client, current, lab.keys, box_images["nas"]),
    ):
        if not boxes.is_current(client, current, spec):
            say(f"{spec.role}: booting")
            keep = spec.role == "nas" and current.settings.traits.keeps_root
            boxes.start(client, current, spec, keep=keep)
            booted.append(spec.role)
    return booted


def _registry_spec(lab: Lab, image: images.Image) -> boxes.BoxSpec:
    volume = boxes.ensure_volume(lab.client, lab.state, "registry")
    return boxes.BoxSpec(
        role="registry",
        image=image,
        networks={"internet": lab.addresses.registry},
        files={
            "/opt/registry-lab/registry.pem": lab.keys.registry_pem.read_bytes(),
            "/opt/registry-lab/registry-key.pem": lab.keys.registry_key.read_bytes(),
        },
        options={
            "hostname": "registry",
            "volumes": {volume: {"bind": "/var/lib/registry", "mode": "rw"}},
            "sysctls": {"net.ipv4.ip_forward": "0"},
        },
    )


def _proxy_spec(lab: Lab, image: images.Image) -> boxes.BoxSpec:
    volume = boxes.ensure_volume(lab.client, lab.state, "proxylog")
    files = {}
    if lab.settings.proxy_auth:
        files["/opt/proxy-lab/user"] = PROXY_USER.encode()
        files["/opt/proxy-lab/password"] = lab.keys.proxy_password.encode()
    return boxes.BoxSpec(
        role="proxy",
        image=image,
        networks={"lan": lab.addresses.proxy, "internet": lab.addresses.proxy_outside},
        files=files,
        options={
            "hostname": "proxy",
            "extra_hosts": dict.fromkeys(REGISTRY_NAMES, lab.addresses.registry),
            "volumes": {volume: {"bind": "/var/log/squid", "mode": "rw"}},
            # The NAS's default gateway must not forward: the only way out is the proxy.
            "sysctls": {"net.ipv4.ip_forward": "0"},
        },
    )


def _nas_spec(
    client: docker.DockerClient,
    current: State,
    made: keys.Keys,
    image: images.Image | None = None,
) -> boxes.BoxSpec:
    chosen, traits = current.settings, current.settings.traits
    pool = boxes.ensure_volume(client, current, "pool")
    config = boxes.ensure_volume(client, current, "config")
    settings = {
        "PROFILE": chosen.profile,
        "POOL": chosen.pool,
        "POOL_FS": traits.pool_fs or "",
        "GATEWAY": current.addresses.proxy,
        # Nothing listens on port 53 there, so a lookup is refused at once.
        "RESOLVER": current.addresses.proxy,
        "MODEL": traits.model,
        "VERSION": traits.version,
    }
    files = {
        "/opt/nas-lab/authorized_keys": f"{made.ssh_public_key}\n".encode(),
        "/opt/nas-lab/ssh_host_ed25519_key": made.ssh_host_private_key.read_bytes(),
        "/opt/nas-lab/ca.pem": made.ca_pem.read_bytes(),
    }
    options: dict[str, Any] = {
        "hostname": chosen.hostname,
        "privileged": True,
        # Its own view of the cgroups: what runs in the box stays below it and ends with it.
        "cgroupns": "private",
    }
    pool_place = "/mnt/disk" if traits.pool_fs else chosen.layout.volume
    if traits.sudo is None:
        settings["SYSTEM"] = "QuTS hero" if chosen.profile == "quts-hero" else "QTS"
        # /share itself is a small RAM disk on a QNAP; only the pools below it last.
        options["tmpfs"] = {"/share": "size=16m,mode=755"}
        config_place = "/mnt/HDA_ROOT"
    else:
        settings |= {
            "SUDO": chosen.sudo or "none",
            "ROOT_SSH": "yes" if chosen.root_ssh else "no",
            "ADMIN": ADMIN,
            "ADMIN_UID": str(ADMIN_UID),
        }
        files["/opt/nas-lab/sudo-password"] = f"{made.sudo_password}\n".encode()
        # systemd writes to the console what happens at boot.
        options["tty"] = True
        config_place = "/mnt/lab"
    volumes = {
        pool: {"bind": pool_place, "mode": "rw"},
        config: {"bind": config_place, "mode": "rw"},
    }
    if Path("/lib/modules").is_dir():
        volumes["/lib/modules"] = {"bind": "/lib/modules", "mode": "ro"}
    text = "".join(f"{name}='{value}'\n" for name, value in settings.items())
    return boxes.BoxSpec(
        role="nas",
        image=image or _nas_image(chosen),
        networks={"lan": current.addresses.nas},
        files={"/opt/nas-lab/settings": text.encode(), **files},
        options={**options, "volumes": volumes},
    )


def _read(box: Any, path: str) -> bytes:
    """A file of a box, running or stopped; empty when it does not exist."""
    try:
        chunks, _ = box.get_archive(path)
    except docker.errors.NotFound:
        return b""
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        member = archive.next()
        handle = archive.extractfile(member) if member else None
        return handle.read() if handle else b""


def _wait(what: str, probe: Callable[[], str | None], deadline: float = _BOOT_DEADLINE) -> None:
    """Wait until `probe` returns None; what it returned last is in the error."""
    end = time.monotonic() + deadline
    told = time.monotonic() + 5
    while (seen := probe()) is not None:
        now = time.monotonic()
        if now > end:
            raise LabError(
                f"waited {deadline:.0f} s for {what}; last seen: {seen} "
                "(see `python -m tests.lab logs`)"
            )
        if now > told:
            say(f"waiting for {what}: {seen}")
            told = now + 10
        time.sleep(0.1)


def _tcp(address: tuple[str, int]) -> str | None:
    try:
        socket.create_connection(address, timeout=2).close()
    except OSError as error:
        return str(error)
    return None


def _refused(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=2).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
