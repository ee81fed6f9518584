"""Images of the NAS systems that run systemd: a Synology's DSM and a Debian-like Linux.

systemd, sudo, sshd and the rest of the programs are the distribution's; DSM's own commands and its
Docker package are stand-ins (the files in dsm/).
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from . import debs, images, oci, paths
from .images import ENGINE_OPTIONS, Image, install
from .profiles import ADMIN, ADMIN_UID, TRAITS, Engine, package

_PACKAGES = (
    "busybox-static",
    "ca-certificates",
    "docker.io",
    "iproute2",
    "iptables",
    "openssh-server",
    "sudo",
    "systemd",
    "systemd-sysv",
)
# What makes a Linux of it, beside BusyBox.
_USERLAND = (
    "bash",
    "coreutils",
    "dash",
    "debianutils",
    "findutils",
    "grep",
    "hostname",
    "kmod",
    "mawk",
    "mount",
    "procps",
    "sed",
    "util-linux",
)
_UNITS = (
    "basic.target",
    "emergency.target",
    "exit.target",
    "final.target",
    "halt.target",
    "local-fs-pre.target",
    "local-fs.target",
    "multi-user.target",
    "network-online.target",
    "network.target",
    "paths.target",
    "poweroff.target",
    "reboot.target",
    "rescue.target",
    "shutdown.target",
    "slices.target",
    "sockets.target",
    "ssh.service",
    "swap.target",
    "sysinit.target",
    "systemd-exit.service",
    "systemd-halt.service",
    "systemd-journald-dev-log.socket",
    "systemd-journald.service",
    "systemd-journald.socket",
    "systemd-poweroff.service",
    "systemd-reboot.service",
    "timers.target",
    "umount.target",
)
_SYSTEM = "usr/lib/systemd/system"
_ENABLED = "etc/systemd/system"
_PACKAGE_UID = 200112
# Versions of the packages that bring the engines; they are for people to read.
_PACKAGE_VERSION = {"ContainerManager": "24.0.2-1535", "Docker": "20.10.3-1308"}
_LINUX, _DSM, _NAS = (paths.LAB / folder for folder in ("linux", "dsm", "nas"))
_DSM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
_LINUX_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def synology(engine: Engine) -> Image:
    """DSM with the package ContainerManager (current engine) or Docker (the old one)."""
    packages = debs.root("nas-dsm", _PACKAGES)
    programs = images.engine_programs(engine)
    busybox, disk = images.household(), images.btrfs()

    def make(root: Path) -> oci.ImageSpec:
        images.put_busybox(packages, root, without={*_OWN, "busybox", "linuxrc"})
        _system(packages, root, _DSM_PATH, TRAITS["synology"].web_port)
        images.put_accounts(
            root,
            [
                "root:x:0:0:root:/root:/bin/sh",
                "sshd:x:110:65534:sshd:/run/sshd:/bin/false",
                f"{ADMIN}:x:{ADMIN_UID}:100:administrator:/var/services/homes/{ADMIN}:/bin/sh",
                f"{package(engine)}:x:{_PACKAGE_UID}:{_PACKAGE_UID}::/:/bin/false",
            ],
            [
                "root:x:0:",
                "users:x:100:",
                f"administrators:x:101:{ADMIN}",
                f"{package(engine)}:x:{_PACKAGE_UID}:",
                "nogroup:x:65534:",
            ],
        )
        images.put_lab_files(root, packages, disk, busybox)
        _docker_package(packages, root, programs, engine)
        return _spec(root)

    return images.build(
        f"nas-dsm-{engine}",
        [packages, *programs, disk, busybox.archive, _source()],
        [_LINUX, _DSM, _NAS],
        make,
    )


def linux(engine: Engine) -> Image:
    """A Debian-like Linux with docker.io's units; the current engine takes the old one's place."""
    packages = debs.root("nas-linux", [*_PACKAGES, *_USERLAND])
    programs = images.engine_programs(engine)
    busybox, disk = images.household(), images.btrfs()

    def make(root: Path) -> oci.ImageSpec:
        own = _with_programs_of_their_own(packages)
        names = {Path(program).name for program in own}
        images.put_busybox(packages, root, without={*_OWN, *names, "busybox", "linuxrc", "awk"})
        debs.pick(packages, root, [*own, "usr/bin/bash", "usr/bin/mawk"])
        (root / "usr/bin/awk").symlink_to("mawk")
        _system(packages, root, _LINUX_PATH, TRAITS["systemd"].web_port)
        images.put_accounts(
            root,
            [
                "root:x:0:0:root:/root:/bin/bash",
                "sshd:x:110:65534:sshd:/run/sshd:/bin/false",
                f"{ADMIN}:x:{ADMIN_UID}:{ADMIN_UID}:administrator:/home/{ADMIN}:/bin/bash",
            ],
            [
                "root:x:0:",
                f"sudo:x:27:{ADMIN}",
                "docker:x:998:",
                f"{ADMIN}:x:{ADMIN_UID}:",
                "nogroup:x:65534:",
            ],
        )
        install(_LINUX / "os-release", root / "etc/os-release")
        images.put_lab_files(root, packages, disk, busybox)
        _engine_files(packages, root, engine)
        for program in programs:
            (root / "usr/sbin" / program.name).unlink(missing_ok=True)
            shutil.copy2(program, root / "usr/sbin" / program.name)
        _wrap_runc(root / "usr/sbin")
        debs.pick(
            packages,
            root,
            [f"{_SYSTEM}/{u}" for u in ("docker.service", "docker.socket", "containerd.service")],
        )
        install(_LINUX / "note-start.conf", root / _SYSTEM / "docker.service.d/nas-lab.conf")
        (root / "etc/docker").mkdir(parents=True)
        options = f'DOCKER_OPTS="{ENGINE_OPTIONS[engine]}"\n'
        (root / "etc/default").mkdir(parents=True, exist_ok=True)
        (root / "etc/default/docker").write_text(options)
        _enable(root, "sockets.target", "docker.socket")
        for unit in ("docker.service", "containerd.service"):
            _enable(root, "multi-user.target", unit)
        return _spec(root)

    return images.build(
        f"nas-linux-{engine}",
        [packages, *programs, disk, busybox.archive, _source()],
        [_LINUX, _NAS],
        make,
    )


# Applets of BusyBox whose names are programs or links of the packages in every image.
_OWN = {"init", "halt", "poweroff", "reboot", "ip", "sudo", "dpkg", "dpkg-deb", "rpm", "rpm2cpio"}


def _with_programs_of_their_own(packages: Path) -> list[str]:
    """Paths of the programs of the packages that BusyBox has an applet for."""
    listed = subprocess.run(
        [packages / "usr/bin/busybox", "--list"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    found = []
    for name in listed.stdout.split():
        for folder in ("usr/bin", "usr/sbin"):
            program = packages / folder / name
            if program.is_symlink() and str(program.readlink()).startswith("/"):
                program = packages / str(program.readlink()).lstrip("/")
            if name not in {*_OWN, "awk"} and program.exists():
                found.append(f"{folder}/{name}")
                break
    return found


def _source() -> str:
    """This module's content, which is part of what an image is made of."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()


