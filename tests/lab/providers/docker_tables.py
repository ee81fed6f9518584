"""The properties of the docker provider's resources (5.2.0): kinds, defaults, what replaces.

Facts about the official provider's schema, written down for the stand-in. Not marked `force_new`
are the properties whose change is an update; of a container's only UPDATED_IN_PLACE touch it, the
others (tmpfs, healthcheck, init, ...) are "updated" in the state alone.
"""

from __future__ import annotations

from .schema import Field, Table

UPDATED_IN_PLACE = (
    "restart",
    "maxRetryCount",
    "cpuShares",
    "memory",
    "memoryReservation",
    "cpuSet",
    "memorySwap",
    "deviceReadBps",
    "deviceReadIops",
    "deviceWriteBps",
    "deviceWriteIops",
)


def _unset_is_any(old: object, new: object) -> bool:
    return not new


def _same_ports(old: object, new: object) -> bool:
    """Ports in another order are the same ports."""
    if not isinstance(old, list) or not isinstance(new, list) or len(old) != len(new):
        return False

    def published(ports: list[dict[str, object]]) -> list[str]:
        return sorted(
            f"{port['internal']}/{port.get('protocol')} {port.get('external')} {port.get('ip')}"
            for port in ports
        )

    return published(old) == published(new)


_NEW = Field(force_new=True)
_NEW_COMPUTED = Field(force_new=True, computed=True)
_NEW_FLAG = Field("bool", force_new=True)
_NEW_SET = Field("set", force_new=True)
_NEW_MAP = Field("map", force_new=True)
_NUMBER = Field("int")
_TEXT = Field()
_REQUIRED = Field(required=True)
_MISSING = Field(force_new=True, missing=True)

LABELS: Table = {"label": _REQUIRED, "value": _REQUIRED}
_THROTTLE = Field("set", block={"path": _REQUIRED, "rate": Field("int", required=True)})

