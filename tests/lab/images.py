"""Images of the boxes, put together from packages, built programs and the files beside this one."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from . import debs, oci, paths, toolchain
from .keys import REGISTRY_NAMES
from .process import clear_scratch, locked, remove_unused, say
from .profiles import Engine

# The runc that goes with the current engine is built without seccomp; the old engine has the
# distribution's, and does not know this value.
ENGINE_OPTIONS: dict[Engine, str] = {"current": "--seccomp-profile unconfined", "debian": ""}
# Every image of a box is called this, a role and a key.
PREFIX = "nas-k3s-lab/"
HOUSEHOLD_REFERENCE = "household/busybox:1"

# Raised when images made by older code must not be used any more.
_FORMAT = 1
_NAS_PACKAGES = (
    "busybox-static",
    "ca-certificates",
    "docker.io",
    "iproute2",
    "iptables",
    "openssh-server",
)
# Applets of BusyBox that a QNAP lacks, package tools of the distribution, and those that have a
# program of their own here.
_NOT_ON_A_NAS = {"arch", "nproc", "dpkg", "dpkg-deb", "rpm", "rpm2cpio", "linuxrc", "busybox", "ip"}


@dataclass(frozen=True)
class Image:
    """An archive in the cache and the name that it is loaded as; the tag tells its content."""

    reference: str
    archive: Path


def engine_programs(engine: Engine) -> list[Path]:
    """What the engine needs beside the distribution's packages."""
    if engine == "debian":
        return []  # all of it comes with the packages
    built = toolchain.ensure(["dockerd", "runc"])
    return [built["dockerd"], built["docker-proxy"], built["runc"]]


def qnap(engine: Engine) -> Image:
    """A QNAP with the current Docker Engine or with the distribution's old one."""
    packages = debs.root("nas", _NAS_PACKAGES)
    programs = engine_programs(engine)
    busybox = household()
    disk = btrfs()

    def make(root: Path) -> oci.ImageSpec:
        put_busybox(packages, root, without=_NOT_ON_A_NAS)
        debs.pick(
            packages,
            root,
            [
                "usr/sbin/sshd",
                "usr/bin/ip",
                "usr/sbin/xtables-legacy-multi",
                "usr/sbin/xtables-nft-multi",
                "lib:xtables",
                "etc/protocols",
                "etc/services",
                *(f"usr/bin/{p}" for p in ("docker", "containerd", "containerd-shim-runc-v2")),
                *(["usr/sbin/dockerd", "usr/sbin/docker-proxy"] if engine == "debian" else []),
                *(["usr/sbin/runc"] if engine == "debian" else []),
                "usr/bin/docker-init",
            ],
        )
        _container_station(root, programs, ENGINE_OPTIONS[engine])
        _nas_files(root)
        put_lab_files(root, packages, disk, busybox)
        return oci.ImageSpec(
            reference="",
            layer=root,
            entrypoint=["/sbin/init"],
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
            # BusyBox init shuts down in order on this one.
            stop_signal="SIGUSR2",
        )

    return build(
        f"nas-{engine}", [packages, *programs, disk, busybox.archive], [paths.LAB / "nas"], make
    )


def proxy() -> Image:
    """The proxy box: squid."""
    packages = debs.root("proxy", ["busybox-static", "squid"])

    def make(root: Path) -> oci.ImageSpec:
        put_busybox(packages, root)
        debs.pick(
            packages,
            root,
            [
                "usr/sbin/squid",
                "usr/lib/squid/basic_ncsa_auth",
                "usr/lib/squid/unlinkd",
                "usr/share/squid",
                "etc/squid/errorpage.css",
            ],
        )
        put_accounts(root, ["root:x:0:0::/root:/bin/sh", "proxy:x:13:13::/run:/bin/false"])
        source = paths.LAB / "proxy"
        install(source / "squid.conf", root / "etc/squid/squid.conf")
        install(source / "entrypoint.sh", root / "entrypoint.sh", mode=0o755)
        install(source / "stop-squid.sh", root / "usr/bin/stop-squid", mode=0o755)
        install(
            source / "ERR_LAB_UNKNOWN", root / "usr/share/squid/errors/templates/ERR_LAB_UNKNOWN"
        )
        (root / "etc/squid/internet.txt").write_text("".join(f"{n}\n" for n in REGISTRY_NAMES))
        return oci.ImageSpec(reference="", layer=root, entrypoint=["/entrypoint.sh"])

    inputs: list[Path | str] = [packages, *REGISTRY_NAMES]
    return build("proxy", inputs, [paths.LAB / "proxy"], make)


