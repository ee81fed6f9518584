"""What one setting makes of another: checked once each fits by itself."""

from __future__ import annotations

import json

from nas import server_args
from nas.errors import NAMESPACE, Problem, set_command
from nas.key_files import check_certificates, check_private_key
from nas.kubelet_args import check as check_kubelet_args
from nas.networks import check_networks
from nas.proxy import BadValueError, parse_proxy
from nas.published_ports import doubles
from nas.registry_checks import check_registries
from nas.settings import Settings, describe
from nas.versions import image_version


def cross_checks(settings: Settings) -> list[Problem]:
    """All problems of settings that do not go together, or of the files that they name."""
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
                describe(value, key),
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
    except BadValueError as error:  # of credentials in both places
        return [Problem("proxy", describe(settings.proxy, "proxy"), error.why, error.fix)]
    return []


def _check_networks(settings: Settings) -> list[Problem]:
    proxy = None if settings.proxy is None else parse_proxy(settings.proxy)
    return check_networks(
        pods=settings.cluster_cidr,
        services=settings.service_cidr,
        lan=settings.lan_cidr,
        addresses={
            "host": settings.host,
            "nodeIp": settings.node_ip,
            "proxy": None if proxy is None else proxy.host,
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
