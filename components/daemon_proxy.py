"""DaemonProxy: the proxy that the Docker daemon of the NAS pulls images through."""

from __future__ import annotations

from typing import TypedDict

import pulumi

from components.nas_command import Nas
from nas.plan import DaemonProxy as DaemonProxyPlan


class DaemonProxyArgs(TypedDict):
    """Inputs of `DaemonProxy`."""

    nas: Nas
    """How the NAS is reached."""
    platform: str
    """Name in the table of platforms, or `auto`."""
    proxy: DaemonProxyPlan
    """What the daemon's config file has to say."""
    registry: str
    """`host:port` that the proxy is asked for before anything changes."""
    timeout: int
    """Seconds until a restarted daemon has to answer."""
    keep: bool
    """Whether destroy leaves the proxy in place."""


class DaemonProxy(pulumi.ComponentResource):
    """The member `proxies` of the daemon's config file, verified by `docker info`.

    The daemon, and every container on the NAS with it, restarts only when the file really changes.
    Destroy puts back what was there before.
    """

    ready: pulumi.Resource
    """Depend on it to pull images through the proxy."""

    def __init__(
        self, name: str, args: DaemonProxyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("nas-k3s:index:DaemonProxy", name, None, opts)
        proxy = args["proxy"]
        no_proxy = ",".join(proxy.no_proxy)
        self.ready = args["nas"].script(
            f"{name}-config",
            {
                "script": "daemon-proxy.sh",
                "variables": {
                    "PLATFORM": args["platform"],
                    "PROXIES": proxy.proxies,
                    "HTTP_PROXY_SHOWN": proxy.shown,
                    "NO_PROXY_SHOWN": no_proxy,
                    "PROXY_SCHEME": proxy.url.scheme,
                    "PROXY_HOST": proxy.url.host,
                    "PROXY_PORT": str(proxy.url.port),
                    "PROXY_AUTH": proxy.authorization,
                    "REGISTRY": args["registry"],
                    "DAEMON_TIMEOUT": str(args["timeout"]),
                },
                "create": "apply",
                "delete": "keep" if args["keep"] else "restore",
                "shown": {"proxy": proxy.url.masked, "noProxy": no_proxy},
                # A restart that fails is followed by one with the old config.
                "timeout": 2 * args["timeout"] + 180,
            },
            pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"proxy": proxy.url.masked, "noProxy": no_proxy})