def registry() -> Image:
    """The registry box: the distribution project's registry."""
    packages = debs.root("registry", ["busybox-static", "docker-registry"])

    def make(root: Path) -> oci.ImageSpec:
        put_busybox(packages, root)
        debs.pick(packages, root, ["usr/bin/docker-registry"])
        put_accounts(root, ["root:x:0:0::/root:/bin/sh"])
        install(paths.LAB / "registry/config.yml", root / "etc/docker/registry/config.yml")
        return oci.ImageSpec(
            reference="",
            layer=root,
            entrypoint=["docker-registry", "serve", "/etc/docker/registry/config.yml"],
        )

    return build("registry", [packages], [paths.LAB / "registry"], make)


def household() -> Image:
    """BusyBox alone: what the NAS's other containers run; loaded there as HOUSEHOLD_REFERENCE."""
    packages = debs.root("busybox", ["busybox-static"])

    def make(root: Path) -> oci.ImageSpec:
        put_busybox(packages, root)
        return oci.ImageSpec(reference="", layer=root, cmd=["sh"])

    return build("household", [packages], [], make, reference=HOUSEHOLD_REFERENCE)


def btrfs() -> Path:
    """Packages with the program that makes the file system of some volumes."""
    return debs.root("btrfs", ["btrfs-progs"])


