"""The image of the k3s stand-in, laid out like the real one and known by the real one's name.

What is inside: the multi-call program of go/k3s (real Kubernetes, containerd, flannel, kine behind
k3s's command line), its shim, runc, CNI plugins, iptables in both variants and BusyBox's tools.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import debs, oci, paths, toolchain
from .process import clear_scratch, locked, remove_unused, say

REFERENCE = f"rancher/k3s:{toolchain.K3S_VERSION.replace('+', '-')}"

# Raised when images made by older code must not be used any more.
_FORMAT = 2
# Read when the code is loaded: a run that still has older code must not make an image for newer.
_SOURCES = tuple(Path(module).read_bytes() for module in (__file__, debs.__file__, oci.__file__))
_PACKAGES = (
    "busybox-static",
    "ca-certificates",
    "containernetworking-plugins",
    "iproute2",
    "ipset",
    "iptables",
    "mount",
    # The packaged one: it has seccomp, which a build without the C library's headers lacks.
    "runc",
)
_CNI_PLUGINS = ("bandwidth", "bridge", "host-local", "loopback", "portmap")
# Called by the name that the multi-call program then runs as.
_NAMES_OF_K3S = ("containerd", "ctr", "kubectl")
# Programs that are there for real, not as a part of BusyBox.
_REAL = ("busybox", "ip", "linuxrc", "mount", "umount")
_IPTABLES = tuple(
    f"{family}{suffix}"
    for family in ("iptables", "ip6tables")
    for suffix in ("", "-save", "-restore")
)


def archive() -> Path:
    """Path of the image's docker archive (`docker load`, `crane push`), made when it is missing.

    Keyed by all that goes into it, so it is made anew only when something changed. Raises LabError.
    """
    packages = debs.root("k3s", _PACKAGES)
    built = toolchain.ensure(["k3s"])
    key = _key([packages, *built.values()])
    final = paths.CACHE / "images" / f"k3s-{key}.tar"
    if final.is_file():
        os.utime(final)
        return final
    with locked(paths.CACHE / "locks" / "image-k3s.lock", what="image k3s", deadline=600):
        if final.is_file():
            return final
        say("k3s: putting the image together")
        final.parent.mkdir(parents=True, exist_ok=True)
        remove_unused(final.parent, "k3s-*.tar", final)
        clear_scratch(final.parent, "k3s-")
        with tempfile.TemporaryDirectory(dir=final.parent, prefix=".k3s-root.") as folder:
            root = Path(folder) / "root"
            _lay_out(root, packages, built)
            oci.write_archive(_spec(root), final)
    return final


def _key(inputs: list[Path]) -> str:
    digest = hashlib.sha256(f"{_FORMAT} {oci.architecture()}".encode())
    for path in inputs:
        # Roots and builds are directories named after their own content.
        digest.update(f"{path}\n".encode())
    for source in (*_SOURCES, _wrapper().read_bytes()):
        digest.update(source)
    return digest.hexdigest()[:16]


def _wrapper() -> Path:
    return paths.LAB / "k3s" / "iptables.sh"


def _spec(root: Path) -> oci.ImageSpec:
    return oci.ImageSpec(
        reference=REFERENCE,
        layer=root,
        entrypoint=["/bin/k3s"],
        cmd=["agent"],
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/bin/aux"},
        volumes=["/var/lib/kubelet", "/var/lib/rancher/k3s", "/var/lib/cni", "/var/log"],
        labels={
            "nas-k3s.lab/stand-in": "k3s",
            "nas-k3s.lab/version": toolchain.K3S_VERSION,
        },
    )


def _lay_out(root: Path, packages: Path, built: dict[str, Path]) -> None:
    for folder, mode in (
        *((name, 0o755) for name in ("etc/ssl/certs", "run", "var/run", "usr/bin/aux", "usr/sbin")),
        ("tmp", 0o1777),
        ("root", 0o700),
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder).chmod(mode)
    debs.pick(
        packages,
        root,
        [
            "usr/bin/busybox",
            "usr/bin/ip",
            "usr/bin/mount",
            "usr/bin/umount",
            "usr/sbin/ipset",
            "usr/sbin/runc",
            "usr/sbin/xtables-legacy-multi",
            "usr/sbin/xtables-nft-multi",
            "lib:xtables",
            "etc/protocols",
            *(f"usr/lib/cni/{plugin}" for plugin in _CNI_PLUGINS),
        ],
    )
    for name in ("k3s", "containerd-shim-runc-v2"):
        shutil.copy2(built[name], root / "usr/bin" / name)
    for name in _NAMES_OF_K3S:
        (root / "usr/bin" / name).symlink_to("k3s")
    _iptables(root)
    _busybox(root)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\n")
    (root / "etc/os-release").write_text(f'NAME="K3s"\nPRETTY_NAME="K3s {toolchain.K3S_VERSION}"\n')
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    authorities = sorted((packages / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    bundle = "".join(certificate.read_text() for certificate in authorities)
    (root / "etc/ssl/certs/ca-certificates.crt").write_text(bundle)


def _iptables(root: Path) -> None:
    shutil.copyfile(_wrapper(), root / "usr/bin/aux/iptables.sh")
    (root / "usr/bin/aux/iptables.sh").chmod(0o755)
    for name in _IPTABLES:
        (root / "usr/sbin" / name).symlink_to("../bin/aux/iptables.sh")
        family, _, suffix = name.partition("-")
        for variant in ("legacy", "nft"):
            full = f"{family}-{variant}" + (f"-{suffix}" if suffix else "")
            (root / "usr/sbin" / full).symlink_to(f"xtables-{variant}-multi")


def _busybox(root: Path) -> None:
    busybox = root / "usr/bin/busybox"
    listed = subprocess.run(
        [busybox, "--list"], capture_output=True, text=True, check=True, timeout=20
    )
    for name in listed.stdout.split():
        link = root / "usr/bin" / name
        if name not in _REAL and not link.is_symlink() and not link.exists():
            link.symlink_to("busybox")
