"""What a lab instance was made with: settings, addresses and who owns it, kept in state.json."""

from __future__ import annotations

import json
import os
import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from . import paths
from .process import LabError
from .profiles import TRAITS, Engine, Layout, Profile, Sudo, Traits, layout

DEFAULT_INSTANCE = "lab"
DEMO_INSTANCE = os.environ.get("NAS_K3S_DEMO_INSTANCE", DEFAULT_INSTANCE)
"""Of `make demo` and of the commands around it; tests have one of their own."""
_DEFAULT_NUMBER = 88
# Third octet of the addresses of other instances: 198.18.100.0/24 to 198.18.250.0/24.
_NUMBERS = range(100, 251)


@dataclass(frozen=True)
class Settings:
    """What can be chosen when an instance is made.

    `pool` is the name of the volume directory (below /share on a QNAP), `hostname` the NAS's name;
    `sudo` is what the administrator's account needs, `root_ssh` whether root may log in by key:
    both None on a NAS where uid 0 itself is the administrator.
    """

    engine: Engine = "current"
    proxy_auth: bool = False
    pool: str = TRAITS["qnap"].pool
    hostname: str = "nas88"
    profile: Profile = "qnap"
    sudo: Sudo | None = None
    root_ssh: bool | None = None

    @property
    def traits(self) -> Traits:
        return TRAITS[self.profile]

    @property
    def layout(self) -> Layout:
        return layout(self.profile, self.engine, self.pool)

    def changed(
        self,
        engine: Engine | None = None,
        proxy_auth: bool | None = None,
        pool: str | None = None,
        hostname: str | None = None,
        profile: Profile | None = None,
        sudo: Sudo | None = None,
        root_ssh: bool | None = None,
    ) -> Settings:
        """These settings with what is not None replaced; another profile brings its own defaults.

        Raises LabError for a bad name and for what the profile does not have.
        """
        new = self
        if profile is not None and profile != self.profile:
            if profile not in TRAITS:
                raise LabError(f"profile {profile!r} is unknown: use {', '.join(TRAITS)}")
            traits = TRAITS[profile]
            new = replace(
                new,
                profile=profile,
                engine=new.engine if new.engine in traits.engines else traits.engines[0],
                pool=traits.pool,
                sudo=traits.sudo,
                root_ssh=traits.root_ssh,
            )
        given = {
            "engine": engine,
            "proxy_auth": proxy_auth,
            "pool": pool,
            "hostname": hostname,
            "sudo": sudo,
            "root_ssh": root_ssh,
        }
        new = replace(new, **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
        traits = new.traits
        if new.engine not in ("current", "debian"):
            raise LabError(f"engine {new.engine!r} is unknown: use current or debian")
        if new.engine not in traits.engines:
            raise LabError(
                f"profile {new.profile} has no engine {new.engine}: use {', '.join(traits.engines)}"
            )
        if traits.sudo is None and (new.sudo is not None or new.root_ssh is not None):
            raise LabError(f"profile {new.profile} has one administrator, uid 0, and no sudo")
        if new.sudo not in (None, "password", "nopasswd", "none"):
            raise LabError(f"sudo {new.sudo!r} is unknown: use password, nopasswd or none")
        if not re.fullmatch(r"[A-Za-z0-9_]{1,32}", new.pool):
            raise LabError(f"pool {new.pool!r} is no directory name such as {traits.pool}")
        if new.profile == "synology" and not re.fullmatch(r"volume[1-9]", new.pool):
            raise LabError(f"pool {new.pool!r} is no volume of a Synology, such as volume1")
        if new.profile == "systemd" and new.pool != traits.pool:
            raise LabError("profile systemd has its disk at /srv: leave the pool out")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,30}", new.hostname):
            raise LabError(f"host name {new.hostname!r} is not like nas88")
        return new


