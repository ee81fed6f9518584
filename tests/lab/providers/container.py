"""`docker:index/container:Container`: what is sent to Docker and what is read back.

Follows the official provider: uploads are put before the start, a container that does not run is
read as `mustRun: false`, delete stops with `destroyGraceSeconds` (0 kills at once) and then removes
by force, with the anonymous volumes when `removeVolumes` says so.
"""

from __future__ import annotations

import base64
import io
import re
import tarfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import docker.errors

from . import image
from .docker_tables import CONTAINER, UPDATED_IN_PLACE
from .engine_api import DOCKER_ERRORS, Client, explain, label_map, post
from .plugin import PartialFailureError, PluginError, to_property
from .schema import State, changed

_MB = 1024 * 1024
_GO_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def create(client: Client, auth: image.Auth, wanted: State) -> tuple[str, State]:
    """Create, fill and start a container. Returns its ID and the state read back.

    What fails after Docker has made the container is a PartialFailureError.
    """
    try:
        image.find(client, wanted["image"], auth, platform="")
    except PluginError as error:
        raise PluginError(
            f"Unable to create container with image {wanted['image']}: {error}"
        ) from error
    _refuse_bad_uploads(wanted)
    try:
        made = client.create_container_from_config(
            _config(wanted), wanted["name"], platform=wanted.get("platform")
        )
    except DOCKER_ERRORS as error:
        raise PluginError(f"Unable to create container: {explain(error)}") from error
    container_id = str(made["Id"])
    planned = dict(wanted)
    try:
        _connect_networks(client, container_id, wanted)
        _upload(client, container_id, wanted)
        if wanted["start"]:
            _start(client, container_id)
            if wanted["wait"]:
                _wait_healthy(client, container_id, int(wanted["waitTimeout"]))
        if wanted["attach"]:
            planned |= _attach(client, container_id, wanted)
        state = read(client, auth, container_id, planned)
    except PluginError as error:
        outputs = {name: to_property(value) for name, value in planned.items()}
        raise PartialFailureError(str(error), container_id, outputs) from error
    if state is None:
        raise PluginError(f"container {container_id} is gone right after it was created")
    # The official provider keeps these as they were written until a refresh reads them.
    if "capabilities" in planned:
        state["capabilities"] = planned["capabilities"]
    return container_id, state


def read(client: Client, auth: image.Auth, container_id: str, state: State) -> State | None:
    """The state as Docker has it now; None when the container is gone."""
    try:
        known = {found["Id"] for found in client.containers(all=True)}
        if container_id not in known:
            return None
        found = client.inspect_container(container_id)
    except docker.errors.NotFound:
        return None
    except DOCKER_ERRORS as error:
        raise PluginError(
            f"error fetching container information from Docker: {explain(error)}"
        ) from error
    return _state(found, state)


def update(client: Client, auth: image.Auth, container_id: str, old: State, wanted: State) -> State:
    """Do the few things that Docker can do to a container, and take the rest as done."""
    if not old.get("mustRun") and wanted["mustRun"] and wanted["start"]:
        _start(client, container_id)
    if changed(CONTAINER, UPDATED_IN_PLACE, old, wanted):
        path = f"/containers/{container_id}/update"
        post(client, path, _limits(wanted), "Unable to update a container")
    return wanted


def delete(client: Client, auth: image.Auth, container_id: str, state: State) -> None:
    """Stop, then remove by force; a container that is gone already is fine."""
    if not state.get("attach"):
        grace = max(int(state.get("destroyGraceSeconds") or 0), 0)
        _unless(
            ("no such container",),
            f"Error stopping container {container_id}",
            lambda: client.stop(container_id, timeout=grace),
        )
    _unless(
        ("no such container", "is already in progress"),
        f"Error deleting container {container_id}",
        lambda: client.remove_container(
            container_id, v=bool(state.get("removeVolumes")), force=True
        ),
    )
    _unless(
        ("no such container", "is already in progress"),
        f"Error waiting for container removal '{container_id}'",
        lambda: client.wait(
            container_id, condition="removed" if state.get("rm") else "not-running"
        ),
    )


