"""The iptables wrapper of the k3s stand-in's image, under BusyBox ash as in the image."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import paths
from tests.scripts.fake_nas import busybox

WRAPPER = paths.LAB / "k3s" / "iptables.sh"


@pytest.fixture
def wrapper(tmp_path: Path, program: Callable[[str, str], None]) -> Callable[..., str]:
    """Runs the wrapper under a name of iptables; each variant prints its own name and arguments."""
    state = tmp_path / "run"
    state.mkdir()

    def rules(variant: str, count: int, works: bool = True) -> None:
        program(f"iptables-{variant}-save", "".join(f"echo '-A R {n}'\n" for n in range(count)))
        program(f"iptables-{variant}", f'echo "${{0##*/}} $*"; exit {0 if works else 3}')
        program(f"ip6tables-{variant}-restore", 'echo "${0##*/} $*"')

    def call(
        name: str, *arguments: str, legacy: int = 0, nft: int = 0, nft_works: bool = True
    ) -> str:
        rules("legacy", legacy)
        rules("nft", nft, nft_works)
        link = tmp_path / name
        link.unlink(missing_ok=True)
        link.symlink_to(WRAPPER)
        done = subprocess.run(
            [busybox(), "ash", str(link), *arguments],
            env={**os.environ, "K3S_IPTABLES_STATE": str(state)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    return call


def test_rules_go_where_the_host_already_has_more(wrapper: Callable[..., str]) -> None:
    assert wrapper("iptables", "-S", legacy=3, nft=1) == "iptables-legacy -S"


def test_without_any_rules_the_newer_variant_is_taken(wrapper: Callable[..., str]) -> None:
    assert wrapper("iptables", "-t", "nat", "-S") == "iptables-nft -t nat -S"


def test_a_kernel_without_nft_gets_the_legacy_variant(wrapper: Callable[..., str]) -> None:
    assert wrapper("iptables", "-S", nft_works=False) == "iptables-legacy -S"


def test_family_and_suffix_of_the_name_are_kept(wrapper: Callable[..., str]) -> None:
    assert wrapper("ip6tables-restore", "-n", legacy=1) == "ip6tables-legacy-restore -n"


def test_the_choice_stays_while_rules_come_and_go(wrapper: Callable[..., str]) -> None:
    assert wrapper("iptables", "-S", legacy=2) == "iptables-legacy -S"
    assert wrapper("iptables", "-S", legacy=2, nft=50) == "iptables-legacy -S"
