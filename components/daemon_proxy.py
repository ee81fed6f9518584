"""DaemonProxy: the proxy that the Docker daemon of the NAS pulls images through."""

from __future__ import annotations

from typing import TypedDict

import pulumi

from components.drift_mark import drift_mark
from components.nas_command import Nas
from nas.daemon_proxy import DaemonProxy as DaemonProxyPlan

PULL_PROBE_TIMEOUT = 60
"""Seconds in which the daemon has to get an answer from the registry."""


class DaemonProxyArgs(TypedDict):
    """Inputs of `DaemonProxy`."""

    nas: Nas
    """How the NAS is reached."""
    proxy: DaemonProxyPlan | None
    """What the daemon's config file has to say; None: what it said before we came."""
    image: str
    """Image that Docker asks its registry for once it has the proxy."""
    registry: str
    """`host:port` that the proxy is asked for before anything changes."""
    restart: str
    """Whether Docker may restart: `always`, `when-safe` or `never`."""
    timeout: int
    """Seconds until a restarted daemon has to answer."""
    lock_timeout: int
    """Seconds until another run on this NAS has to end."""
    keep: bool
    """Whether the proxy stays in place when it goes out of the config, or on destroy."""
    drift: str | None
    """What others changed since the last run, with the time it was seen."""


class DaemonProxy(pulumi.ComponentResource):
    """The proxy of the daemon, written the way that the NAS needs and verified there.

    The daemon, and every container on the NAS with it, restarts only when a file really changes.
    Destroy puts back what was there before. So does an `up` without a proxy, before the cluster is
    looked at: left to a delete, that would come after all else.
    """

    ready: pulumi.Resource
    """Depend on it to pull images through the proxy."""
    report: pulumi.Output[str]
    """What the script did and when, `name=value` lines."""

    def __init__(
        self, name: str, args: DaemonProxyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nas-k3s:index:DaemonProxy", name, None, opts)
        proxy = args["proxy"]
        back = "keep" if args["keep"] else "restore"
        shown = {
            "proxy": "none" if proxy is None else proxy.url.masked,
            "noProxy": "" if proxy is None else ",".join(proxy.no_proxy),
        }
        config = args["nas"].script(
            f"{name}-config",
            {
                "script": "daemon-proxy.sh",
                "variables": {
                    **_proxy_variables(proxy, args["image"], args["registry"]),
                    "RESTART_DAEMON": args["restart"],
                    "DAEMON_TIMEOUT": str(args["timeout"]),
                    "LOCK_TIMEOUT": str(args["lock_timeout"]),
                },
                "create": back if proxy is None else "apply",
                "delete": back,
                "shown": {**shown, "drift": drift_mark(f"{name}-drift", args["drift"], self)},
                # A restart that fails is followed by one with the old config.
                "timeout": args["lock_timeout"] + 2 * args["timeout"] + PULL_PROBE_TIMEOUT + 180,
            },
            pulumi.ResourceOptions(parent=self),
        )
        self.ready = config
        self.report = config.stdout
        self.register_outputs(shown)


def _proxy_variables(proxy: DaemonProxyPlan | None, image: str, registry: str) -> dict[str, str]:
    if proxy is None:
        # To put back what was there takes no more.
        return {"HTTP_PROXY_SHOWN": ""}
    return {
        **proxy.variables(),
        "IMAGE": image,
        "REGISTRY": registry,
        "PULL_PROBE_TIMEOUT": str(PULL_PROBE_TIMEOUT),
    }