CONTAINER: Table = {
    "attach": Field("bool", default=False),
    "bridge": Field(output_only=True),
    "capabilities": Field(
        force_new=True, single=True, block={"adds": Field("set"), "drops": Field("set")}
    ),
    "cgroupParent": _NEW,
    "cgroupnsMode": Field(force_new=True, pattern="^(private|host)?$"),
    "command": Field("list", force_new=True, computed=True),
    "containerLogs": Field(output_only=True),
    "containerReadRefreshTimeoutMilliseconds": Field("int", default=15000),
    "cpuPeriod": _NUMBER,
    "cpuQuota": _NUMBER,
    "cpuSet": Field(pattern=r"^\d+([,-]\d+)*$"),
    "cpuShares": _NUMBER,
    "cpus": _NEW,
    "destroyGraceSeconds": _NUMBER,
    "deviceCgroupRules": _MISSING,
    "deviceReadBps": _THROTTLE,
    "deviceReadIops": _THROTTLE,
    "deviceRequests": _MISSING,
    "deviceWriteBps": _THROTTLE,
    "deviceWriteIops": _THROTTLE,
    "devices": Field(
        "set",
        force_new=True,
        block={
            "hostPath": _REQUIRED,
            "containerPath": _TEXT,
            "permissions": Field(default="rwm"),
        },
    ),
    "dns": _NEW_SET,
    "dnsOpts": _NEW_SET,
    "dnsSearches": _NEW_SET,
    "domainname": _NEW,
    "entrypoints": Field("list", force_new=True, computed=True),
    "envs": Field("set", force_new=True, computed=True),
    "exitCode": Field("int", output_only=True),
    "gpus": _MISSING,
    "groupAdds": _NEW_SET,
    "healthcheck": Field(
        computed=True,
        single=True,
        block={
            "tests": Field("list"),
            "interval": Field(default="0s"),
            "timeout": Field(default="0s"),
            "startPeriod": Field(default="0s"),
            "startInterval": Field(default="0s"),
            "retries": Field("int", default=0),
        },
    ),
    "hostname": _NEW_COMPUTED,
    "hosts": Field("set", force_new=True, block={"host": _REQUIRED, "ip": _REQUIRED}),
    "image": Field(required=True, force_new=True),
    "init": Field("bool", computed=True),
    "ipcMode": _NEW_COMPUTED,
    "labels": Field("set", force_new=True, computed=True, block=LABELS),
    "logDriver": _NEW_COMPUTED,
    "logOpts": _NEW_MAP,
    "logs": Field("bool", default=False),
    "maxRetryCount": _NUMBER,
    "memory": _NUMBER,
    "memoryReservation": Field("int", default=0),
    "memorySwap": _NUMBER,
    "mounts": Field(
        "set",
        force_new=True,
        block={
            "target": _REQUIRED,
            "source": _TEXT,
            "type": Field(required=True, pattern="^(bind|volume|tmpfs)$"),
            "readOnly": Field("bool"),
            "bindOptions": Field(
                single=True,
                block={
                    "propagation": Field(pattern="^(private|rprivate|shared|rshared|slave|rslave)$")
                },
            ),
            "volumeOptions": Field(
                single=True,
                block={
                    "noCopy": Field("bool"),
                    "labels": Field("set", block=LABELS),
                    "driverName": _TEXT,
                    "driverOptions": Field("map"),
                    "subpath": _TEXT,
                },
            ),
            "tmpfsOptions": Field(single=True, block={"sizeBytes": _NUMBER, "mode": _NUMBER}),
        },
    ),
    "mustRun": Field("bool", default=True),
    "name": Field(required=True, force_new=True),
    "networkDatas": Field("list", output_only=True),
    "networkMode": Field(force_new=True, default="bridge"),
    "networksAdvanced": Field(
        "set",
        force_new=True,
        block={
            "name": _REQUIRED,
            "aliases": Field("set"),
            "ipv4Address": _TEXT,
            "ipv6Address": _TEXT,
            "linkLocalIps": Field("set"),
            "macAddress": _TEXT,
            "driverOpts": Field("set"),
            "gwPriority": _NUMBER,
        },
    ),
    "pidMode": _NEW,
    "platform": _NEW_COMPUTED,
    "ports": Field(
        "list",
        force_new=True,
        ignore=_same_ports,
        block={
            "internal": Field("int", required=True),
            "external": Field("int", computed=True),
            "ip": Field(default="0.0.0.0"),
            "protocol": Field(default="tcp"),
        },
    ),
    "privileged": _NEW_FLAG,
    "publishAllPorts": _NEW_FLAG,
    "readOnly": Field("bool", force_new=True, default=False),
    "removeVolumes": Field("bool", default=True),
    "restart": Field(default="no", pattern="^(no|on-failure|always|unless-stopped)$"),
    "rm": Field("bool", default=False),
    "runtime": _NEW_COMPUTED,
    "securityOpts": Field("set", force_new=True, computed=True),
    "shmSize": Field("int", force_new=True, computed=True),
    "start": Field("bool", default=True),
    "stdinOpen": Field("bool", force_new=True, default=False),
    "stopSignal": _NEW_COMPUTED,
    "stopTimeout": Field("int", force_new=True, computed=True),
    "storageOpts": _NEW_MAP,
    "sysctls": _NEW_MAP,
    "tmpfs": Field("map"),
    "tty": Field("bool", force_new=True, default=False),
    "ulimits": Field(
        "set",
        force_new=True,
        block={
            "name": _REQUIRED,
            "soft": Field("int", required=True),
            "hard": Field("int", required=True),
        },
    ),
    "uploads": Field(
        "set",
        force_new=True,
        block={
            "file": _REQUIRED,
            "content": _TEXT,
            "contentBase64": _TEXT,
            "source": _TEXT,
            "sourceHash": _TEXT,
            "executable": Field("bool", default=False),
            "permissions": Field(pattern="^0[0-7]{3}$"),
            "owner": _MISSING,
            "group": _MISSING,
        },
    ),
    "user": Field(force_new=True, ignore=_unset_is_any),
    "usernsMode": _NEW,
    "volumes": Field(
        "set",
        force_new=True,
        block={
            "fromContainer": _TEXT,
            "containerPath": _TEXT,
            "hostPath": Field(pattern=r"^[a-zA-Z]:[\\/]|^/"),
            "volumeName": _TEXT,
            "readOnly": Field("bool"),
            "selinuxRelabel": Field(pattern="^(z|Z)$"),
        },
    ),
    "wait": Field("bool", default=False),
    "waitTimeout": Field("int", default=60),
    "workingDir": Field(force_new=True, ignore=_unset_is_any),
}

REMOTE_IMAGE: Table = {
    "build": Field(missing=True),
    "forceRemove": Field("bool"),
    "imageId": Field(output_only=True),
    "keepLocally": Field("bool"),
    "name": Field(required=True, force_new=True),
    "platform": Field(force_new=True),
    "pullTriggers": Field("set", force_new=True),
    "repoDigest": Field(output_only=True),
    "triggers": Field("map", force_new=True),
}

VOLUME: Table = {
    "cluster": Field(missing=True),
    "driver": Field(force_new=True, computed=True),
    "driverOpts": Field("map", force_new=True),
    "labels": Field("set", force_new=True, block=LABELS),
    "mountpoint": Field(output_only=True),
    "name": Field(force_new=True, computed=True),
}
NETWORK: Table = {
    "attachable": Field("bool", force_new=True),
    "driver": Field(force_new=True, computed=True),
    "ingress": Field("bool", force_new=True),
    "internal": Field("bool", force_new=True, computed=True),
    "ipamConfigs": Field(
        "set",
        force_new=True,
        computed=True,
        block={
            "subnet": Field(),
            "ipRange": Field(),
            "gateway": Field(),
            "auxAddress": Field("map"),
        },
    ),
    "ipamDriver": Field(force_new=True, default="default"),
    "ipamOptions": Field("map", force_new=True),
    "ipv6": Field("bool", force_new=True),
    "labels": Field("set", force_new=True, block=LABELS),
    "name": Field(required=True, force_new=True),
    "options": Field("map", force_new=True, computed=True),
    "scope": Field(output_only=True),
}

TABLES: dict[str, Table] = {
    "docker:index/container:Container": CONTAINER,
    "docker:index/network:Network": NETWORK,
    "docker:index/remoteImage:RemoteImage": REMOTE_IMAGE,
    "docker:index/volume:Volume": VOLUME,
}