def _unless(fine: tuple[str, ...], what: str, action: Any) -> None:
    try:
        action()
    except DOCKER_ERRORS as error:
        text = explain(error)
        if not any(part in text.lower() for part in fine):
            raise PluginError(f"{what}: {text}") from error


def _start(client: Client, container_id: str) -> None:
    try:
        client.start(container_id)
    except DOCKER_ERRORS as error:
        raise PluginError(f"Unable to start container: {explain(error)}") from error


def _wait_healthy(client: Client, container_id: str, timeout: int) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        try:
            health = client.inspect_container(container_id)["State"].get("Health")
        except DOCKER_ERRORS as error:
            raise PluginError(f"error inspecting container state: {explain(error)}") from error
        if not health or health.get("Status") in ("", "none"):
            raise PluginError(
                "you have supplied a 'wait' argument, but the container does not have a "
                "healthcheck defined. Please remove the 'wait' argument or add a 'healthcheck' "
                "attribute"
            )
        if health["Status"] == "healthy":
            return
        time.sleep(min(1.0, max(deadline - time.monotonic(), 0.0)))
    raise PluginError("container failed to be in healthy state")


def _attach(client: Client, container_id: str, wanted: State) -> State:
    try:
        client.wait(container_id)
        if not wanted["logs"]:
            return {}
        return {"containerLogs": client.logs(container_id).decode(errors="replace")}
    except DOCKER_ERRORS as error:
        raise PluginError(f"Unable to wait container end of execution: {explain(error)}") from error


def _connect_networks(client: Client, container_id: str, wanted: State) -> None:
    networks = wanted.get("networksAdvanced")
    if not networks:
        return
    _unless(
        ("is not connected to the network bridge", "is not connected to network bridge"),
        "Unable to disconnect the default network",
        lambda: client.disconnect_container_from_network(container_id, "bridge"),
    )
    for network in networks:
        endpoint: dict[str, Any] = {
            "Aliases": network.get("aliases") or None,
            "MacAddress": network.get("macAddress", ""),
            "DriverOpts": dict(
                option.split("=", 1) for option in network.get("driverOpts") or [] if "=" in option
            ),
            "IPAMConfig": {
                "IPv4Address": network.get("ipv4Address", ""),
                "IPv6Address": network.get("ipv6Address", ""),
                "LinkLocalIPs": network.get("linkLocalIps") or [],
            },
        }
        if network.get("gwPriority"):
            endpoint["GwPriority"] = network["gwPriority"]
        body = {"Container": container_id, "EndpointConfig": endpoint}
        try:
            client._raise_for_status(
                client._post_json(client._url("/networks/{0}/connect", network["name"]), data=body)
            )
        except DOCKER_ERRORS as error:
            raise PluginError(
                f"Unable to connect to network '{network['name']}': {explain(error)}"
            ) from error


_CONTENTS = ("content", "contentBase64", "source")


def _refuse_bad_uploads(wanted: State) -> None:
    for upload in wanted.get("uploads") or []:
        given = sum(1 for name in _CONTENTS if upload.get(name))
        if given != 1:
            which = "one of" if given == 0 else "only one of"
            must = "must be set" if given == 0 else "can be set"
            raise PluginError(
                f"error with upload content: {which} 'content', 'content_base64', or 'source' "
                f"{must}"
            )


def _upload(client: Client, container_id: str, wanted: State) -> None:
    for upload in wanted.get("uploads") or []:
        try:
            done = client.put_archive(container_id, "/", _archive(upload))
        except (OSError, *DOCKER_ERRORS) as error:
            raise PluginError(f"Unable to upload volume content: {explain(error)}") from error
        if not done:
            raise PluginError(f"Unable to upload volume content: {upload['file']} was not taken")


