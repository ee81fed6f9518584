"""The commands that README.md and docs/*.md give to the owner of a NAS, run as they stand."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import INSTANCE
from tests.e2e.owner import Owner, make_clone, own_environment, second_proxy
from tests.e2e.story import K3S_IMAGE
from tests.e2e.walks import SECOND, STACK, WALKS, Walk, end_demo
from tests.lab import box, engine
from tests.lab.box import Lab
from tests.lab.project import forget_known_hosts
from tests.lab.releases import RELEASES
from tests.page_commands import PageCommand, commands_to_run

DEMO = f"{INSTANCE}demo"


@pytest.fixture(scope="module")
def owner(session_lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    """One owner for all pages; what the commands made is destroyed at the end."""
    lab, folder = session_lab, tmp_path_factory.mktemp("owner")
    clone = folder / "clone"
    make_clone(clone)
    # For `make demo`, which must install nothing here.
    (clone / ".venv").symlink_to(sys.prefix)
    found = engine.ensure_engine()
    (folder / "state").mkdir()
    environment = found.environment(folder / "state", "of the owner")
    environment = own_environment(environment, found.kubectl(), folder)
    keys = lab.ssh("cat ~/.ssh/authorized_keys")[1]
    with ExitStack() as at_end:
        at_end.enter_context(box.in_use(DEMO, clone))
        at_end.enter_context(box.in_use(f"{INSTANCE}{SECOND}"))
        made = Owner(
            lab,
            clone,
            environment | {"NAS_K3S_DEMO_INSTANCE": DEMO},
            {
                "make demo": "make -o .venv/installed demo",
                # Nobody is there to be asked.
                "nas init": "nas init --accept-host-key",
                "ssh -i": f"ssh -o UserKnownHostsFile={lab.known_hosts} -i",
                "--key ~/.ssh/id_ed25519": f"--key {lab.ssh_key}",
                "~/.ssh/id_ed25519": str(lab.ssh_key),
                "~/.ssh/nas-k3s": str(folder / "nas-k3s"),
                "~/registry-ca.pem": str(lab.ca_pem),
                "'~/.kube/config'": str(folder / "kubeconfig"),
                "http://192.168.31.198:7222": lab.proxy_url,
                "http://192.168.31.199:7222": at_end.enter_context(second_proxy(lab)),
                "192.168.31.88": lab.nas_host,
                "/share/CACHEDEV1_DATA": lab.pool,
            },
        )
        (clone / "registries.yaml").write_text("mirrors: {}\n", encoding="utf-8")
        yield made
        made.folder = clone
        ended = made.run(f"pulumi destroy --yes --skip-preview --stack {STACK}")
        lab.ssh("cat >~/.ssh/authorized_keys", stdin=keys)
        lab.nas("docker rm -f k3s; docker volume rm k3s-data k3s-etc; docker start notes")
        lab.nas(f"rm -f {lab.pool}/k3s-backup.tar")
        lab.nas("docker rmi " + " ".join([K3S_IMAGE, *(f"rancher/k3s:{tag}" for tag in RELEASES)]))
        forget_known_hosts(lab)
        if made.second is not None:
            forget_known_hosts(made.second)
            box.down(made.second.instance)
        if (clone / ".venv").is_symlink():
            end_demo(made)
        assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: walk.page)
def test_the_commands_of_a_page_do_what_it_says(owner: Owner, walk: Walk) -> None:
    said: dict[str, str] = {}
    block = 0
    before = owner.config_file.read_bytes() if walk.undone else b""
    for command in commands_to_run(walk.page):
        if command.block != block:
            if walk.undone:
                owner.config_file.write_bytes(before)
            owner.folder, block = owner.clone, command.block
        if command.text in walk.before:
            walk.before[command.text](owner)
        done = owner.follow(command, walk.typed.get(command.text, ""))
        assert done.returncode in walk.ends.get(command.text, (0,)), _told(command, done)
        said[command.text] = done.stdout + done.stderr
    if walk.undone:
        owner.config_file.write_bytes(before)
    walk.seen(owner, said)


def _told(command: PageCommand, done: subprocess.CompletedProcess[str]) -> str:
    return f"{command.page}: $ {command.text}\n{done.stdout}{done.stderr}"
