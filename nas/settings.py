"""Settings: the stack's config as a model; nas/settings_reader.py reads it."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from nas import limits, platforms, server_args, values
from nas.errors import NOT_SHOWN
from nas.kubelet_args import kubelet_arg
from nas.proxy import ProxyUrl, mask_credentials, may_hold_credentials, parse_proxy
from nas.published_ports import PublishedPort, publish_port, published
from nas.registries import Registries

EXAMPLES = "stacks/Pulumi.example.yaml"

SECRET_KEYS = frozenset(
    {
        "proxyPassword",
        "registries",
        "sshPassword",
        "sshPrivateKeyPassword",
        "sudoPassword",
        "token",
    }
)
"""Keys whose values are never shown. `proxy` may hold a password too: it is masked."""

REFUSED_KEYS = frozenset({"sshPassword", "sshPrivateKeyPassword"})
"""Keys that are known only so that their refusal can say what to do instead."""


def _camel_case(name: str) -> str:
    # Pydantic's own makes k3SVersion of k3s_version.
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


_own_key = values.own_path("~/.ssh/id_ed25519")
_own_ca = values.own_path("~/proxy-ca.pem")

# Strict, else `true` would be port 1.
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Seconds = Annotated[int, Field(ge=10, le=7200, strict=True)]
Grace = Annotated[int, Field(ge=10, le=600, strict=True)]


class Settings(BaseModel):
    """The stack's config. Keys are camelCase in `Pulumi.<stack>.yaml`, namespace `nas-k3s`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=_camel_case, hide_input_in_errors=True
    )

    stack: Annotated[str, AfterValidator(values.stack)]
    """Name of the Pulumi stack; not a config key."""

    # The NAS, reached over SSH
    host: Annotated[str, AfterValidator(values.host)] = Field(default="", validate_default=True)
    ssh_port: Port = 22
    ssh_user: Annotated[str, AfterValidator(values.user)] = "admin"
    ssh_private_key_file: Annotated[str, AfterValidator(_own_key)] | None = None
    ssh_private_key_password: str | None = None
    ssh_password: str | None = None
    ssh_host_key: Annotated[str, AfterValidator(values.host_key)] | None = None
    sudo_password: Annotated[str, AfterValidator(values.secret_line)] | None = None
    platform: platforms.Choice = "auto"
    docker_path: Annotated[str, AfterValidator(values.nas_path("/usr/bin/docker"))] | None = None
    daemon_config_file: (
        Annotated[str, AfterValidator(values.nas_path("/etc/docker/daemon.json"))] | None
    ) = None
    daemon_restart_command: Annotated[str, AfterValidator(values.line)] | None = None
    restart_daemon: Literal["always", "when-safe", "never"] = "always"

    # The proxy
    proxy: Annotated[str, AfterValidator(values.proxy)] | None = None
    proxy_user: Annotated[str, AfterValidator(values.proxy_user)] | None = None
    proxy_password: Annotated[str, AfterValidator(values.secret_line)] | None = None
    proxy_scope: Literal["all", "images", "none"] = "all"
    no_proxy: list[Annotated[str, AfterValidator(values.no_proxy)]] = Field(default_factory=list)
    lan_cidr: Annotated[str, AfterValidator(values.lan)] | None = None
    keep_daemon_proxy: bool = False
    ca_certificates_file: Annotated[str, AfterValidator(_own_ca)] | None = None

    # The cluster
    k3s_version: Annotated[str, AfterValidator(values.version)] = "v1.34.4-k3s1"
    k3s_image: Annotated[str, AfterValidator(values.image)] | None = None
    restore_snapshot: Annotated[str, AfterValidator(values.snapshot)] | None = None
    container_name: Annotated[str, AfterValidator(values.container_name)] = "k3s"
    node_name: Annotated[str, AfterValidator(values.name)] | None = None
    node_ip: Annotated[str, AfterValidator(values.address)] | None = None
    network_mode: Literal["host", "bridge"] = "host"
    api_port: Port = 6443
    publish_ports: list[Annotated[str, AfterValidator(publish_port)]] = Field(default_factory=list)
    tls_sans: list[Annotated[str, AfterValidator(values.san)]] = Field(default_factory=list)
    cluster_cidr: Annotated[str, AfterValidator(values.cluster_block)] = "10.42.0.0/16"
    service_cidr: Annotated[str, AfterValidator(values.service_block)] = "10.43.0.0/16"
    cluster_domain: Annotated[str, AfterValidator(values.cluster_domain)] = "cluster.local"
    disable: list[Annotated[str, AfterValidator(values.component)]] = Field(
        default_factory=lambda: ["servicelb", "traefik"]
    )
    server_args: list[str] = Field(default_factory=list)
    kubelet_args: list[Annotated[str, AfterValidator(kubelet_arg)]] = Field(default_factory=list)
    token: Annotated[str, AfterValidator(values.secret_line)] | None = None
    registries: Registries = Field(default_factory=Registries)
    smoke_image: Annotated[str, AfterValidator(values.image)] = (
        "docker.io/rancher/mirrored-library-busybox:1.37.0"
    )
    data_directory: Annotated[str, AfterValidator(values.nas_directory)] | None = None
    snapshotter: Literal["auto", "overlayfs", "native", "fuse-overlayfs"] = "auto"
    memory_limit: Annotated[str, AfterValidator(limits.memory_limit)] | None = None
    cpu_limit: Annotated[str, AfterValidator(limits.cpu_limit)] | None = None
    stop_grace: Grace = 30
    kubeconfig_file: Annotated[str, AfterValidator(values.home_path("~/.kube/config"))] | None = (
        None
    )
    kubeconfig_current: bool = False
    keep_data: bool = True
    drift: Literal["on", "off"] = "on"

    # Deadlines, in seconds
    daemon_timeout: Seconds = 180
    pull_timeout: Seconds = 1200
    ready_timeout: Seconds = 600

    @property
    def proxy_url(self) -> ProxyUrl | None:
        """The proxy with its credentials, or None: the NAS needs none."""
        if self.proxy is None:
            return None
        return parse_proxy(self.proxy, self.proxy_user, self.proxy_password)

    @property
    def image(self) -> str:
        """The k3s image to run."""
        return self.k3s_image or f"docker.io/rancher/k3s:{self.k3s_version}"

    @property
    def image_setting(self) -> str:
        """The key that says which image that is."""
        return "k3sImage" if self.k3s_image else "k3sVersion"

    @property
    def node(self) -> str:
        """Name of the node."""
        return self.node_name or self.stack

    @property
    def data_volume(self) -> str:
        """Docker volume of /var/lib/rancher/k3s."""
        return f"{self.container_name}-data"

    @property
    def etc_volume(self) -> str:
        """Docker volume of /etc/rancher, which holds the node's password and the kubeconfig."""
        return f"{self.container_name}-etc"

    @property
    def places(self) -> tuple[str, str]:
        """Volumes, or directories instead, of /var/lib/rancher/k3s and /etc/rancher."""
        return self.places_in(self.data_directory)

    def places_in(self, directory: str | None) -> tuple[str, str]:
        """The same with `directory`, which is the setting as the NAS spells it."""
        if directory is None:
            return self.data_volume, self.etc_volume
        return f"{directory}/data", f"{directory}/etc"

    @property
    def published(self) -> tuple[PublishedPort, ...]:
        """Ports that Docker publishes; with host networking none has to be."""
        if self.network_mode == "host":
            return ()
        others = (port for text in self.publish_ports for port in published(text))
        return (PublishedPort(self.api_port, self.api_port), *others)


def describe(value: object, key: str) -> str:
    if key in SECRET_KEYS:
        return "[secret]"
    if key == "serverArgs":
        return server_args.shown(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    is_image = key in ("k3sImage", "smokeImage") and "://" not in text
    if key != "proxy" and (is_image or not may_hold_credentials(text)):
        return text
    if isinstance(value, str):
        return json.dumps(mask_credentials(value), ensure_ascii=False)
    return NOT_SHOWN


def platform_variables(settings: Settings) -> dict[str, str]:
    """Shell variables by which every script finds platform and Docker."""
    return {
        "PLATFORM": settings.platform,
        "DOCKER_PATH": settings.docker_path or "",
        "DAEMON_CONFIG_FILE": settings.daemon_config_file or "",
        "DAEMON_RESTART_COMMAND": settings.daemon_restart_command or "",
    }
