"""What an owner does page by page: what each page needs before, is asked, and has done at its end.

The commands themselves are taken from the pages (tests/page_commands.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.e2e.conftest import INSTANCE
from tests.e2e.owner import Owner
from tests.lab import box

Said = Mapping[str, str]
"""Command -> what it printed."""

STACK = "home"
SECOND = "attic"
SECRET = "S3ntinel/p@ge"


def _nothing(owner: Owner) -> None:
    """Nothing has to be done."""


def _nothing_seen(owner: Owner, said: Said) -> None:
    """That the commands end well is enough."""


@dataclass(frozen=True)
class Walk:
    """How one page is followed.

    Attributes:
        before: command -> what else is done just before it.
        typed: command -> what it is given on its standard input.
        ends: command -> its exit statuses; 0 without.
        seen: looks at what the commands have done.
        undone: the stack's config is put back after each block: its commands are alternatives,
            or not meant to be applied.
    """

    page: str
    before: Mapping[str, Callable[[Owner], None]] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    ends: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    seen: Callable[[Owner, Said], None] = _nothing_seen
    undone: bool = False


def end_demo(owner: Owner) -> None:
    """Takes the demo away, and the Python that it was lent."""
    owner.must("make -o .venv/installed demo-down")
    # The owner makes one of the clone's own.
    (owner.clone / ".venv").unlink()


def _trust_the_lab(stack: str) -> Callable[[Owner], None]:
    """What a lab needs and a NAS does not: the CA of its internet."""

    def trust(owner: Owner) -> None:
        labs = {STACK: owner.lab, SECOND: owner.second} if owner.second else {STACK: owner.lab}
        owner.must(
            f"pulumi config set nas-k3s:caCertificatesFile {labs[stack].ca_pem} --stack {stack}"
        )

    return trust


def _try_the_demo(owner: Owner) -> None:
    """What it names as the next to do; then it makes room."""
    owner.must(".lab/nas doctor --stack lab")
    owner.must(".lab/nas timeline --stack lab")
    end_demo(owner)


def _readme(owner: Owner, said: Said) -> None:
    assert re.search(r"lab +Ready", said["make demo"])
    assert re.search(rf"{STACK} +Ready", said["kubectl --kubeconfig kubeconfig get nodes"])
    assert "<svg" in (owner.clone / "timeline.html").read_text(encoding="utf-8")


def _timeline(owner: Owner, said: Said) -> None:
    text, *_ = said.values()
    assert "k3s initialises" in text
    assert 'lang="zh' in (owner.clone / "timeline.html").read_text(encoding="utf-8")


def _access(owner: Owner, said: Said) -> None:
    assert re.search(rf"{STACK} +Ready", said["kubectl --context k3s-home get nodes"])


def _outputs(owner: Owner, said: Said) -> None:
    assert "hello-deployment" in said["pulumi up"]
    owner.must("pulumi stack rm home")


def _container(owner: Owner, said: Said) -> None:
    assert re.search(r"k3s-bridge +create", said["pulumi preview"])
    assert re.search(r"k3s-container +replace", said["pulumi preview"])


def _move_proxy(owner: Owner, said: Said) -> None:
    address = owner.words["http://192.168.31.199:7222"].removeprefix("http://")
    assert "Docker on the NAS will be restarted" in said["pulumi preview"]
    assert address in owner.lab.nas_must("docker info --format '{{.HTTPProxy}}'")
    assert address in owner.lab.nas_must("docker inspect --format '{{.Config.Env}}' k3s")


def _rotate(owner: Owner, said: Said) -> None:
    env = owner.lab.nas_must("docker inspect --format '{{.Config.Env}}' k3s")
    assert "nas:S3ntinel%2Fp%40ge@" in env
    assert SECRET not in "".join(said.values())
    owner.must("pulumi preview --expect-no-changes")


def _registry(owner: Owner, said: Said) -> None:
    file = owner.lab.nas_must("docker exec k3s cat /etc/rancher/k3s/registries.yaml")
    assert "https://mirror.gcr.io" in file
    # The up of the next page gives it the rest.
    preview = owner.must("pulumi preview --diff")
    assert "k3s-container" in preview
    assert SECRET not in preview


def _name_the_snapshot(owner: Owner) -> None:
    version = owner.must("kubectl --context k3s-home get nodes")
    assert "v1.34.5+k3s1" in version
    folder = "$(docker volume inspect --format '{{.Mountpoint}}' k3s-data)/nas-k3s-snapshots"
    name = owner.lab.nas_must(f"ls {folder}").split()[-1].removesuffix(".tar")
    owner.words["v1.34.4-k3s1-20260131T093000Z"] = name


def _upgrade(owner: Owner, said: Said) -> None:
    assert "v1.34.4+k3s1" in owner.must("kubectl --context k3s-home get nodes")


def _write_something(owner: Owner) -> None:
    owner.must("kubectl --context k3s-home create configmap precious")


def _lose_the_cluster(owner: Owner) -> None:
    owner.lab.nas_must("docker rm -f k3s && docker volume rm k3s-data k3s-etc")


def _backup(owner: Owner, said: Said) -> None:
    assert "precious" in owner.must("kubectl --context k3s-home get configmaps")
    owner.must("pulumi preview --expect-no-changes")


def _boot_second(owner: Owner) -> None:
    owner.second = box.up(f"{INSTANCE}{SECOND}")
    owner.words |= {
        "192.168.31.89": owner.second.nas_host,
        "--key ~/.ssh/id_ed25519": f"--key {owner.second.ssh_key}",
        "http://192.168.31.198:7222": owner.second.proxy_url,
    }


def _several(owner: Owner, said: Said) -> None:
    nodes = said["kubectl --context k3s-attic get nodes"]
    assert re.search(rf"{SECOND} +Ready", nodes)
    assert STACK in owner.must("kubectl --context k3s-home get nodes")


def _lose_second(owner: Owner) -> None:
    assert owner.second is not None
    owner.second.nas_off()
    owner.must(f"pulumi stack select {SECOND}")


def _destroy(owner: Owner, said: Said) -> None:
    assert owner.second is not None
    assert f"dial tcp {owner.second.nas_host}:22" in said["pulumi destroy --yes"]
    assert SECOND not in owner.must("pulumi stack ls")
    assert f"k3s-{SECOND}" not in owner.must("kubectl config get-contexts")
    owner.must(f"pulumi stack select {STACK}")


_TYPE_PASSWORD = "pulumi config set --secret nas-k3s:proxyPassword"
_REGISTRY_PASSWORD = (
    "pulumi config set --path --secret 'nas-k3s:registries.configs[\"{}\"].auth.password'"
)

WALKS = (
    Walk(
        "README.md",
        before={
            "python3 -m venv .venv": _try_the_demo,
            "pulumi preview": _trust_the_lab(STACK),
        },
        # The doctor may have something to warn of.
        ends={".venv/bin/python -m nas doctor --stack home": (0, 1)},
        seen=_readme,
    ),
    Walk("docs/timeline.md", seen=_timeline),
    Walk("docs/troubleshooting.md", ends={".venv/bin/python -m nas doctor --stack home": (0, 1)}),
    Walk("docs/commands.md"),
    Walk("docs/access.md", seen=_access),
    Walk("docs/outputs.md", seen=_outputs),
    Walk("docs/container.md", seen=_container, undone=True),
    Walk(
        "docs/settings.md",
        typed={_TYPE_PASSWORD: SECRET, _REGISTRY_PASSWORD.format("reg.lan:5000"): SECRET},
        undone=True,
    ),
    Walk("docs/move-proxy.md", seen=_move_proxy),
    Walk("docs/rotate.md", typed={_TYPE_PASSWORD: SECRET}, seen=_rotate),
    Walk(
        "docs/registry.md",
        typed={_REGISTRY_PASSWORD.format("ghcr.io"): SECRET},
        seen=_registry,
    ),
    Walk(
        "docs/upgrade.md",
        before={"pulumi config set nas-k3s:k3sVersion v1.34.4-k3s1": _name_the_snapshot},
        seen=_upgrade,
    ),
    Walk(
        "docs/backup.md",
        before={
            "pulumi stack export --file home.json": _write_something,
            "docker volume create k3s-data": _lose_the_cluster,
        },
        seen=_backup,
    ),
    Walk(
        "docs/several-nas.md",
        before={
            ".venv/bin/python -m nas init attic --host 192.168.31.89 --key ~/.ssh/id_ed25519 "
            "--proxy http://192.168.31.198:7222": _boot_second,
            "pulumi up --stack attic": _trust_the_lab(SECOND),
        },
        seen=_several,
    ),
    Walk(
        "docs/destroy.md",
        before={"pulumi destroy --yes": _lose_second},
        # The NAS is gone.
        ends={"pulumi destroy --yes": (1, 255)},
        seen=_destroy,
    ),
)
"""In the order in which they are followed, one after the other, on one NAS: each page goes on from
the cluster of those before."""
