"""`python -m nas init` against the NAS in a box, and what Pulumi makes of its file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.lab import engine, paths
from tests.lab.box import Lab
from tests.lab.project import LINKS, Project, forget_known_hosts, make_passphrase

STACK = "fresh"
PASSWORD = "s3ntinel p@ss"


@pytest.fixture
def project(lab: Lab) -> Iterator[Project]:
    """A checkout without stacks."""
    folder = lab.state.folder / "projects" / STACK
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "stacks").mkdir(parents=True)
    for name in LINKS:
        (folder / name).symlink_to(paths.REPO / name)
    make_passphrase(lab)
    made = Project(lab, engine.ensure_engine(), folder, STACK)
    yield made
    made.run("stack", "rm", "--yes", "--force")
    shutil.rmtree(folder)
    forget_known_hosts(lab)


def init(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    lab = project.lab
    nas = ["--host", lab.nas_host, "--port", str(lab.ssh_port), "--user", lab.ssh_user]
    key = ["--key", str(lab.ssh_key), "--proxy", "http://k3s:s3ntinel%20p%40ss@198.18.88.198:7222"]
    return subprocess.run(
        [sys.executable, "-m", "nas", "init", STACK, *nas, *key, *arguments],
        cwd=project.folder,
        env={**os.environ, **project.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_file_that_init_writes_goes_through_stack_init_and_preview(project: Project) -> None:
    asked = init(project)
    assert asked.returncode == 2
    assert "--accept-host-key" in asked.stderr
    assert not project.config_file.exists()

    done = init(project, "--accept-host-key")
    assert done.returncode == 0, done.stdout + done.stderr
    text = project.config_file.read_text(encoding="utf-8")
    assert "s3ntinel" not in done.stdout + done.stderr + text
    assert f"nas-k3s:sshHostKey: {project.lab.ssh_host_key}" in text
    assert "nas-k3s:platform: qnap" in text
    assert f"nas-k3s:nodeIp: {project.lab.nas_host}" in text
    assert "nas-k3s:lanCidr: 198.18." in text, "the NAS's routes tell its LAN"
    assert "notes" in text, "the container without a restart policy is named"

    project.must("stack", "init")
    project.must("config", "set", "--secret", "nas-k3s:proxyPassword", stdin=PASSWORD)
    comments = [line.strip() for line in text.splitlines() if line.strip().startswith("#")]
    after = project.config_file.read_text(encoding="utf-8")
    assert all(comment in after for comment in comments), "Pulumi leaves the comments"
    assert "s3ntinel" not in after
    preview = project.run("preview")
    assert preview.returncode == 0, preview.stdout + preview.stderr
    assert "Docker on the NAS will be restarted" in preview.stdout + preview.stderr

    again = init(project, "--accept-host-key")
    assert again.returncode == 2
    assert "never overwritten" in again.stderr
    assert project.config_file.read_text(encoding="utf-8") == after
