"""Settings: the stack's config, read and checked before anything runs.

`load_settings` takes the raw config of one stack (strings, as Pulumi hands them to a program) and
returns a `Settings` or raises `RefusedError` with every problem at once.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import ErrorDetails

from nas import limits, platforms, server_args, values
from nas.errors import NAMESPACE, NOT_SHOWN, Problem, RefusedError, set_command
from nas.key_files import check_certificates, check_private_key
from nas.kubelet_args import check as check_kubelet_args
from nas.kubelet_args import kubelet_arg
from nas.networks import check_networks
from nas.proxy import (
    BadValueError,
    ProxyUrl,
    is_ip,
    mask_credentials,
    may_hold_credentials,
    parse_proxy,
)
from nas.published_ports import PublishedPort, doubles, publish_port, published
from nas.registries import Registries
from nas.registry_checks import check_registries
from nas.versions import image_version

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
    proxy: str | None = None
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
    cluster_domain: Annotated[str, AfterValidator(values.name)] = "cluster.local"
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


def _describe(value: object, key: str) -> str:
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


def _is_text(annotation: object) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_text(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_text(member) for member in get_args(annotation))
    return annotation is str or get_origin(annotation) is Literal


def kind_of(key: str) -> Literal["text", "number", "true or false", "list", "object"]:
    """How a setting is written."""
    annotation = _FIELDS[key].annotation
    if _is_text(annotation):
        return "text"
    if get_origin(annotation) is list:
        return "list"
    return "true or false" if annotation is bool else "number" if annotation is int else "object"


def _parse(key: str, text: str) -> object:
    """A config value as its field expects it.

    Pulumi hands lists and objects of the stack's file over as JSON, and numbers and booleans as
    their text. What `pulumi config set` wrote is a text: JSON, YAML or, for lists, `a,b`.
    """
    kind = kind_of(key)
    if kind == "text":
        return text
    try:
        value: object = json.loads(text)
    except ValueError:
        value = text
    if kind == "list" and not isinstance(value, (list, dict)):
        return _list(key, text)
    return _yaml(text) if kind == "object" and isinstance(value, str) else value


def _list(key: str, text: str) -> object:
    if text.lstrip().startswith(("[", "{")) and not re.match(r"\s*\[[0-9A-Fa-f.]*:", text):
        return _yaml(text)
    if may_hold_credentials(text) and key != "serverArgs":
        return [text]  # is refused, and no piece of a password may become an item of its own
    if key == "kubeletArgs":
        return [text]  # a comma may be a part of it, as in system-reserved=cpu=1,memory=1Gi
    # A comma may be a part of an argument, as in --kube-proxy-arg=a=b,c=d.
    comma = r",\s*(?=-)" if key == "serverArgs" else ","
    return [item for item in map(str.strip, re.split(comma, text)) if item]


def _yaml(text: str) -> object:
    try:
        return yaml.load(text, yaml.BaseLoader)  # makes texts, lists, maps only
    except yaml.YAMLError:
        return text


_FIELDS = {
    field.alias or name: field for name, field in Settings.model_fields.items() if name != "stack"
}
KEYS = tuple(_FIELDS)
"""Every config key, in the order of the documentation."""


def _unknown(key: str) -> Problem:
    known = [name for name in KEYS if name not in REFUSED_KEYS]
    near = get_close_matches(key, known, n=1)
    fix = f"write {NAMESPACE}:{near[0]}" if near else f"known keys: {', '.join(known)}"
    return Problem(key, "(given)", "is no setting of this program", fix)


def _advice(error: ErrorDetails, key: str) -> tuple[str, str]:
    context = error.get("ctx", {})
    match error["type"]:
        case "less_than_equal":
            return "is too large", f"write at most {context['le']}"
        case "greater_than_equal":
            return "is too small", f"write at least {context['ge']}"
        case "literal_error":
            return "is not one of the choices", f"write {context['expected']}"
        case "extra_forbidden":
            return "is not known here", "remove it"
        case "int_type" | "int_parsing" | "int_from_float":
            default = _FIELDS[key].get_default(call_default_factory=True, validated_data={})
            return "is no whole number", f"write e.g. {default}"
        case "bool_type" | "bool_parsing":
            return "is neither true nor false", "write true or false"
        case "list_type" if len(error["loc"]) == 1:
            return "is no list", f"{set_command(key, 'A,B')}, or a YAML list in the stack's file"
        case "string_type":
            return "is no text", "write it in quotes"
        case "model_type" | "dict_type" | "list_type":
            return "does not fit here", f"write what {EXAMPLES} shows"
        case _:
            return f"does not fit ({error['msg']})", f"write what {EXAMPLES} shows"


def _problem(error: ErrorDetails, raw: Mapping[str, object], config: Mapping[str, str]) -> Problem:
    path = [str(part) for part in error["loc"]]
    key = path[0] if path else "stack"
    value: object = raw.get(key)
    for part in path[1:]:
        if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, dict):
            value = value.get(part)
    shown = None if value in (None, "") else _describe(value, key)
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, BadValueError):
        why, fix = cause.why, cause.fix
        shown = NOT_SHOWN if cause.hide and key not in SECRET_KEYS else shown
    else:
        why, fix = _advice(error, key)
    spelt = _spelt(error["loc"]) or key
    if key in config and not _is_json(config[key]):
        spelt = key if kind_of(key) == "list" else spelt
    return Problem(spelt, shown, why, fix, is_setting=key != "stack")


def _is_json(text: str) -> bool:
    return text.lstrip().startswith(("[", "{"))


def _holds_nul(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(key) or _holds_nul(item) for key, item in value.items())
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value


def _spelt(path: tuple[int | str, ...]) -> str:
    """A path as `pulumi config set --path` takes it, e.g. `noProxy[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]


def load_settings(stack: str, config: Mapping[str, str]) -> Settings:
    """Reads the config of one stack.

    Args:
        stack: name of the Pulumi stack; the default of node and cluster names.
        config: key without namespace -> text, as Pulumi hands it to a program: plain strings, and
            JSON for what is a list or an object in the stack's file.

    Raises:
        RefusedError: with all problems found.
    """
    problems = [_unknown(key) for key in config if key not in _FIELDS]
    raw: dict[str, object] = {
        key: _parse(key, text) for key, text in config.items() if key in _FIELDS and text != ""
    }
    nul = [key for key, value in raw.items() if _holds_nul(value)]
    if nul:
        # No path, no argument and no variable of the environment can hold one.
        why, fix = "holds a NUL character", "write it without"
        raise RefusedError([*problems, *(Problem(key, NOT_SHOWN, why, fix) for key in nul)])
    try:
        settings = Settings.model_validate({**raw, "stack": stack})
    except ValidationError as error:
        given = {**raw, "stack": stack}
        problems += [_problem(item, given, config) for item in error.errors(include_url=False)]
        raise RefusedError(problems) from None
    problems += _cross_checks(settings)
    if problems:
        raise RefusedError(problems)
    return settings


def _cross_checks(settings: Settings) -> list[Problem]:
    return [
        *_check_ssh(settings),
        *_check_platform(settings),
        *_check_proxy(settings),
        *_check_networks(settings),
        *_check_network_mode(settings),
        *_check_server_args(settings),
        *_check_kubelet_args(settings),
        *_check_ca(settings),
        *_check_kubeconfig(settings),
        *check_registries(settings.registries),
    ]


def _check_platform(settings: Settings) -> list[Problem]:
    if settings.platform != "custom" or settings.proxy is None:
        return []
    if settings.daemon_restart_command is not None:
        return []
    return [
        Problem(
            "daemonRestartCommand",
            None,
            "is needed with platform custom: nothing else says how Docker restarts there",
            set_command("daemonRestartCommand", "'/etc/init.d/docker restart'"),
        )
    ]


def _check_ssh(settings: Settings) -> list[Problem]:
    if settings.ssh_password is not None:
        return [
            Problem(
                "sshPassword",
                "[secret]",
                "cannot be used: Docker over SSH runs the ssh program without a terminal and "
                "takes keys only",
                f"pulumi config rm {NAMESPACE}:sshPassword; copy a key to the NAS with "
                f"`ssh-copy-id -p {settings.ssh_port} {settings.ssh_user}@{settings.host}` and "
                + set_command("sshPrivateKeyFile", "~/.ssh/id_ed25519"),
            )
        ]
    if settings.ssh_private_key_password is not None:
        return [
            Problem(
                "sshPrivateKeyPassword",
                "[secret]",
                "cannot be used: Docker over SSH runs the ssh program, which could only ask for it",
                f"pulumi config rm {NAMESPACE}:sshPrivateKeyPassword and "
                f"{NAMESPACE}:sshPrivateKeyFile, and load the key into an agent with ssh-add: "
                "its keys are then used",
            )
        ]
    if settings.ssh_private_key_file is None:
        return []
    return check_private_key(settings.ssh_private_key_file)


def _check_proxy(settings: Settings) -> list[Problem]:
    if settings.proxy is None:
        given = {"proxyUser": settings.proxy_user, "proxyPassword": settings.proxy_password}
        return [
            Problem(
                key,
                "[secret]" if key in SECRET_KEYS else json.dumps(value),
                "has no proxy to go with",
                set_command("proxy", "http://192.168.31.198:7222"),
            )
            for key, value in given.items()
            if value is not None
        ]
    if settings.proxy_password is not None and settings.proxy_user is None:
        return [
            Problem(
                "proxyPassword",
                "[secret]",
                "has no user to go with",
                set_command("proxyUser", "NAME"),
            )
        ]
    try:
        _check_proxy_url(parse_proxy(settings.proxy, settings.proxy_user, settings.proxy_password))
    except BadValueError as error:
        return [Problem("proxy", _describe(settings.proxy, "proxy"), error.why, error.fix)]
    return []


def _check_proxy_url(proxy: ProxyUrl) -> None:
    host = proxy.host.lower()
    address = ipaddress.ip_address(host) if is_ip(host) else None
    if host == "localhost" or host.endswith(".localhost") or (address and address.is_loopback):
        raise BadValueError(
            "is the NAS itself there: the NAS is what asks the proxy, not this machine",
            f"write the proxy's address in the LAN, e.g. {proxy.scheme}://192.168.31.198:"
            f"{proxy.port}, also when it runs on the NAS",
        )
    if address and (address.is_unspecified or address.is_multicast):
        raise BadValueError(
            "is no address that anything can be reached at", "write the proxy's address in the LAN"
        )
    if ":" in (proxy.user or ""):
        raise BadValueError(
            "has a ':' in its user, which the proxy would take for the user's end",
            "write a user without ':'",
        )
    if re.search(r"[\0\r\n]", f"{proxy.user or ''}{proxy.password or ''}"):
        raise BadValueError(
            "has a line end or NUL character in its credentials",
            "set proxyUser and proxyPassword in plain text instead, one line each",
        )


def _check_networks(settings: Settings) -> list[Problem]:
    proxy = settings.proxy
    url = None
    if proxy is not None:
        try:
            url = parse_proxy(proxy)
        except BadValueError:
            url = None  # is told by _check_proxy
    return check_networks(
        pods=settings.cluster_cidr,
        services=settings.service_cidr,
        lan=settings.lan_cidr,
        addresses={
            "host": settings.host,
            "nodeIp": settings.node_ip,
            "proxy": None if url is None else url.host,
        },
    )


def _check_network_mode(settings: Settings) -> list[Problem]:
    if settings.network_mode == "bridge":
        return [*_check_bridge(settings), *_check_published(settings)]
    if not settings.publish_ports:
        return []
    return [
        Problem(
            "publishPorts",
            json.dumps(settings.publish_ports),
            "has nothing to do with networkMode host: every port of k3s is one of the NAS",
            f"remove it, or {set_command('networkMode', 'bridge')}",
        )
    ]


def _check_bridge(settings: Settings) -> list[Problem]:
    problems = []
    if settings.node_ip is not None:
        problems.append(
            Problem(
                "nodeIp",
                json.dumps(settings.node_ip),
                "cannot be chosen with networkMode bridge: the node has its container's address",
                f"pulumi config rm {NAMESPACE}:nodeIp; names and addresses that you use for the "
                "API belong to tlsSans",
            )
        )
    if ":" in settings.cluster_cidr:
        problems.append(
            Problem(
                "clusterCidr",
                json.dumps(settings.cluster_cidr),
                "is IPv6, and Docker's bridge gives the node an address of IPv4",
                f"write blocks of IPv4, or {set_command('networkMode', 'host')}",
            )
        )
    return problems


def _check_published(settings: Settings) -> list[Problem]:
    api = f"{settings.api_port}:{settings.api_port}"
    return [
        Problem(
            f"publishPorts[{index - 1}]",
            json.dumps(settings.publish_ports[index - 1]),
            f"publishes port {port.outside} a second time (apiPort is there already)",
            "remove it, or write another port of the NAS",
        )
        for index, port in doubles([api, *settings.publish_ports])
    ]


def _check_server_args(settings: Settings) -> list[Problem]:
    arguments = settings.server_args
    return [
        Problem(f"serverArgs[{index}]", server_args.shown(arguments[index]), fault.why, fault.fix)
        for index, fault in server_args.check(arguments)
    ]


def _check_kubelet_args(settings: Settings) -> list[Problem]:
    arguments = settings.kubelet_args
    return [
        Problem(f"kubeletArgs[{index}]", json.dumps(arguments[index]), fault.why, fault.fix)
        for index, fault in check_kubelet_args(arguments, image_version(settings.image))
    ]


def _check_ca(settings: Settings) -> list[Problem]:
    path = settings.ca_certificates_file
    return [] if path is None else check_certificates(path)


def _check_kubeconfig(settings: Settings) -> list[Problem]:
    if not settings.kubeconfig_current or settings.kubeconfig_file is not None:
        return []
    return [
        Problem(
            "kubeconfigCurrent",
            "true",
            "has no file to go with",
            set_command("kubeconfigFile", "'~/.kube/config'"),
        )
    ]


def platform_variables(settings: Settings) -> dict[str, str]:
    """Shell variables by which every script finds platform and Docker."""
    return {
        "PLATFORM": settings.platform,
        "DOCKER_PATH": settings.docker_path or "",
        "DAEMON_CONFIG_FILE": settings.daemon_config_file or "",
        "DAEMON_RESTART_COMMAND": settings.daemon_restart_command or "",
    }
