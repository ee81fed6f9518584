"""The file of a new stack: it loads on every NAS, and holds no secret."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
import yaml

from nas.errors import RefusedError
from nas.fact_lines import Route
from nas.facts import Facts
from nas.host_key import HostKey
from nas.new_stack import NewStack, new_stack
from nas.platforms import CUSTOM, PLATFORMS
from nas.settings import Settings
from nas.settings_reader import load_settings
from tests.unit.samples import facts, host_key, settings

KEY = HostKey(host_key(), "unknown")


def loaded(made: NewStack, stack: str = "nas88") -> Settings:
    """The file as Pulumi and the program read it."""
    config = yaml.safe_load(made.text)["config"]
    return load_settings(
        stack,
        {
            key.removeprefix("nas-k3s:"): value if isinstance(value, str) else json.dumps(value)
            for key, value in config.items()
        },
    )


def made(given: Settings | None = None, **changes: Any) -> NewStack:
    return new_stack(given or settings(), facts(**changes), KEY)


@pytest.mark.parametrize("platform", [row.name for row in PLATFORMS if row is not CUSTOM])
def test_the_file_of_every_platform_is_accepted_and_names_it(platform: str) -> None:
    found = loaded(made(platform=platform))
    assert found.platform == platform
    assert found.host == "192.168.31.88"
    assert found.ssh_host_key == host_key()
    assert found.node_ip == "192.168.31.88"
    assert found.api_port == 6443
    assert found.proxy == "http://192.168.31.198:7222"
    assert found.disable == ["servicelb", "traefik"]


def test_only_settings_that_have_a_reason_are_written_and_comments_give_it() -> None:
    text = made().text
    assert text.splitlines()[0] == (
        "# nas88: QNAP QTS or QuTS hero with Container Station, Docker 27.1.2, x86_64; "
        "read 2025-11-25."
    )
    assert "# Free on this NAS.\n  nas-k3s:apiPort: 6443" in text
    assert KEY.fingerprint in text
    assert "# nas-k3s:lanCidr: 192.168.31.0/24" in text


LAN = Route("eth0", ip_network("192.168.30.0/23"))


def test_the_lan_is_written_where_the_nass_routes_tell_it() -> None:
    routes = (
        Route("docker0", ip_network("172.17.0.0/16")),
        Route("eth0", ip_network("192.168.0.0/16")),
        Route("eth0", ip_network("192.168.31.88/32")),
        LAN,
    )
    assert loaded(made(routes=routes)).lan_cidr == "192.168.30.0/23"


@pytest.mark.parametrize(
    ("address", "network"),
    [("10.42.0.8", "10.42.0.0/24"), ("10.1.0.8", "10.0.0.0/8"), ("192.168.31.88", "10.1.0.0/16")],
)
def test_a_lan_that_is_not_sure_is_only_proposed(address: str, network: str) -> None:
    text = made(address=address, routes=(Route("eth0", ip_network(network)),)).text
    assert "  # nas-k3s:lanCidr: " in text
    assert "\n  nas-k3s:lanCidr" not in text


def test_without_a_proxy_no_lan_is_needed() -> None:
    assert "lanCidr" not in made(settings(proxy=""), routes=(LAN,)).text


def test_the_nodes_address_says_what_a_bridge_asks_for() -> None:
    assert "With networkMode bridge" in made().text


@pytest.mark.parametrize(
    ("taken", "port"),
    [((), 6443), ((6443,), 16443), ((6443, 16443, 26443), 36443)],
)
def test_the_first_free_port_becomes_the_one_of_the_api(taken: tuple[int, ...], port: int) -> None:
    found = made(ports_taken=taken)
    assert loaded(found).api_port == port
    assert ("taken on this NAS" in found.text) == (port != 6443)


def test_the_port_of_this_stacks_own_cluster_is_kept() -> None:
    found = made(
        ports_taken=(16443, 10250), own_container="k3s", container="running", container_port=16443
    )
    assert loaded(found).api_port == 16443
    assert found.todo == () or all("in use" not in note for note in found.todo)


def test_a_password_of_the_proxy_is_split_off_and_never_written() -> None:
    given = settings(proxy="http://k3s:p%40ss%2Fword@192.168.31.198:7222")
    found = made(given)
    assert "p@ss" not in found.text
    assert "p%40ss" not in found.text
    assert found.secrets == ("proxyPassword",)
    assert "pulumi config set --secret nas-k3s:proxyPassword" in found.text
    assert (loaded(found).proxy, loaded(found).proxy_user) == (
        "http://192.168.31.198:7222",
        "k3s",
    )


@pytest.mark.parametrize("user", ["on", "22", "- a", "#x", "é'\"", "null", " x "])
def test_a_user_of_the_proxy_comes_through_yaml_as_it_is(user: str) -> None:
    assert loaded(made(settings(proxyUser=user))).proxy_user == user


def test_without_a_proxy_the_one_that_docker_uses_already_is_proposed() -> None:
    found = made(settings(proxy=""), http_proxy="http://xxxxx:xxxxx@10.0.0.9:3128")
    assert "# nas-k3s:proxy: http://10.0.0.9:3128" in found.text
    assert "xxxxx" not in found.text
    assert loaded(found).proxy is None


def test_the_node_gets_the_address_that_the_nas_has_itself() -> None:
    assert loaded(made(settings(host="nas.lan"))).node_ip == "192.168.31.88"
    assert loaded(made(settings(host="203.0.113.5"))).node_ip == "192.168.31.88"
    assert loaded(made(settings(host="nas.lan"), address="127.0.0.1")).node_ip is None


def test_containers_that_would_not_start_again_are_named() -> None:
    found = made(no_restart_policy=("notes", "photos"))
    assert "notes, photos" in found.text
    assert any("will be restarted" in note for note in found.todo)


def test_what_has_to_be_clicked_before_up_is_told_and_the_file_is_written() -> None:
    found = made(platform="unraid")
    assert any("Unraid" in note for note in found.todo)
    assert loaded(found).platform == "unraid"


def test_an_account_that_sudo_asks_for_a_password_gets_its_file_and_the_command() -> None:
    found = made(
        settings(sshUser="nasadmin"),
        uid=1026,
        user="nasadmin",
        sudo="needed",
        engine="",
        platform="synology",
    )
    assert found.secrets == ("sudoPassword",)
    assert "pulumi config set --secret nas-k3s:sudoPassword" in found.text
    assert loaded(found).ssh_user == "nasadmin"


def test_a_container_of_the_same_name_that_is_not_ours_is_told() -> None:
    assert any("k3s-nas88" in note for note in made(container="running", own_container="").todo)
    assert not any("k3s-nas88" in note for note in made().todo)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"platform": "", "docker": "", "engine": ""}, "does not recognise this NAS"),
        ({"docker": "", "engine": ""}, "has no docker"),
        ({"engine": ""}, "has a Docker that does not answer"),
        ({"uid": 1026, "user": "bob", "sudo": "sudoers"}, "may not use sudo"),
    ],
)
def test_a_nas_that_carries_no_stack_as_it_is_is_refused_with_one_error(
    changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(RefusedError, match=expected) as refused:
        made(**changes)
    assert len(refused.value.problems) == 1


def test_little_known_of_a_nas_still_makes_a_file() -> None:
    bare = replace(Facts(), platform="systemd", docker="/usr/bin/docker", engine="29.0.0")
    assert loaded(new_stack(settings(), bare, KEY)).platform == "systemd"