def _system(packages: Path, root: Path, path: str, web_port: int) -> None:
    """systemd, sshd, sudo and the boot script; `path` is the PATH of ssh commands and of sudo."""
    debs.pick(
        packages,
        root,
        [
            *("usr/bin/systemctl", "usr/bin/journalctl", "usr/lib/systemd/systemd"),
            *("usr/sbin/init", "usr/sbin/halt", "usr/sbin/poweroff", "usr/sbin/reboot"),
            *(f"usr/lib/systemd/systemd-{p}" for p in ("journald", "shutdown", "cgroups-agent")),
            *(f"{_SYSTEM}/{unit}" for unit in _UNITS),
            *("usr/sbin/sshd", "usr/bin/ip", "etc/protocols", "etc/services"),
            *("usr/sbin/xtables-legacy-multi", "usr/sbin/xtables-nft-multi", "lib:xtables"),
            *("usr/bin/sudo", "usr/libexec/sudo", "usr/sbin/unix_chkpwd"),
            "usr/sbin/chpasswd",
            *("lib:security/pam_unix.so", "lib:security/pam_permit.so"),
        ],
    )
    (root / "usr/bin/sudo").chmod(0o4755)
    (root / "opt/nas-lab/bin").mkdir(parents=True)
    (root / "usr/sbin/chpasswd").rename(root / "opt/nas-lab/bin/chpasswd")
    for name in ("sudo", "other"):
        install(_LINUX / "pam", root / "etc/pam.d" / name)
    _install_filled(_LINUX / "sudoers", root / "etc/sudoers", {"PATH": path}, 0o440)
    (root / "etc/sudoers.d").mkdir()
    _install_filled(_LINUX / "sshd_config", root / "etc/ssh/sshd_config", {"PATH": path})
    install(_LINUX / "boot.sh", root / "opt/nas-lab/boot", mode=0o755)
    install(_LINUX / "note-start.sh", root / "opt/nas-lab/note-start", mode=0o755)
    install(_NAS / "index.html", root / "opt/nas-lab/www/index.html")
    install(_LINUX / "nas-lab-boot.service", root / _SYSTEM / "nas-lab-boot.service")
    web = root / _SYSTEM / "nas-lab-web.service"
    _install_filled(_LINUX / "nas-lab-web.service", web, {"PORT": str(web_port)})
    _enable(root, "sysinit.target", "nas-lab-boot.service")
    _enable(root, "sysinit.target", "systemd-journald.service")
    for unit in ("systemd-journald.socket", "systemd-journald-dev-log.socket"):
        _enable(root, "sockets.target", unit)
    for unit in ("ssh.service", "nas-lab-web.service"):
        _enable(root, "multi-user.target", unit)
    (root / _ENABLED / "default.target").symlink_to(f"/{_SYSTEM}/multi-user.target")
    (root / "etc/machine-id").write_text("")
    (root / "etc/ssl/certs").mkdir(parents=True)
    (root / "root").mkdir(mode=0o700)
    for folder in ("home", "mnt/disk", "mnt/lab", "srv", "var/lib", "var/log", "usr/local/bin"):
        (root / folder).mkdir(parents=True, exist_ok=True)