def _archive(upload: State) -> bytes:
    if upload.get("contentBase64"):
        content = base64.b64decode(upload["contentBase64"])
    elif upload.get("source"):
        content = Path(upload["source"]).read_bytes()
    else:
        content = upload["content"].encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        entry = tarfile.TarInfo(upload["file"])
        entry.size = len(content)
        entry.mtime = int(time.time())
        entry.mode = 0o744 if upload.get("executable") else 0o644
        if upload.get("permissions"):
            entry.mode = int(upload["permissions"], 8)
        archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def _config(wanted: State) -> dict[str, Any]:
    """The body of Docker's container creation."""
    given = wanted.get
    exposed, bindings = _ports(given("ports") or [])
    paths, binds, sources = _volumes(given("volumes") or [])
    return {
        "Image": given("image"),
        "Hostname": given("hostname") or "",
        "Domainname": given("domainname") or "",
        "User": given("user") or "",
        "Tty": given("tty"),
        "OpenStdin": given("stdinOpen"),
        "Env": given("envs"),
        "Cmd": given("command") or None,
        "Entrypoint": given("entrypoints") or None,
        "WorkingDir": given("workingDir") or "",
        "StopSignal": given("stopSignal") or "",
        "StopTimeout": given("stopTimeout") or None,
        "ExposedPorts": exposed or None,
        "Volumes": paths or None,
        "Labels": label_map(given("labels")),
        "Healthcheck": _healthcheck(given("healthcheck")),
        "HostConfig": {
            "Privileged": bool(given("privileged")),
            "PublishAllPorts": bool(given("publishAllPorts")),
            "Runtime": given("runtime") or "",
            "AutoRemove": given("rm"),
            "ReadonlyRootfs": given("readOnly"),
            "LogConfig": {
                "Type": given("logDriver") or "",
                "Config": given("logOpts") or {},
            },
            "Mounts": [_mount(mount) for mount in given("mounts") or []] or None,
            "Tmpfs": given("tmpfs") or None,
            "PortBindings": bindings or None,
            "Binds": binds or None,
            "VolumesFrom": sources or None,
            "ExtraHosts": [f"{entry['host']}:{entry['ip']}" for entry in given("hosts") or []],
            "Ulimits": [
                {"Name": limit["name"], "Soft": limit["soft"], "Hard": limit["hard"]}
                for limit in given("ulimits") or []
            ],
            "CapAdd": _capabilities((given("capabilities") or {}).get("adds")),
            "CapDrop": _capabilities((given("capabilities") or {}).get("drops")),
            "Devices": [
                {
                    "PathOnHost": device["hostPath"],
                    "PathInContainer": device.get("containerPath") or device["hostPath"],
                    "CgroupPermissions": device.get("permissions"),
                }
                for device in given("devices") or []
            ],
            "Dns": given("dns") or [],
            "DnsOptions": given("dnsOpts") or [],
            "DnsSearch": given("dnsSearches") or [],
            "GroupAdd": given("groupAdds") or None,
            "ShmSize": (given("shmSize") or 0) * _MB,
            "NanoCpus": int(Decimal(given("cpus") or 0) * 10**9),
            "CpuPeriod": 0 if given("cpus") else given("cpuPeriod") or 0,
            "CpuQuota": 0 if given("cpus") else given("cpuQuota") or 0,
            "NetworkMode": given("networkMode"),
            "UsernsMode": given("usernsMode") or "",
            "PidMode": given("pidMode") or "",
            "IpcMode": given("ipcMode") or "",
            "CgroupnsMode": given("cgroupnsMode") or "",
            "CgroupParent": given("cgroupParent") or "",
            "Sysctls": given("sysctls") or None,
            "StorageOpt": given("storageOpts") or None,
            "Init": bool(given("init")),
            **_security(given("securityOpts") or []),
            **_limits(wanted),
        },
        "NetworkingConfig": {},
    }


def _limits(wanted: State) -> dict[str, Any]:
    """What Docker can also change later; sizes go from megabytes to bytes."""
    swap = int(wanted.get("memorySwap") or 0)
    limits: dict[str, Any] = {
        "RestartPolicy": {
            "Name": wanted.get("restart") or "no",
            "MaximumRetryCount": wanted.get("maxRetryCount") or 0,
        },
        "CpuShares": wanted.get("cpuShares") or 0,
        "CpusetCpus": wanted.get("cpuSet") or "",
        "Memory": (wanted.get("memory") or 0) * _MB,
        "MemoryReservation": (wanted.get("memoryReservation") or 0) * _MB,
        "MemorySwap": swap * _MB if swap > 0 else swap,
    }
    for name, member in (
        ("deviceReadBps", "BlkioDeviceReadBps"),
        ("deviceReadIops", "BlkioDeviceReadIOps"),
        ("deviceWriteBps", "BlkioDeviceWriteBps"),
        ("deviceWriteIops", "BlkioDeviceWriteIOps"),
    ):
        if wanted.get(name):
            limits[member] = [{"Path": d["path"], "Rate": d["rate"]} for d in wanted[name]]
    return limits


