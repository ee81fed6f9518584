"""`docker:index/network:Network`."""

from __future__ import annotations

import docker.errors

from .engine_api import DOCKER_ERRORS, Client, explain, label_list, label_map, post
from .plugin import PluginError
from .schema import State


def create(client: Client, auth: object, wanted: State) -> tuple[str, State]:
    """Create a network; Docker refuses a second one of the same name."""
    body = {
        "Name": wanted["name"],
        "CheckDuplicate": True,
        "Labels": label_map(wanted.get("labels")),
        "Driver": wanted.get("driver"),
        "Options": wanted.get("options"),
        "Internal": bool(wanted.get("internal")),
        "Attachable": bool(wanted.get("attachable")),
        "Ingress": bool(wanted.get("ingress")),
        "EnableIPv6": bool(wanted.get("ipv6")),
        "IPAM": {
            "Driver": wanted["ipamDriver"],
            "Options": wanted.get("ipamOptions"),
            "Config": [
                {
                    "Subnet": config.get("subnet") or "",
                    "IPRange": config.get("ipRange") or "",
                    "Gateway": config.get("gateway") or "",
                    "AuxiliaryAddresses": config.get("auxAddress") or {},
                }
                for config in wanted.get("ipamConfigs") or []
            ],
        },
    }
    network_id = post(client, "/networks/create", body, "Unable to create network")["Id"]
    state = read(client, auth, network_id, wanted)
    if state is None:
        raise PluginError(f"network {network_id} is gone right after it was created")
    return network_id, state


def read(client: Client, auth: object, network_id: str, state: State) -> State | None:
    """The state as Docker has it; None when the network is gone."""
    try:
        found = client.inspect_network(network_id)
    except docker.errors.NotFound:
        return None
    except DOCKER_ERRORS as error:
        raise PluginError(f"Unable to inspect network: {explain(error)}") from error
    return state | {
        "name": found["Name"],
        "labels": label_list(found.get("Labels")),
        "driver": found["Driver"],
        "internal": found["Internal"],
        "attachable": found["Attachable"],
        "ingress": found["Ingress"],
        "ipv6": found["EnableIPv6"],
        "ipamDriver": found["IPAM"]["Driver"],
        "ipamOptions": found["IPAM"].get("Options") or {},
        "options": found.get("Options") or {},
        "scope": found["Scope"],
        "ipamConfigs": [
            {
                "subnet": config.get("Subnet", ""),
                "ipRange": config.get("IPRange", ""),
                "gateway": config.get("Gateway", ""),
                "auxAddress": config.get("AuxiliaryAddresses") or {},
            }
            for config in found["IPAM"].get("Config") or []
        ],
    }


def update(client: Client, auth: object, network_id: str, old: State, wanted: State) -> State:
    """Nothing of a network can change in place."""
    return wanted


def delete(client: Client, auth: object, network_id: str, state: State) -> None:
    """Remove a network; one that is gone already is fine."""
    try:
        client.remove_network(network_id)
    except docker.errors.NotFound:
        return
    except DOCKER_ERRORS as error:
        raise PluginError(explain(error)) from error
