"""The NAS between two commands: what is counted on it, and how it is put back."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.job import FIRST, NEXT
from tests.lab import boxes, paths
from tests.lab.box import Lab
from tests.lab.process import LabError

_LOGIN = b"Accepted publickey for "
_AS_SHIPPED = paths.LAB / "nas" / "docker.json"
_IMAGES = " ".join(f"rancher/k3s:{tag}" for tag in (FIRST, NEXT))


@dataclass(frozen=True)
class Counts:
    """Since the NAS was booted: SSH connections that it accepted, starts of its Docker daemon."""

    logins: int
    starts: int

    def since(self, before: Counts) -> tuple[int, int]:
        return self.logins - before.logins, self.starts - before.starts


def counts(lab: Lab) -> Counts:
    """What the NAS has counted; nobody logs in for that."""
    box = boxes.find(lab.client, lab.instance, "nas")
    if box is None:
        raise LabError("the NAS is gone")
    return Counts(bytes(box.logs()).count(_LOGIN), lab.dockerd_starts())


def put_back(lab: Lab) -> None:
    """The NAS as nobody has touched it: no container, data, image or proxy, and freshly booted, by
    which links, iptables rules and whatever lies outside of the volume are gone."""
    lab.nas("docker rm -f k3s; docker volume rm k3s-data k3s-etc; docker rmi " + _IMAGES)
    lab.nas_must(f"cat >{lab.docker_json} <<'END-OF-FILE'\n{_AS_SHIPPED.read_text()}END-OF-FILE\n")
    lab.nas_must(f"rm -f {lab.docker_json}.before {lab.docker_json}.nas-k3s-*")
    lab.reboot()
    # `notes` has no restart policy.
    lab.nas_must("docker start photos notes")
    left = lab.nas_must("docker ps -aq --filter name=^k3s; docker volume ls -q --filter name=^k3s-")
    left += lab.nas_must("docker images -q rancher/k3s; docker info --format '{{.HTTPProxy}}'")
    if left.strip():
        raise LabError(f"the NAS is not as it was before: {left.split()}")