def _capabilities(names: list[str] | None) -> list[str] | None:
    """Names as Docker's own client sends them: NET_ADMIN and net_admin are CAP_NET_ADMIN."""
    full = {name.strip().upper() for name in names or []}
    if "ALL" in full:
        return ["ALL"]
    return sorted(f"CAP_{name.removeprefix('CAP_')}" for name in full) or None


def _security(options: list[str]) -> dict[str, Any]:
    """`systempaths=unconfined` is resolved by the client, as `docker run` does."""
    security: dict[str, Any] = {
        "SecurityOpt": [option for option in options if option != "systempaths=unconfined"] or None
    }
    if "systempaths=unconfined" in options:
        security |= {"MaskedPaths": [], "ReadonlyPaths": []}
    return security


def _ports(ports: list[State]) -> tuple[dict[str, Any], dict[str, Any]]:
    exposed: dict[str, Any] = {}
    bindings: dict[str, Any] = {}
    for port in ports:
        key = f"{port['internal']}/{port['protocol']}"
        exposed[key] = {}
        binding = {"HostPort": str(port.get("external") or 0), "HostIp": port["ip"]}
        bindings.setdefault(key, []).append(binding)
    return exposed, bindings


def _volumes(volumes: list[State]) -> tuple[dict[str, Any], list[str], list[str]]:
    paths: dict[str, Any] = {}
    binds: list[str] = []
    sources: list[str] = []
    for volume in volumes:
        path, source = volume.get("containerPath") or "", volume.get("fromContainer")
        if not path and not source:
            raise PluginError(
                "Unable to parse volumes: volume entry without container path or source container"
            )
        if path and source:
            raise PluginError(
                "Unable to parse volumes: both a container and a path specified in a volume entry"
            )
        if source:
            sources.append(source)
            continue
        paths[path] = {}
        name = volume.get("hostPath") or volume.get("volumeName")
        if name:
            mode = "ro" if volume.get("readOnly") else "rw"
            if volume.get("selinuxRelabel"):
                mode += f",{volume['selinuxRelabel']}"
            binds.append(f"{name}:{path}:{mode}")
    return paths, binds, sources


def _mount(mount: State) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Type": mount["type"],
        "Target": mount["target"],
        "Source": mount.get("source") or "",
        "ReadOnly": bool(mount.get("readOnly")),
    }
    if mount["type"] == "bind" and mount.get("bindOptions"):
        made["BindOptions"] = {"Propagation": mount["bindOptions"].get("propagation") or ""}
    if mount["type"] == "volume" and mount.get("volumeOptions"):
        options = mount["volumeOptions"]
        made["VolumeOptions"] = {
            "NoCopy": bool(options.get("noCopy")),
            "Labels": {entry["label"]: entry["value"] for entry in options.get("labels") or []},
            "DriverConfig": {
                "Name": options.get("driverName") or "",
                "Options": options.get("driverOptions") or {},
            },
            "Subpath": options.get("subpath") or "",
        }
    if mount["type"] == "tmpfs" and mount.get("tmpfsOptions"):
        options = mount["tmpfsOptions"]
        made["TmpfsOptions"] = {
            "SizeBytes": options.get("sizeBytes") or 0,
            "Mode": options.get("mode") or 0,
        }
    return made


def _healthcheck(check: State | None) -> dict[str, Any] | None:
    if not check:
        return None
    return {
        "Test": check.get("tests") or [],
        "Interval": _nanoseconds(check["interval"]),
        "Timeout": _nanoseconds(check["timeout"]),
        "StartPeriod": _nanoseconds(check["startPeriod"]),
        "StartInterval": _nanoseconds(check["startInterval"]),
        "Retries": check.get("retries") or 0,
    }