def _engine_files(packages: Path, root: Path, engine: Engine) -> None:
    """Docker's programs at the distribution's places."""
    debs.pick(
        packages,
        root,
        [
            *(f"usr/bin/{p}" for p in ("docker", "containerd", "containerd-shim-runc-v2")),
            "usr/bin/docker-init",
            *(
                [f"usr/sbin/{p}" for p in ("dockerd", "docker-proxy", "runc")]
                if engine == "debian"
                else []
            ),
        ],
    )
    (root / "usr/bin/docker-init").unlink()
    (root / "usr/bin/tini-static").rename(root / "usr/bin/docker-init")


def _wrap_runc(folder: Path) -> None:
    (folder / "runc").rename(folder / "runc.real")
    install(_NAS / "runc.sh", folder / "runc", mode=0o755)


def _docker_package(packages: Path, root: Path, programs: Iterable[Path], engine: Engine) -> None:
    app = package(engine)
    options = ENGINE_OPTIONS[engine]
    # 20.10 of the distribution has the btrfs driver, as DSM's engine; the lab's build lacks it.
    values = {
        "APP": app,
        "OPTIONS": options,
        "STORAGE": "btrfs" if engine == "debian" else "overlay2",
    }
    store = root / "opt/nas-lab/package"
    binaries = store / "usr/bin"
    binaries.mkdir(parents=True)
    _engine_files(packages, root, engine)
    for name in (
        *("docker", "dockerd", "docker-proxy", "docker-init"),
        *("containerd", "containerd-shim-runc-v2", "runc"),
    ):
        for place in ("usr/bin", "usr/sbin"):
            if (root / place / name).exists():
                (root / place / name).rename(binaries / name)
    for program in programs:
        shutil.copy2(program, binaries / program.name)
    _wrap_runc(binaries)
    install(_DSM / "updater.sh", binaries / "updater", mode=0o755)
    _install_filled(_DSM / "template.json", store / "config/dockerd.json", values)
    _install_filled(_DSM / "dockerd.json", store / "dockerd.json", values)
    script = store / "scripts/start-stop-status"
    _install_filled(_DSM / "start-stop-status.sh", script, values, 0o755)
    content = hashlib.sha256()
    for file in sorted(f for f in store.rglob("*") if f.is_file()):
        content.update(f"{file.relative_to(store)}\n".encode() + file.read_bytes())
    (store / ".version").write_text(content.hexdigest() + "\n")
    install(_DSM / "boot-dsm.sh", root / "opt/nas-lab/boot-dsm", mode=0o755)
    (root / "opt/nas-lab/app").write_text(f"APP={app}\nAPP_VERSION={_PACKAGE_VERSION[app]}\n")
    for tool in ("synopkg", "synosystemctl"):
        install(_DSM / f"{tool}.sh", root / "usr/syno/bin" / tool, mode=0o755)
    units = root / "usr/local/lib/systemd/system"
    _install_filled(_DSM / "dockerd.service", units / f"pkg-{app}-dockerd.service", values)
    _install_filled(_DSM / "pkgctl.service", units / f"pkgctl-{app}.service", values)
    _enable(root, "multi-user.target", f"pkgctl-{app}.service", "usr/local/lib/systemd/system")
    if engine == "current":
        # Seen on a machine with ContainerManager; the old package is left without.
        (root / _ENABLED / f"pkg-{app}-dockerd.service.d").mkdir()


def _enable(root: Path, target: str, unit: str, folder: str = _SYSTEM) -> None:
    wants = root / _ENABLED / f"{target}.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / unit).symlink_to(f"/{folder}/{unit}")


def _install_filled(source: Path, target: Path, values: dict[str, str], mode: int = 0o644) -> None:
    text = source.read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    target.chmod(mode)


def _spec(root: Path) -> oci.ImageSpec:
    return oci.ImageSpec(
        reference="",
        layer=root,
        entrypoint=["/sbin/init"],
        env={"PATH": _LINUX_PATH, "container": "docker"},
        # systemd powers off on this one.
        stop_signal="SIGRTMIN+4",
    )
