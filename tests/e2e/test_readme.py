"""The commands that README.md gives to the owner of a NAS, run as they stand against the lab."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.story import K3S_IMAGE
from tests.lab import engine, paths
from tests.lab.box import Lab
from tests.lab.project import forget_known_hosts

STACK = "home"
# What a lab needs and a NAS does not: the CA of its internet.
LAB_ONLY = """
pulumi config set nas-k3s:caCertificatesFile {ca}
"""


def commands(lab: Lab) -> list[str]:
    """The blocks below "With your NAS", with the lab's addresses and key."""
    text = (paths.REPO / "README.md").read_text(encoding="utf-8")
    section = text.partition("## With your NAS")[2].partition("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    assert len(blocks) == 2
    lines = "".join(blocks).strip().splitlines()
    before = lines.index("pulumi preview")
    lines[before:before] = LAB_ONLY.format(ca=lab.ca_pem).strip().splitlines()
    replaced = {
        "192.168.31.88": lab.nas_host,
        "http://192.168.31.198:7222": lab.proxy_url,
        "~/.ssh/id_ed25519": str(lab.ssh_key),
        # Nobody is there to be asked.
        "nas init": "nas init --accept-host-key",
    }
    for old, new in replaced.items():
        lines = [line.replace(old, new) for line in lines]
    return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone's files, without anything that is made."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=paths.REPO,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        source, target = paths.REPO / name, tmp_path / "clone" / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return tmp_path / "clone"


@pytest.fixture
def environment(lab: Lab, tmp_path: Path, checkout: Path) -> Iterator[dict[str, str]]:
    """Environment of the owner's shell; whatever the commands made is destroyed at the end."""
    found = engine.ensure_engine()
    (tmp_path / "state").mkdir()
    environment = found.environment(tmp_path / "state", "of the owner")
    kubectl = tmp_path / "bin" / "kubectl"
    kubectl.parent.mkdir()
    kubectl.symlink_to(found.kubectl())
    environment["PATH"] = f"{kubectl.parent}:{environment['PATH']}"
    yield environment
    subprocess.run(
        ["pulumi", "destroy", "--yes", "--skip-preview", "--stack", STACK],
        cwd=checkout,
        env=environment,
        check=True,
        timeout=300,
    )
    forget_known_hosts(lab)
    lab.nas(f"docker volume rm k3s-data k3s-etc; docker rmi {K3S_IMAGE}; docker start notes")


def test_the_commands_of_the_readme_bring_up_a_cluster(
    lab: Lab, checkout: Path, environment: dict[str, str]
) -> None:
    said = {}
    for line in commands(lab):
        done = subprocess.run(
            ["sh", "-ec", line],
            cwd=checkout,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        # The doctor may have something to warn of.
        allowed = (0, 1) if "nas doctor" in line else (0,)
        assert done.returncode in allowed, f"$ {line}\n{done.stdout}{done.stderr}"
        said[line] = done.stdout
    (nodes,) = (text for line, text in said.items() if "get nodes" in line)
    assert re.search(rf"{STACK} +Ready", nodes)
    assert "<svg" in (checkout / "timeline.html").read_text(encoding="utf-8")
