"""registries.yaml, the file from which k3s configures the registries of its containerd.

Format: https://docs.k3s.io/installation/private-registry. Its TLS files are named by their paths on
this machine; they are copied into the container, and k3s reads the copies.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from nas.proxy import BadValueError, is_hostname, is_ip

PATH = "/etc/rancher/k3s/registries.yaml"
FILES = "/etc/nas-k3s/registries"
"""Where the copies of TLS files are: in the container alone, so that none outlives its setting."""
FILE_MEMBERS = ("ca_file", "cert_file", "key_file")


def _endpoint(text: str) -> str:
    try:
        parts = urlsplit(text)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:  # brackets or a port that are none
        host = None
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not host:
        # A URL may hold a password: none of it is repeated.
        raise BadValueError(
            "is no endpoint, which is a URL with its scheme",
            "write e.g. https://registry.lan:5000 (http:// for a registry without TLS)",
        )
    return text


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Mirror(_Model):
    """Where images of one registry are looked for, in order; the registry itself comes last."""

    endpoint: list[Annotated[str, AfterValidator(_endpoint)]] = Field(default_factory=list)
    rewrite: dict[str, str] = Field(default_factory=dict)


class Auth(_Model):
    username: str | None = None
    password: str | None = None
    auth: str | None = None
    token: str | None = None


class Tls(_Model):
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    insecure_skip_verify: bool | None = None


class RegistryConfig(_Model):
    auth: Auth | None = None
    tls: Tls | None = None


def members(path: Sequence[int | str]) -> tuple[str, ...]:
    """What may stand at a place of the file, e.g. `("configs", "registry.lan", "tls")`."""
    model: type[_Model]
    match path:
        case ["mirrors", _]:
            model = Mirror
        case ["configs", _]:
            model = RegistryConfig
        case ["configs", _, "auth"]:
            model = Auth
        case ["configs", _, "tls"]:
            model = Tls
        case _:
            model = Registries
    return tuple(model.model_fields)


class Registries(_Model):
    """The whole file; `mirrors` keyed by registry name, `configs` by an endpoint's host[:port]."""

    mirrors: dict[str, Mirror] = Field(default_factory=dict)
    configs: dict[str, RegistryConfig] = Field(default_factory=dict)

    def to_yaml(self) -> str:
        """The text of registries.yaml; `{}` when nothing is set, which k3s takes as no file."""
        content: dict[str, Any] = self.model_dump(exclude_none=True, exclude_defaults=True)
        for name, config in content.get("configs", {}).items():
            tls = config.get("tls", {})
            tls.update({member: _copy(name, member) for member in FILE_MEMBERS if member in tls})
        return yaml.safe_dump(content, sort_keys=True, default_flow_style=False)

    def files(self) -> dict[str, str]:
        """Path in the container -> path on this machine, for each TLS file."""
        return {
            _copy(name, member): path
            for name, config in self.configs.items()
            for member in FILE_MEMBERS
            if config.tls is not None and (path := getattr(config.tls, member)) is not None
        }

    @staticmethod
    def endpoint_hosts(mirror: Mirror) -> list[str]:
        """`host[:port]` of a mirror's endpoints, as keys of `configs` are written."""
        return [urlsplit(endpoint).netloc.rpartition("@")[2] for endpoint in mirror.endpoint]

    def private_hosts(self) -> tuple[str, ...]:
        """Endpoint hosts inside the LAN, which must not be asked for through the proxy.

        Private are literal private addresses and names without a dot or under a private suffix.
        """
        hosts = [
            urlsplit(endpoint).hostname or ""
            for mirror in self.mirrors.values()
            for endpoint in mirror.endpoint
        ]
        return tuple(dict.fromkeys(host for host in hosts if _is_private(host)))


def _copy(name: str, member: str) -> str:
    # A host[:port] without its brackets and '*' is a name of a directory.
    safe = re.sub(r"[^A-Za-z0-9.-]", "_", name)
    return f"{FILES}/{safe}/{member.removesuffix('_file')}.pem"


_PRIVATE_SUFFIXES = (".lan", ".local", ".internal", ".home.arpa", ".home", ".localdomain")


def _is_private(host: str) -> bool:
    if is_ip(host):
        return ipaddress.ip_address(host).is_private
    return is_hostname(host) and ("." not in host or host.endswith(_PRIVATE_SUFFIXES))
