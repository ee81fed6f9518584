"""Settings: the stack's config, read and checked before anything runs.

`load_settings` takes the raw config of one stack (strings, as Pulumi hands them to a program) and
returns a `Settings` or raises `RefusedError` with every problem at once.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_core import ErrorDetails

from nas.errors import NAMESPACE, Problem, RefusedError, set_command
from nas.home import expand
from nas.proxy import (
    BadValueError,
    ProxyUrl,
    check_no_proxy_entry,
    is_hostname,
    is_ip,
    mask_credentials,
    parse_proxy,
)
from nas.registries import Registries

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

PACKAGED_COMPONENTS = ("coredns", "local-storage", "metrics-server", "servicelb", "traefik")
"""What k3s brings along and `disable` turns off."""


def _host(text: str) -> str:
    if not text:
        raise BadValueError("is missing", set_command("host", "192.168.31.88"))
    if "://" in text or "/" in text:
        raise BadValueError("is a URL or path", "write the NAS's name or address only")
    if "@" in text:
        raise BadValueError("holds a user", "write the user in sshUser")
    host = text.strip("[]")
    if not is_ip(host):
        if ":" in host:
            raise BadValueError("holds a port", "write the port in sshPort")
        if not is_hostname(host):
            raise BadValueError("is no name or address", "write e.g. nas.lan or 192.168.31.88")
    return host


def _user(text: str) -> str:
    # docker's ssh:// URL has no room for the backslash and '@' of domain users (pulumi-docker#635).
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", text):
        raise BadValueError(
            "holds characters that an ssh:// URL cannot carry",
            "use a local account of the NAS, e.g. admin",
        )
    return text


def _block(text: str) -> str:
    if "/" not in text:
        raise BadValueError("is no CIDR block: it has no '/'", "write e.g. 10.42.0.0/16")
    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise BadValueError(f"is not a CIDR block ({error})", "write e.g. 10.42.0.0/16") from error


def _address(text: str) -> str:
    if not is_ip(text):
        raise BadValueError("is not an IP address", "write e.g. 192.168.31.88")
    return text


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", text):
        raise BadValueError(
            "is no valid name in Kubernetes",
            "write lower-case letters, digits, '-' and '.', beginning and ending with one of "
            "the first two",
        )
    return text


def _path(text: str) -> str:
    if not re.fullmatch(r"/[^\s'\"$`\\*?\[\]]*[^\s'\"$`\\*?\[\]/]", text):
        raise BadValueError(
            "is no absolute path of a file on the NAS (without spaces and quotes)",
            "write e.g. /etc/docker/daemon.json",
        )
    return text


def _line(text: str) -> str:
    if "\n" in text or "\r" in text:
        raise BadValueError("holds more than one line", "write one line")
    return text


def _san(text: str) -> str:
    if not (is_ip(text) or is_hostname(text)):
        raise BadValueError("is no name or address", "write e.g. nas.example.lan or 100.64.0.5")
    return text


def _version(text: str) -> str:
    match = re.fullmatch(r"(v\d+\.\d+\.\d+)[-+](k3s\d+)", text, re.ASCII)
    if not match:
        raise BadValueError(
            "is no k3s release (there is no `latest` tag)", "write e.g. v1.34.4-k3s1"
        )
    # Releases are spelt with '+', image tags cannot hold one.
    return f"{match[1]}-{match[2]}"


def _host_key(text: str) -> str:
    fields = text.split()
    if len(fields) > 2 and not fields[0].startswith(("ssh-", "ecdsa-", "sk-")):
        fields = fields[1:]  # a known_hosts or ssh-keyscan line: the host comes first
    if len(fields) < 2 or not fields[0].startswith(("ssh-", "ecdsa-", "sk-")):
        raise BadValueError(
            "is no SSH host key",
            "write what `ssh-keyscan -t ed25519 HOST` prints, e.g. 'ssh-ed25519 AAAA...'",
        )
    if not _is_whole_key(fields[0], fields[1]):
        raise BadValueError("is cut off or damaged", "copy the whole line of ssh-keyscan again")
    if fields[0] == "ssh-rsa":
        # The Command provider then asks for SHA-1 signatures, which no current sshd gives.
        raise BadValueError(
            "is an RSA key, which remote commands cannot use",
            "write another key of the NAS: `ssh-keyscan -t ed25519 HOST`, or -t ecdsa",
        )
    return f"{fields[0]} {fields[1]}"


def _is_whole_key(kind: str, text: str) -> bool:
    """Whether the blob is a row of length-prefixed fields (RFC 4253), the first its type."""
    try:
        blob = base64.b64decode(text, validate=True)
    except ValueError:
        return False
    fields = []
    while len(blob) >= 4:
        end = 4 + int.from_bytes(blob[:4], "big")
        fields.append(blob[4:end])
        if len(blob) < end:
            return False
        blob = blob[end:]
    return not blob and len(fields) >= 2 and fields[0] == kind.encode()


def _no_proxy(text: str) -> str:
    return check_no_proxy_entry(text)


def _image(text: str) -> str:
    name = text.rpartition("/")[2]
    if "@sha256:" not in text and (":" not in name or name.endswith(":latest")):
        raise BadValueError(
            "pins no version", "write a tag or digest, e.g. docker.io/rancher/k3s:v1.34.4-k3s1"
        )
    return text


def _component(text: str) -> str:
    if text not in PACKAGED_COMPONENTS:
        raise BadValueError(
            "is no component that k3s brings along",
            f"write one of {', '.join(PACKAGED_COMPONENTS)}",
        )
    return text


def _camel_case(name: str) -> str:
    # Pydantic's own makes k3SVersion of k3s_version.
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)


# Strict, else `true` would be port 1.
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Seconds = Annotated[int, Field(ge=10, le=7200, strict=True)]


class Settings(BaseModel):
    """The stack's config. Keys are camelCase in `Pulumi.<stack>.yaml`, namespace `nas-k3s`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=_camel_case, hide_input_in_errors=True
    )

    stack: Annotated[str, AfterValidator(_name)]
    """Name of the Pulumi stack; not a config key."""

    # The NAS, reached over SSH
    host: Annotated[str, AfterValidator(_host)] = Field(default="", validate_default=True)
    ssh_port: Port = 22
    ssh_user: Annotated[str, AfterValidator(_user)] = "admin"
    ssh_private_key_file: str | None = None
    ssh_private_key_password: str | None = None
    ssh_password: str | None = None
    ssh_host_key: Annotated[str, AfterValidator(_host_key)] | None = None
    sudo_password: Annotated[str, AfterValidator(_line)] | None = None
    platform: Literal["auto", "truenas", "unraid", "synology", "qnap", "systemd", "custom"] = "auto"
    docker_path: Annotated[str, AfterValidator(_path)] | None = None
    daemon_config_file: Annotated[str, AfterValidator(_path)] | None = None
    daemon_restart_command: Annotated[str, AfterValidator(_line)] | None = None
    restart_daemon: Literal["always", "when-safe", "never"] = "always"

    # The proxy
    proxy: str | None = None
    proxy_user: str | None = None
    proxy_password: str | None = None
    proxy_scope: Literal["all", "images", "none"] = "all"
    no_proxy: list[Annotated[str, AfterValidator(_no_proxy)]] = Field(default_factory=list)
    lan_cidr: Annotated[str, AfterValidator(_block)] | None = None
    keep_daemon_proxy: bool = False
    ca_certificates_file: str | None = None

    # The cluster
    k3s_version: Annotated[str, AfterValidator(_version)] = "v1.34.4-k3s1"
    k3s_image: Annotated[str, AfterValidator(_image)] | None = None
    container_name: Annotated[str, AfterValidator(_name)] = "k3s"
    node_name: Annotated[str, AfterValidator(_name)] | None = None
    node_ip: Annotated[str, AfterValidator(_address)] | None = None
    api_port: Port = 6443
    tls_sans: list[Annotated[str, AfterValidator(_san)]] = Field(default_factory=list)
    cluster_cidr: Annotated[str, AfterValidator(_block)] = "10.42.0.0/16"
    service_cidr: Annotated[str, AfterValidator(_block)] = "10.43.0.0/16"
    cluster_domain: Annotated[str, AfterValidator(_name)] = "cluster.local"
    disable: list[Annotated[str, AfterValidator(_component)]] = Field(
        default_factory=lambda: ["servicelb", "traefik"]
    )
    server_args: list[str] = Field(default_factory=list)
    token: str | None = None
    registries: Registries = Field(default_factory=Registries)
    smoke_image: Annotated[str, AfterValidator(_image)] = (
        "docker.io/rancher/mirrored-library-busybox:1.37.0"
    )
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