def _nanoseconds(text: str) -> int:
    """A Go duration such as `1m30s`; what is not one counts as 0, as in the official provider."""
    if not re.fullmatch(r"(\d+(\.\d+)?(ns|us|ms|s|m|h))+", text):
        return 0
    parts = re.findall(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", text)
    return int(sum(Decimal(number) * _GO_UNITS[unit] for number, unit in parts))


def _go_duration(nanoseconds: int) -> str:
    """How Go prints a duration: 1h2m3.5s, 1m0s, 250ms, 0s."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 10**9:
        for unit in ("ms", "us", "ns"):
            if nanoseconds >= _GO_UNITS[unit]:
                name = "µs" if unit == "us" else unit
                return f"{_decimal(Decimal(nanoseconds) / _GO_UNITS[unit])}{name}"
    minutes, rest = divmod(nanoseconds, _GO_UNITS["m"])
    text = f"{_decimal(Decimal(rest) / 10**9)}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{f'{hours}h' if hours else ''}{minutes}m{text}"
    return text


def _decimal(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _state(found: dict[str, Any], state: State) -> State:
    """What the official provider reads back; what it leaves alone keeps its value."""
    config, host = found["Config"], found["HostConfig"]
    network, running = found.get("NetworkSettings") or {}, found["State"]["Running"]
    read: State = {
        "bridge": network.get("Bridge"),
        "networkDatas": [
            {
                "networkName": name,
                "ipAddress": data.get("IPAddress"),
                "ipPrefixLength": data.get("IPPrefixLen"),
                "gateway": data.get("Gateway"),
                "globalIpv6Address": data.get("GlobalIPv6Address"),
                "globalIpv6PrefixLength": data.get("GlobalIPv6PrefixLen"),
                "ipv6Gateway": data.get("IPv6Gateway"),
                "macAddress": data.get("MacAddress"),
            }
            for name, data in (network.get("Networks") or {}).items()
        ],
        "name": found["Name"].lstrip("/"),
        "rm": host.get("AutoRemove"),
        "readOnly": host.get("ReadonlyRootfs"),
        "image": found["Image"]
        if str(state.get("image", "")).startswith("sha256:")
        else config["Image"],
        "hostname": config.get("Hostname"),
        "domainname": config.get("Domainname"),
        "command": config.get("Cmd"),
        "entrypoints": config.get("Entrypoint"),
        "user": config.get("User"),
        "dns": host.get("Dns"),
        "dnsOpts": host.get("DnsOptions"),
        "dnsSearches": host.get("DnsSearch"),
        "securityOpts": host.get("SecurityOpt"),
        "publishAllPorts": host.get("PublishAllPorts"),
        "restart": (host.get("RestartPolicy") or {}).get("Name"),
        "maxRetryCount": (host.get("RestartPolicy") or {}).get("MaximumRetryCount"),
        "init": bool(host.get("Init")),
        "workingDir": config.get("WorkingDir"),
        "runtime": host.get("Runtime"),
        "platform": found.get("Platform"),
        "mounts": [_read_mount(mount) for mount in host.get("Mounts") or []],
        "tmpfs": host.get("Tmpfs"),
        "hosts": [
            {"host": entry.split(":")[0], "ip": entry.split(":")[1]}
            for entry in host.get("ExtraHosts") or []
        ],
        "privileged": host.get("Privileged"),
        "memory": (host.get("Memory") or 0) // _MB,
        "memoryReservation": (host.get("MemoryReservation") or 0) // _MB,
        "memorySwap": _megabytes(host.get("MemorySwap") or 0),
        "shmSize": (host.get("ShmSize") or 0) // _MB,
        "cpuShares": host.get("CpuShares"),
        "cpuSet": host.get("CpusetCpus"),
        "logDriver": host["LogConfig"]["Type"],
        "logOpts": host["LogConfig"]["Config"] if state.get("logOpts") else None,
        "storageOpts": host.get("StorageOpt"),
        "networkMode": host.get("NetworkMode"),
        "usernsMode": host.get("UsernsMode"),
        "sysctls": host.get("Sysctls"),
        "ipcMode": host.get("IpcMode"),
        "groupAdds": host.get("GroupAdd"),
        "tty": config.get("Tty"),
        "stdinOpen": config.get("OpenStdin"),
        "stopSignal": config.get("StopSignal"),
        "stopTimeout": config.get("StopTimeout"),
    }
    for name, member in (
        ("deviceReadBps", "BlkioDeviceReadBps"),
        ("deviceReadIops", "BlkioDeviceReadIOps"),
        ("deviceWriteBps", "BlkioDeviceWriteBps"),
        ("deviceWriteIops", "BlkioDeviceWriteIOps"),
    ):
        read[name] = [{"path": d["Path"], "rate": d["Rate"]} for d in host.get(member) or []]
    if host.get("NanoCpus"):
        read["cpus"] = _cpus(host["NanoCpus"])
    if host.get("CapAdd") or host.get("CapDrop"):
        read["capabilities"] = {
            "adds": host.get("CapAdd") or [],
            "drops": host.get("CapDrop") or [],
        }
    if state.get("pidMode"):
        read["pidMode"] = host.get("PidMode")
    if state.get("ports") and (running or state.get("mustRun")):
        read["ports"] = _read_ports(network.get("Ports") or {})
    if state.get("ulimits"):
        read["ulimits"] = [
            {"name": limit["Name"], "soft": limit["Soft"], "hard": limit["Hard"]}
            for limit in host.get("Ulimits") or []
        ]
    if state.get("devices"):
        named = {d["hostPath"] for d in state["devices"] if d.get("containerPath")}
        read["devices"] = [_read_device(device, named) for device in host.get("Devices") or []]
    if config.get("Healthcheck"):
        check = config["Healthcheck"]
        read["healthcheck"] = {
            "tests": check.get("Test") or [],
            "interval": _go_duration(check.get("Interval") or 0),
            "timeout": _go_duration(check.get("Timeout") or 0),
            "startPeriod": _go_duration(check.get("StartPeriod") or 0),
            "startInterval": _go_duration(check.get("StartInterval") or 0),
            "retries": check.get("Retries") or 0,
        }
    if not running:
        read["exitCode"] = found["State"]["ExitCode"]
        if state.get("mustRun"):
            read["mustRun"] = False
    return {name: value for name, value in (state | read).items() if value is not None}


def _read_mount(mount: dict[str, Any]) -> State:
    made: State = {
        "target": mount["Target"],
        "source": mount.get("Source", ""),
        "type": mount["Type"],
        "readOnly": bool(mount.get("ReadOnly")),
    }
    if mount.get("BindOptions"):
        made["bindOptions"] = {"propagation": mount["BindOptions"].get("Propagation") or ""}
    if mount.get("VolumeOptions"):
        options = mount["VolumeOptions"]
        driver = options.get("DriverConfig") or {}
        made["volumeOptions"] = {
            "noCopy": bool(options.get("NoCopy")),
            "labels": [
                {"label": label, "value": value}
                for label, value in (options.get("Labels") or {}).items()
            ],
            "driverName": driver.get("Name") or "",
            "driverOptions": driver.get("Options") or {},
            "subpath": options.get("Subpath") or "",
        }
    if mount.get("TmpfsOptions"):
        made["tmpfsOptions"] = {
            "sizeBytes": mount["TmpfsOptions"].get("SizeBytes") or 0,
            "mode": mount["TmpfsOptions"].get("Mode") or 0,
        }
    return made


def _read_ports(ports: dict[str, Any]) -> list[State]:
    read: list[State] = []
    for key in sorted(ports, key=lambda key: int(key.split("/")[0])):
        internal, protocol = key.split("/")
        for binding in ports[key] or []:
            read.append(
                {
                    "internal": int(internal),
                    "external": int(binding["HostPort"] or 0),
                    "ip": binding["HostIp"],
                    "protocol": protocol,
                }
            )
    return read


def _read_device(device: dict[str, Any], named: set[str]) -> State:
    made: State = {
        "hostPath": device["PathOnHost"],
        "permissions": device["CgroupPermissions"],
    }
    if device["PathOnHost"] in named:
        made["containerPath"] = device["PathInContainer"]
    return made


def _megabytes(size: int) -> int:
    return size // _MB if size > 0 else size


def _cpus(nano: int) -> str:
    """The official text form: at least one decimal, so that `2` reads back as `2.0`."""
    text = f"{Decimal(nano) / 10**9:.9f}"
    return f"{text.split('.')[0]}.0" if set(text.split(".")[1]) == {"0"} else text.rstrip("0")