@dataclass(frozen=True)
class Addresses:
    """Addresses of the instance with this number, in 198.18.0.0/15, which no real network uses."""

    number: int

    @property
    def lan(self) -> str:
        """Network of the NAS and the proxy."""
        return f"198.18.{self.number}.0/24"

    @property
    def internet(self) -> str:
        """Network that only the proxy reaches from the LAN."""
        return f"198.19.{self.number}.0/24"

    @property
    def operator(self) -> str:
        """This machine on the LAN."""
        return f"198.18.{self.number}.1"

    @property
    def nas(self) -> str:
        """The NAS."""
        return f"198.18.{self.number}.88"

    @property
    def proxy(self) -> str:
        """The proxy on the LAN; also the NAS's default gateway, which forwards nothing."""
        return f"198.18.{self.number}.198"

    @property
    def proxy_outside(self) -> str:
        """The proxy on the "internet"."""
        return f"198.19.{self.number}.198"

    @property
    def internet_gateway(self) -> str:
        """This machine on the "internet"."""
        return f"198.19.{self.number}.1"

    @property
    def registry(self) -> str:
        """The registry."""
        return f"198.19.{self.number}.10"


@dataclass(frozen=True)
class State:
    """One instance: its settings, its number and the random id that proves who owns its boxes."""

    instance: str
    id: str
    number: int
    settings: Settings

    @property
    def addresses(self) -> Addresses:
        return Addresses(self.number)

    @property
    def folder(self) -> Path:
        return paths.instance_dir(self.instance)

    def save(self) -> None:
        """Write state.json whole."""
        path = state_file(self.instance)
        paths.instance_dir(self.instance)
        scratch = path.with_name(".state.json.new")
        scratch.write_text(json.dumps(asdict(self), indent=2) + "\n")
        scratch.rename(path)


def state_file(instance: str, checkout: Path | None = None) -> Path:
    """Where the state of `instance` of `checkout` (this one) is, without making directories."""
    return (checkout or paths.REPO) / ".lab" / instance / "state.json"


def lock_file(instance: str, checkout: Path | None = None) -> Path:
    """What a run of tests holds as long as it uses `instance` of `checkout` (this one)."""
    return state_file(instance, checkout).parent.with_suffix(".lock")


def check_name(instance: str) -> None:
    """Raises LabError unless `instance` can be part of container and bridge names."""
    if not re.fullmatch(r"[a-z][a-z0-9]{0,19}", instance):
        raise LabError(f"instance name {instance!r}: use up to 20 lower-case letters and digits")


def load(instance: str) -> State | None:
    """The saved state; None when the instance was never made here or its file is damaged."""
    try:
        raw = json.loads(state_file(instance).read_text())
        return State(raw["instance"], raw["id"], raw["number"], Settings(**raw["settings"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def new(instance: str, taken: Mapping[int, str]) -> State:
    """A state for a new instance whose number is not among the `taken` ones.

    `taken` says for each number what uses its networks. The default instance always has number 88.
    Raises LabError when that one is taken or none is left.
    """
    if instance == DEFAULT_INSTANCE:
        candidates = [_DEFAULT_NUMBER]
    else:
        start = zlib.crc32(f"{paths.REPO} {instance}".encode()) % len(_NUMBERS)
        candidates = [*_NUMBERS[start:], *_NUMBERS[:start]]
    for number in candidates:
        if number not in taken:
            return State(instance, secrets.token_hex(8), number, Settings())
    if instance == DEFAULT_INSTANCE:
        wanted = Addresses(_DEFAULT_NUMBER)
        raise LabError(
            f"the networks of instance {instance!r} ({wanted.lan}, {wanted.internet}) are in use "
            f"on this machine: remove {taken[_DEFAULT_NUMBER]} first"
        )
    raise LabError(
        f"instance {instance!r} gets no network: all from {Addresses(_NUMBERS[0]).lan} to "
        f"{Addresses(_NUMBERS[-1]).lan} are in use on this machine; `python -m tests.lab down "
        "--instance NAME` frees those of an instance"
    )