def _describe(value: object, key: str) -> str:
    if key in SECRET_KEYS:
        return "[secret]"
    text = json.dumps(value, ensure_ascii=False, default=str)
    if key != "proxy" and "://" not in text:
        return text
    if isinstance(value, str):
        return json.dumps(mask_credentials(value), ensure_ascii=False)
    return mask_credentials(text)


def _is_text(annotation: object) -> bool:
    if get_origin(annotation) is Annotated:
        return _is_text(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_text(member) for member in get_args(annotation))
    return annotation is str or get_origin(annotation) is Literal


def _parse(key: str, text: str) -> object:
    """A config value as its field expects it: objects, lists, booleans and numbers are JSON."""
    if _is_text(_FIELDS[key].annotation):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
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


def _advice(error: ErrorDetails) -> tuple[str, str]:
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
        case _:
            return f"does not fit ({error['msg']})", "see the table of settings in README.md"


def _problem(error: ErrorDetails, raw: Mapping[str, object]) -> Problem:
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
    why, fix = (cause.why, cause.fix) if isinstance(cause, BadValueError) else _advice(error)
    return Problem(_spelt(error["loc"]) or key, shown, why, fix)


def _spelt(path: tuple[int | str, ...]) -> str:
    """A path as `pulumi config set --path` takes it, e.g. `noProxy[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]


def load_settings(stack: str, config: Mapping[str, str]) -> Settings:
    """Reads the config of one stack.

    Args:
        stack: name of the Pulumi stack; the default of node and cluster names.
        config: key without namespace -> text, as Pulumi hands it to a program: plain strings, and
            JSON for numbers, booleans, lists and objects.

    Raises:
        RefusedError: with all problems found.
    """
    problems = [_unknown(key) for key in config if key not in _FIELDS]
    raw: dict[str, object] = {
        key: _parse(key, text) for key, text in config.items() if key in _FIELDS and text != ""
    }
    try:
        settings = Settings.model_validate({**raw, "stack": stack})
    except ValidationError as error:
        given = {**raw, "stack": stack}
        problems += [_problem(item, given) for item in error.errors(include_url=False)]
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
        *_check_ca(settings),
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
    return _check_key_file(settings.ssh_private_key_file)


def _check_key_file(path: str) -> list[Problem]:
    file = expand(path)
    shown = json.dumps(path)
    key = "sshPrivateKeyFile"
    try:
        # Bytes, so that line ends stay as they are.
        text = file.read_bytes().decode(errors="replace")
    except OSError as error:
        reason = error.strerror or str(error)
        return [
            Problem(key, shown, f"cannot be read ({reason})", "write the path of a private key")
        ]
    if "PRIVATE KEY-----" not in text:
        public = text.startswith(("ssh-", "ecdsa-", "sk-"))
        what = "is the public key" if public else "is no private key"
        return [
            Problem(key, shown, what, f"write the private one, e.g. {path.removesuffix('.pub')}")
        ]
    if file.stat().st_mode & 0o077:
        return [
            Problem(key, shown, "can be read by others, so ssh ignores it", f"chmod 600 {path}")
        ]
    if _is_encrypted(text):
        return [
            Problem(
                key,
                shown,
                "has a passphrase, which Docker over SSH cannot ask for",
                f"load it into an agent (`ssh-add {path}`) and "
                f"`pulumi config rm {NAMESPACE}:{key}`: without it the agent's keys are used",
            )
        ]
    # Both make ssh say no more than "error in libcrypto".
    if "\r" in text:
        why, fix = "has Windows line ends, which ssh does not read", f"sed -i 's/\\r$//' {path}"
        return [Problem(key, shown, why, fix)]
    if not text.endswith("\n"):
        why, fix = "lacks the line end after its last line", f"echo >>{path}"
        return [Problem(key, shown, why, fix)]
    return []


def _is_encrypted(text: str) -> bool:
    if "ENCRYPTED" in text:
        return True
    # OpenSSH's own format names its cipher right behind the magic; `none` means no passphrase.
    body = "".join(line for line in text.splitlines() if not line.startswith("-----"))
    return "OPENSSH" in text and not body.startswith("b3BlbnNzaC1rZXktdjEAAAAABG5vbmU")


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
        parse_proxy(settings.proxy, settings.proxy_user, settings.proxy_password)
    except BadValueError as error:
        return [Problem("proxy", _describe(settings.proxy, "proxy"), error.why, error.fix)]
    return []


def _check_networks(settings: Settings) -> list[Problem]:
    blocks = {
        "clusterCidr": settings.cluster_cidr,
        "serviceCidr": settings.service_cidr,
        "lanCidr": settings.lan_cidr,
    }
    networks = {key: ipaddress.ip_network(text) for key, text in blocks.items() if text}
    problems = []
    names = list(networks)
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            if networks[one].overlaps(networks[other]):
                problems.append(
                    Problem(
                        one,
                        json.dumps(blocks[one]),
                        f"overlaps {NAMESPACE}:{other} = {blocks[other]}",
                        "write a block that nothing in your network uses, e.g. 10.52.0.0/16",
                    )
                )
    addresses = {"host": settings.host, "nodeIp": settings.node_ip}
    for key in ("clusterCidr", "serviceCidr"):
        for name, text in addresses.items():
            if text and is_ip(text) and ipaddress.ip_address(text) in networks[key]:
                problems.append(
                    Problem(
                        key,
                        json.dumps(blocks[key]),
                        f"holds the NAS itself ({name} = {text})",
                        "write a block that nothing in your network uses, e.g. 10.52.0.0/16",
                    )
                )
    return problems


def _check_ca(settings: Settings) -> list[Problem]:
    if settings.ca_certificates_file is None:
        return []
    path = settings.ca_certificates_file
    try:
        text = expand(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        why = f"cannot be read ({error.strerror or error})"
    else:
        if "-----BEGIN CERTIFICATE-----" in text:
            return []
        why = "holds no certificate in PEM form"
    return [
        Problem(
            "caCertificatesFile", json.dumps(path), why, "write the path of a file with PEM blocks"
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