def put_lab_files(root: Path, packages: Path, disk: Path, busybox: Image) -> None:
    """What every NAS has of the lab's own in /opt/nas-lab, which no real one has."""
    source = paths.LAB / "nas"
    lab = root / "opt/nas-lab"
    lab.mkdir(parents=True, exist_ok=True)
    certificates = sorted((packages / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    (lab / "mozilla.pem").write_text("".join(c.read_text() for c in certificates))
    shutil.copyfile(busybox.archive, lab / "household.tar")
    install(source / "network.sh", lab / "network.sh")
    install(source / "disk.sh", lab / "disk.sh", mode=0o755)
    debs.pick(disk, root, ["usr/sbin/mkfs.btrfs"])
    (lab / "bin").mkdir(exist_ok=True)
    (root / "usr/sbin/mkfs.btrfs").rename(lab / "bin/mkfs.btrfs")
    (lab / "bin/busybox").symlink_to("/usr/bin/busybox")


def build(
    name: str,
    inputs: Iterable[Path | str],
    folders: Iterable[Path],
    make: Callable[[Path], oci.ImageSpec],
    reference: str | None = None,
) -> Image:
    """The archive for these inputs: taken from the cache, else made by `make` in an empty root.

    Package roots and built programs are keyed by their content already, so their paths and sizes
    stand for them; files of `folders` and this module count byte by byte.
    """
    digest = hashlib.sha256(f"{_FORMAT} {oci.architecture()}".encode())
    for item in inputs:
        digest.update(f"{item}\n".encode())
        if isinstance(item, Path) and item.is_file():
            digest.update(f"{item.stat().st_size}\n".encode())
    for file in [Path(__file__), *(f for folder in folders for f in sorted(folder.iterdir()))]:
        digest.update(f"{file.name}\n".encode() + file.read_bytes())
    key = digest.hexdigest()[:16]
    image = Image(
        reference or f"{PREFIX}{name}:{key}", paths.CACHE / "images" / f"{name}-{key}.tar"
    )
    if image.archive.is_file():
        os.utime(image.archive)
        return image
    with locked(paths.CACHE / "locks" / f"image-{name}.lock", what=f"image {name}", deadline=600):
        if image.archive.is_file():
            return image
        say(f"{name}: putting the image together")
        image.archive.parent.mkdir(parents=True, exist_ok=True)
        remove_unused(image.archive.parent, f"{name}-*.tar", image.archive)
        clear_scratch(image.archive.parent, f"{name}-")
        with tempfile.TemporaryDirectory(
            dir=image.archive.parent, prefix=f".{name}-root."
        ) as folder:
            root = Path(folder) / "root"
            for base, mode in (("run", 0o755), ("tmp", 0o1777), ("var/tmp", 0o1777)):
                (root / base).mkdir(parents=True)
                (root / base).chmod(mode)
            for link, to in (("var/run", "/run"), ("var/lock", "/run")):
                (root / link).symlink_to(to)
            spec = make(root)
            oci.write_archive(
                oci.ImageSpec(**{**spec.__dict__, "reference": image.reference}), image.archive
            )
    return image


def put_busybox(
    packages: Path, root: Path, without: Iterable[str] = ("busybox", "linuxrc")
) -> None:
    debs.pick(packages, root, ["usr/bin/busybox"])
    listed = subprocess.run(
        [root / "usr/bin/busybox", "--list-full"],
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    for full in listed.stdout.split():
        name = Path(full).name
        if name in without:
            continue
        # In /usr throughout: /bin and /sbin are links to it.
        folder = root / "usr" / ("sbin" if "sbin/" in full else "bin")
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to("/usr/bin/busybox")
    for link in ("bin", "sbin", "lib"):
        (root / "usr" / link).mkdir(parents=True, exist_ok=True)
        if not (root / link).is_symlink():
            (root / link).symlink_to(f"usr/{link}")


def _container_station(root: Path, programs: Iterable[Path], options: str) -> None:
    """Move the engine out of the system's directories into the app, as it is on a NAS."""
    source = paths.LAB / "nas"
    qpkg = root / "opt/nas-lab/qpkg"
    (qpkg / "bin").mkdir(parents=True)
    (root / "usr/bin/docker-init").unlink()
    (root / "usr/bin/tini-static").rename(root / "usr/bin/docker-init")
    for name in (
        *("docker", "dockerd", "docker-proxy", "docker-init"),
        *("containerd", "containerd-shim-runc-v2", "runc"),
    ):
        for place in ("usr/bin", "usr/sbin"):
            if (root / place / name).exists():
                (root / place / name).rename(qpkg / "bin" / name)
    for program in programs:
        shutil.copy2(program, qpkg / "bin" / program.name)
    (qpkg / "bin/runc").rename(qpkg / "bin/runc.real")
    install(source / "runc.sh", qpkg / "bin/runc", mode=0o755)
    install(source / "run-docker.sh", qpkg / "script/run-docker.sh", mode=0o755)
    (qpkg / "script/engine-options").write_text(f"{options}\n")
    install(source / "container-station.sh", qpkg / "container-station.sh", mode=0o755)
    for config in ("docker.json", "system-docker.json"):
        install(source / config, qpkg / "etc" / config)
    content = hashlib.sha256()
    for file in sorted(f for f in qpkg.rglob("*") if f.is_file()):
        content.update(f"{file.relative_to(qpkg)}\n".encode() + file.read_bytes())
    (qpkg / ".version").write_text(content.hexdigest() + "\n")


def _nas_files(root: Path) -> None:
    source = paths.LAB / "nas"
    put_accounts(
        root,
        # As QTS has it: uid 0 is called admin, there is no root.
        [
            "admin:x:0:0:administrator:/root:/bin/sh",
            "guest:x:65534:65534:guest:/tmp:/bin/false",
            "sshd:x:110:65534:sshd:/run/sshd:/bin/false",
        ],
        ["administrators:x:0:admin", "everyone:x:100:", "guest:x:65534:"],
    )
    install(source / "inittab", root / "etc/inittab")
    install(source / "os-release", root / "opt/nas-lab/os-release")
    install(source / "profile", root / "etc/profile")
    install(source / "sshd_config", root / "etc/ssh/sshd_config")
    install(source / "index.html", root / "home/Qhttpd/index.html")
    for script in ("rcS", "rcK"):
        install(source / script, root / "etc/init.d" / script, mode=0o755)
    install(source / "getcfg", root / "usr/sbin/getcfg", mode=0o755)
    (root / "etc/ssl/certs").mkdir(parents=True)
    (root / "etc/config").symlink_to("/mnt/HDA_ROOT/.config")
    (root / "mnt/HDA_ROOT").mkdir(parents=True)
    (root / "root").mkdir(mode=0o700)
    (root / "root/.ssh").symlink_to("/etc/config/ssh")


def put_accounts(root: Path, users: Iterable[str], groups: Iterable[str] = ()) -> None:
    users = list(users)
    names = [user.split(":")[0] for user in users]
    groups = list(groups) or [f"{u.split(':')[0]}:x:{u.split(':')[3]}:" for u in users]
    etc = root / "etc"
    etc.mkdir(exist_ok=True)
    (etc / "passwd").write_text("".join(f"{user}\n" for user in users))
    (etc / "group").write_text("".join(f"{group}\n" for group in groups))
    # No password fits; the account is not locked, which would refuse keys as well.
    (etc / "shadow").write_text("".join(f"{name}:*:20000:0:99999:7:::\n" for name in names))
    (etc / "shadow").chmod(0o600)


def install(source: Path, target: Path, mode: int = 0o644) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)
