"""The plan: what settings and facts lead to."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from nas.checks.data import token_print
from nas.checks.ports import needed_ports
from nas.daemon_routes import fingerprint
from nas.errors import Problem, RefusedError
from nas.fact_lines import DockerNetwork, Listener
from nas.facts import Facts, Unreadable
from nas.image_registries import registry_of
from nas.plan import make_plan
from tests.unit.go_no_proxy import GoNoProxy
from tests.unit.samples import FACTS, facts, plan, settings

PROXY = "http://192.168.31.198:7222"
OFF = Unreadable("away", "192.168.31.88:22: no route to host")
PASSWORD = "p@s%#w/r:d"
ENCODED = "p%40s%25%23w%2Fr%3Ad"


def problems(known: Facts, **config: str) -> tuple[Problem, ...]:
    with pytest.raises(RefusedError) as refused:
        plan(known, **config)
    return refused.value.problems


# ---- the container's arguments


@pytest.mark.parametrize(
    ("known", "config", "flags"),
    [
        (FACTS, {}, ["--node-name=nas88", "--node-ip=192.168.31.88", "--tls-san=192.168.31.88"]),
        (FACTS, {}, ["--disable=servicelb", "--disable=traefik", "--flannel-backend=host-gw"]),
        (FACTS, {}, ["--kube-proxy-arg=conntrack-max-per-core=0", "--https-listen-port=6443"]),
        (FACTS, {"disable": "[]"}, ["!--disable"]),
        (FACTS, {"nodeName": "box"}, ["--node-name=box", "!--node-name=nas88"]),
        (FACTS, {"apiPort": "16443"}, ["--https-listen-port=16443"]),
        (FACTS, {"clusterCidr": "10.52.0.0/16"}, ["--cluster-cidr=10.52.0.0/16"]),
        (FACTS, {"serviceCidr": "10.53.0.0/16"}, ["--service-cidr=10.53.0.0/16"]),
        (FACTS, {"clusterDomain": "nas.home"}, ["--cluster-domain=nas.home"]),
        (FACTS, {"serverArgs": '["--debug"]'}, ["--debug"]),
        (FACTS, {"host": "nas.lan"}, ["--tls-san=nas.lan", "--tls-san=192.168.31.88"]),
        (FACTS, {"tlsSans": '["100.64.0.5", "nas.vpn"]'}, ["--tls-san=100.64.0.5"]),
        # snapshotter
        (facts(data_fs="ext2/ext3"), {}, ["!--snapshotter"]),
        (facts(data_fs="btrfs"), {}, ["!--snapshotter"]),
        (facts(data_fs="zfs"), {}, ["--snapshotter=native"]),
        (facts(data_fs="overlayfs"), {}, ["--snapshotter=native"]),
        (facts(data_fs="nfs"), {}, ["--snapshotter=native"]),
        (facts(data_fs=""), {}, ["!--snapshotter"]),
        (OFF, {}, ["!--snapshotter"]),
        # cgroup v1
        (facts(cgroup=1), {"k3sVersion": "v1.34.4-k3s1"}, ["!--kubelet-arg"]),
        (facts(cgroup=1), {"k3sVersion": "v1.35.0-k3s1"}, ["--kubelet-arg=fail-cgroupv1=false"]),
        (facts(cgroup=1), {"k3sVersion": "v2.0.0-k3s1"}, ["--kubelet-arg=fail-cgroupv1=false"]),
        (facts(cgroup=2), {"k3sVersion": "v1.35.0-k3s1"}, ["!--kubelet-arg"]),
        (OFF, {"k3sVersion": "v1.35.0-k3s1"}, ["!--kubelet-arg"]),
    ],
)
def test_settings_and_facts_give_the_arguments_of_k3s(
    known: Facts | Unreadable, config: dict[str, str], flags: list[str]
) -> None:
    command = plan(known, **config).command
    assert command[0] == "server"
    for flag in flags:
        if flag.startswith("!"):
            assert not [given for given in command if given.startswith(flag[1:])]
        else:
            assert flag in command


def test_no_argument_comes_twice() -> None:
    config = {"host": "nas.lan", "nodeIp": "192.168.31.88", "tlsSans": '["nas.lan"]'}
    command = plan(FACTS, **config).command
    assert len(set(command)) == len(command)


def test_own_arguments_come_last_so_that_they_win() -> None:
    own = ("--flannel-backend=none", "--v=4")
    assert plan(serverArgs=json.dumps(own)).command[-2:] == own


@pytest.mark.parametrize(
    ("known", "config", "address"),
    [
        (FACTS, {}, "192.168.31.88"),
        (facts(address="172.17.0.1"), {}, "192.168.31.88"),
        (FACTS, {"host": "nas.lan"}, "192.168.31.88"),
        (FACTS, {"host": "nas.lan", "nodeIp": "192.168.31.9"}, "192.168.31.9"),
        (facts(address=""), {"host": "nas.lan"}, None),
        (facts(address="garbage"), {"host": "nas.lan"}, None),
        (OFF, {"host": "nas.lan"}, None),
        (OFF, {}, "192.168.31.88"),
        (facts(address="fd00::88"), {"host": "nas.lan"}, "fd00::88"),
    ],
)
def test_the_nodes_address_is_the_one_that_users_reach_and_never_guessed(
    known: Facts | Unreadable, config: dict[str, str], address: str | None
) -> None:
    """k3s by itself may take docker0's address with host networking."""
    made = plan(known, **config)
    assert made.node_ip == address
    flags = [flag for flag in made.command if flag.startswith("--node-ip")]
    assert flags == ([] if address is None else [f"--node-ip={address}"])


# ---- the proxy


def test_the_daemon_gets_the_proxy_with_a_list_that_spares_the_lan() -> None:
    daemon = plan(lanCidr="192.168.31.0/24", noProxy='["registry.example"]').daemon
    assert daemon is not None
    content = json.loads(daemon.proxies)
    assert set(content) == {"http-proxy", "https-proxy", "no-proxy"}
    assert content["http-proxy"] == content["https-proxy"] == "http://192.168.31.198:7222"
    assert content["no-proxy"] == ",".join(daemon.no_proxy)
    go = GoNoProxy(content["no-proxy"])
    for host in ("192.168.31.88", "192.168.31.7", "registry.example", "127.0.0.1"):
        assert not go.uses_proxy(host)
    assert go.uses_proxy("registry-1.docker.io")


def test_without_a_proxy_the_daemon_is_left_alone_and_k3s_gets_none() -> None:
    made = plan(proxy="")
    assert made.daemon is None
    assert made.env == {}


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ("all", {"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}),
        ("images", {"CONTAINERD_HTTP_PROXY", "CONTAINERD_HTTPS_PROXY", "CONTAINERD_NO_PROXY"}),
        ("none", set()),
    ],
)
def test_the_scope_says_who_in_k3s_gets_the_proxy(scope: str, names: set[str]) -> None:
    made = plan(proxyScope=scope)
    assert set(made.env) == names
    assert made.daemon is not None


@pytest.mark.parametrize("scope", ["all", "images"])
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"host": "nas.lan"},
        {"clusterCidr": "10.52.0.0/16", "serviceCidr": "10.53.0.0/16"},
        {"clusterDomain": "nas.home", "lanCidr": "192.168.31.0/24"},
    ],
)
def test_k3s_reaches_node_pods_services_and_private_registries_without_the_proxy(
    scope: str, config: dict[str, str]
) -> None:
    mirror = '{"mirrors": {"docker.io": {"endpoint": ["http://192.168.40.5:5000"]}}}'
    made = plan(proxyScope=scope, registries=mirror, **config)
    chosen = made.settings
    prefix = "" if scope == "all" else "CONTAINERD_"
    go = GoNoProxy(made.env[f"{prefix}NO_PROXY"])
    pods = chosen.cluster_cidr.replace("0.0/16", "7.9")
    services = chosen.service_cidr.replace("0.0/16", "0.1")
    inside = [chosen.host, "192.168.31.88", made.node_name, pods, services, "192.168.40.5"]
    inside += [f"kubernetes.default.svc.{chosen.cluster_domain}", "kubernetes.default.svc"]
    assert [host for host in inside if go.uses_proxy(host)] == []
    assert go.uses_proxy("registry-1.docker.io")
    assert made.env[f"{prefix}HTTPS_PROXY"] == "http://192.168.31.198:7222"


def test_no_lower_case_name_is_set_because_k3s_unsets_its_own() -> None:
    assert all(name == name.upper() for name in plan(token="t").env)


def test_the_password_is_only_where_the_documentation_says() -> None:
    made = plan(proxyUser="svc", proxyPassword=PASSWORD)
    assert made.daemon is not None
    assert f"svc:{ENCODED}@" in made.daemon.proxies
    assert base64.b64decode(made.daemon.authorization.split()[1]).decode() == f"svc:{PASSWORD}"
    assert f"svc:{ENCODED}@" in made.env["HTTPS_PROXY"]
    holders = {"settings", "env", "daemon"}
    others = {name: value for name, value in vars(made).items() if name not in holders}
    shown = f"{made.daemon.shown} {made.daemon.no_proxy} {made.daemon.url.masked} {others}"
    for secret in (PASSWORD, ENCODED, made.daemon.authorization.split()[1]):
        assert secret not in shown


def test_a_proxy_without_credentials_gives_no_authorization() -> None:
    daemon = plan().daemon
    assert daemon is not None
    assert daemon.authorization == ""


def test_the_token_is_a_part_of_the_environment_only() -> None:
    made = plan(token="S3NTINEL")
    assert made.env["K3S_TOKEN"] == "S3NTINEL"
    rest = {name: value for name, value in vars(made).items() if name not in ("env", "settings")}
    assert "S3NTINEL" not in str(rest)
    assert "K3S_TOKEN" not in plan().env


# ---- refusals


@pytest.mark.parametrize(
    ("known", "config", "key", "why", "fix"),
    [
        (facts(uid=1000), {"sshUser": "bob"}, "sshUser", "uid 1000", "admin on QNAP"),
        (facts(uid=1000, sudo="absent"), {}, "sshUser", "has no sudo", "with uid 0"),
        (facts(uid=1000, sudo="sudoers"), {}, "sshUser", "may not use sudo", "administrators"),
        (facts(uid=1000, sudo="tty"), {}, "sshUser", "without a terminal", "Defaults:admin !req"),
        (facts(uid=1000, sudo="broken"), {}, "sshUser", "gets no sudo", "try `sudo true`"),
        (
            facts(uid=1000, sudo="wrong"),
            {"sudoPassword": PASSWORD},
            "sudoPassword",
            "not the password that sudo takes",
            "--secret nas-k3s:sudoPassword",
        ),
        (
            facts(uid=1000, sudo="password", docker_access="none", socket="root:adm srw-rw----"),
            {},
            "sshUser",
            "its socket is root:adm srw-rw----",
            "add admin to the group adm, or allow admin docker without a password",
        ),
        (
            facts(uid=1000, sudo="password", docker_access="none", socket="root:root srw-rw----"),
            {},
            "sshUser",
            "its socket is root:root srw-rw----",
            "allow admin docker without a password",
        ),
        (facts(platform=""), {}, "platform", "5.10.60-qnap x86_64", "custom"),
        (facts(docker=""), {}, "host", "no docker", "Container Station"),
        (
            facts(platform="custom", engine="20.10.24"),
            {},
            "proxy",
            "20.10.24: its config file knows no proxies (engine 23 does)",
            "update Docker",
        ),
        (facts(platform="truenas"), {}, "proxy", "by a file on TrueNAS", "Global Configuration"),
        (facts(platform="unraid"), {}, "proxy", "by a file on Unraid", "/boot/config/go"),
        (facts(dockerd_flags=("no-proxy",)), {}, "proxy", "with --no-proxy", "start script"),
        (facts(ports_taken=(6443,)), {}, "apiPort", "port 6443", "16443"),
        (facts(ports_taken=(10250,)), {}, "apiPort", "port 10250", "other Kubernetes"),
        (facts(ports_taken=(16443,)), {"apiPort": "16443"}, "apiPort", "port 16443", "free one"),
        (
            facts(listeners=(Listener(6443, program="thttpd"),)),
            {},
            "apiPort",
            "port 6443 of the NAS is in use by thttpd",
            "16443",
        ),
        (
            facts(listeners=(Listener(80, program="apache_proxy"), Listener(443))),
            {"disable": "[]"},
            "disable",
            "take ports 80 and 443 from the NAS: in use is 80 by apache_proxy and 443",
            '["servicelb", "traefik"]',
        ),
        (facts(ports_taken=(443,)), {"disable": "[]"}, "disable", "in use is 443", "other ports"),
    ],
)
def test_a_nas_that_cannot_carry_the_config_is_refused(
    known: Facts, config: dict[str, str], key: str, why: str, fix: str
) -> None:
    (found,) = problems(known, **config)
    assert found.key == key
    assert found.value is not None
    assert why in found.why
    assert fix in found.fix


@pytest.mark.parametrize(
    ("known", "config"),
    [
        (facts(platform="truenas"), {"proxy": ""}),
        (facts(engine="20.10.24"), {}),
        (facts(platform="truenas", http_proxy=PROXY, https_proxy=PROXY), {}),
        (facts(engine="23.0.0"), {}),
        (facts(engine="27.1.2-qnap8"), {}),
        (facts(engine=""), {}),
        (facts(uid=None), {}),
        (facts(uid=1000, sudo="free", docker_access="direct"), {}),
        (facts(uid=1000, sudo="password", docker_access="sudo"), {}),
        (facts(ports_taken=(6443, 10250), container="running"), {}),
        (facts(ports_taken=(80, 443)), {}),
        (facts(ports_taken=(80, 443)), {"disable": "servicelb"}),
        (facts(ports_taken=(6443, 10250), container="running", container_port=6443), {}),
        (OFF, {}),
    ],
)
def test_what_is_unknown_or_explained_is_no_refusal(
    known: Facts | Unreadable, config: dict[str, str]
) -> None:
    plan(known, **config)


def test_a_password_that_sudo_asks_for_is_a_setting_that_is_missing() -> None:
    (found,) = problems(facts(uid=1026, user="bob", sudo="needed"))
    assert (found.key, found.value) == ("sudoPassword", None)
    assert "pulumi config set --secret nas-k3s:sudoPassword" in found.fix
    assert "bob ALL=(root) NOPASSWD: ALL" in found.fix


def test_every_refusal_is_told_at_once_and_without_the_password() -> None:
    known = facts(uid=1, platform="unraid", ports_taken=(6443, 10250))
    found = problems(known, proxyUser="svc", proxyPassword=PASSWORD)
    assert [one.key for one in found] == ["sshUser", "proxy", "apiPort", "apiPort"]
    assert PASSWORD not in str(found)
    assert ENCODED not in str(found)


def test_the_ports_that_are_looked_at_are_those_that_k3s_takes() -> None:
    host = {16443, 6444, 10010, 10248, 10249, 10250, 10256, 10257, 10258, 10259}
    assert set(needed_ports(settings(apiPort="16443"))) == host
    bridge = settings(networkMode="bridge", publishPorts="8080:80,30000-30001:40000-40001/udp")
    assert set(needed_ports(bridge)) == {6443, 8080, 30000, 30001}


# ---- warnings

AGREES: dict[str, Any] = {
    "http_proxy": "http://192.168.31.198:7222",
    "https_proxy": "http://192.168.31.198:7222",
    "no_proxy": "localhost,127.0.0.0/8,::1,192.168.31.88",
}


@pytest.mark.parametrize(
    ("known", "config", "words"),
    [
        (OFF, {}, ["was not read", "no route to host"]),
        (FACTS, {}, ["restarted", "2 running containers"]),
        (facts(running=None), {}, ["all running containers"]),
        (
            facts(no_restart_policy=("notes", "x")),
            {},
            ["without a restart policy of their own: notes, x"],
        ),
        (facts(machine="mips", **AGREES), {}, ["no image for mips"]),
        (facts(**{**AGREES, "no_proxy": "localhost"}), {}, ["restarted"]),
        (facts(**{**AGREES, "http_proxy": "http://192.168.31.198:3128"}), {}, ["restarted"]),
        (facts(**{**AGREES, "https_proxy": ""}), {}, ["restarted"]),
        (facts(**AGREES), {"noProxy": '["a.lan"]'}, ["restarted"]),
    ],
)
def test_what_a_user_should_know_before_is_a_warning(
    known: Facts | Unreadable, config: dict[str, str], words: list[str]
) -> None:
    (warning,) = plan(known, **config).warnings
    for word in words:
        assert word in warning


@pytest.mark.parametrize(
    ("known", "config"),
    [
        (facts(**AGREES), {}),
        (FACTS, {"proxy": ""}),
        (
            facts(**{**AGREES, "http_proxy": "http://xxxxx:xxxxx@192.168.31.198:7222"}),
            {"proxyUser": "u", "proxyPassword": "p"},
        ),
    ],
)
def test_a_daemon_that_has_its_proxy_already_needs_no_warning(
    known: Facts, config: dict[str, str]
) -> None:
    assert plan(known, **config).warnings == ()


def test_other_credentials_restart_docker_although_docker_masks_them() -> None:
    first = {"proxyUser": "u", "proxyPassword": "p"}
    shown = "http://xxxxx:xxxxx@192.168.31.198:7222"
    masked = {**AGREES, "http_proxy": shown, "https_proxy": shown}
    daemon = plan(**first).daemon
    assert daemon is not None
    for written in (daemon.proxies, daemon.drop_in, daemon.exports):
        put = fingerprint(written)
        known = facts(**masked, put=put, applied_put=put)
        known = replace(known, applied_proxy=daemon.shown, applied_no_proxy=AGREES["no_proxy"])
        known = replace(
            known, container="running", own_container="k3s", docker_on_path="/usr/bin/docker"
        )
        assert plan(known, **first).warnings == ()
        (warning,) = plan(known, **{**first, "proxyPassword": "q"}).warnings
        assert "will be restarted" in warning


# ---- images, names, the rest


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("rancher/k3s:v1", "registry-1.docker.io:443"),
        ("k3s:v1", "registry-1.docker.io:443"),
        ("docker.io/rancher/k3s:v1", "registry-1.docker.io:443"),
        ("index.docker.io/rancher/k3s:v1", "registry-1.docker.io:443"),
        ("ghcr.io/a/b@sha256:1", "ghcr.io:443"),
        ("reg.lan:5000/k3s:v1", "reg.lan:5000"),
        ("localhost/k3s:v1", "localhost:443"),
        ("192.168.31.5:5000/a/k3s:v1", "192.168.31.5:5000"),
    ],
)
def test_the_registry_is_the_one_that_the_image_names(image: str, registry: str) -> None:
    assert registry_of(image) == registry


@pytest.mark.parametrize(
    ("config", "version"),
    [
        ({}, "v1.34.4+k3s1"),
        ({"k3sVersion": "v1.33.1+k3s2"}, "v1.33.1+k3s2"),
        ({"k3sImage": "reg.lan/k3s:mine"}, ""),
    ],
)
def test_the_kubelet_has_to_show_the_version_of_the_release(
    config: dict[str, str], version: str
) -> None:
    assert plan(**config).kubelet_version == version


ALWAYS = (
    "deployment/coredns",
    "deployment/local-path-provisioner",
    "deployment/metrics-server",
)
TRAEFIK = ("job/helm-install-traefik-crd", "job/helm-install-traefik", "deployment/traefik")


@pytest.mark.parametrize(
    ("config", "workloads"),
    [
        ({}, ALWAYS),
        ({"disable": '["servicelb"]'}, (*ALWAYS, *TRAEFIK)),
        ({"disable": "[]"}, (*ALWAYS, *TRAEFIK, "daemonset/svclb-traefik")),
        ({"disable": '["traefik"]'}, ALWAYS),
        ({"disable": "[]", "serverArgs": "--disable-helm-controller"}, ALWAYS),
        ({"disable": '["coredns", "local-storage", "metrics-server", "traefik"]'}, ()),
    ],
)
def test_what_is_not_disabled_has_to_work(
    config: dict[str, str], workloads: tuple[str, ...]
) -> None:
    assert plan(**config).workloads == workloads


@pytest.mark.parametrize(
    ("config", "proxy"),
    [
        ({}, "192.168.31.198:7222"),
        ({"proxyScope": "images"}, ""),
        ({"proxyScope": "none"}, ""),
        ({"proxy": ""}, ""),
    ],
)
def test_only_with_scope_all_does_the_api_server_know_a_proxy(
    config: dict[str, str], proxy: str
) -> None:
    assert plan(**config).server_proxy == proxy


@pytest.mark.parametrize(
    ("host", "server"),
    [
        ("192.168.31.88", "https://192.168.31.88:16443"),
        ("nas.lan", "https://nas.lan:16443"),
        ("fd00::88", "https://[fd00::88]:16443"),
    ],
)
def test_the_kubeconfig_points_to_the_address_of_the_config(host: str, server: str) -> None:
    config = {"nodeIp": "192.168.31.88"} if ":" in host else {}
    made = plan(facts(address="10.9.9.9"), host=host, apiPort="16443", **config)
    assert made.kubeconfig.server == server


def test_names_depend_on_the_stack_and_never_on_the_nas() -> None:
    one = plan(FACTS)
    other = plan(facts(hostname="other", address="192.168.31.99"))
    assert one.kubeconfig == other.kubeconfig
    assert one.cluster_identifier == other.cluster_identifier
    assert make_plan(settings("nas89"), FACTS).cluster_identifier != one.cluster_identifier


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        ({"proxy": ""}, "nas-k3s:proxy "),
        ({"proxyScope": "none"}, "nas-k3s:proxyScope"),
        ({}, "nas-k3s:proxy"),
        ({"proxyScope": "images"}, "nas-k3s:caCertificatesFile"),
    ],
)
def test_the_hint_for_failed_pulls_names_the_setting_to_change(
    config: dict[str, str], setting: str
) -> None:
    hint = plan(proxyUser="", **config).pull_hint
    assert setting in hint
    if "proxy" not in config:
        assert "192.168.31.198:7222" in hint


def test_ca_certificates_are_the_content_of_their_file(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(b"# M\xfcnchen\n-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
    text = plan(caCertificatesFile=str(bundle)).ca_certificates
    assert "-----BEGIN CERTIFICATE-----\nx\n" in text
    assert plan().ca_certificates == ""


def test_the_same_input_gives_the_same_plan_and_changes_nothing() -> None:
    chosen = settings(noProxy='["b.lan", "a.lan"]', disable='["traefik", "servicelb"]')
    before = chosen.model_dump_json()
    first = make_plan(chosen, FACTS)
    assert make_plan(chosen, FACTS) == first
    assert chosen.model_dump_json() == before
    turned = settings(noProxy='["b.lan", "a.lan"]', disable='["servicelb", "traefik"]')
    assert make_plan(turned, FACTS).command == first.command


def test_a_nas_that_is_off_gives_the_plan_that_its_facts_would_only_refine() -> None:
    known = plan(facts(**AGREES), drift="off")
    without = plan(OFF, drift="off")
    assert replace(without, warnings=()) == known


@pytest.mark.parametrize(
    ("known", "config", "key", "words"),
    [
        (
            facts(ports_taken=(6443, 8090), container="running", container_port=6443),
            {"apiPort": "8090"},
            "apiPort",
            "port 8090 of the NAS is in use",
        ),
        (facts(), {"apiPort": "10250"}, "apiPort", "is a port that Kubernetes itself needs"),
        (
            facts(own_container="k3s", ports_taken=(6443,)),
            {"containerName": "k8s"},
            "containerName",
            "is not the name of this stack's container on the NAS, k3s",
        ),
    ],
)
def test_a_change_that_would_end_the_running_cluster_is_refused(
    known: Facts, config: dict[str, str], key: str, words: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        make_plan(settings(**config), known)
    (problem,) = caught.value.problems
    assert problem.key == key
    assert words in problem.why


@pytest.mark.parametrize("text", ["proxies", "drop_in", "exports"])
def test_another_password_is_announced_with_the_restart_although_docker_shows_none(
    text: str,
) -> None:
    login = {"proxyUser": "svc", "proxyPassword": "old"}
    before = plan(facts(**AGREES), **login).daemon
    assert before is not None
    put = fingerprint(getattr(before, text))
    known = facts(**AGREES, put=put, applied_put=put, container="running")
    assert not any("restarted" in one for one in plan(known, **login).warnings)
    changed = plan(known, **{**login, "proxyPassword": "new"}).warnings
    assert any("Docker on the NAS will be restarted for its proxy" in one for one in changed)


DEPLOYED = facts(
    container="running",
    own_container="k3s",
    container_flags={
        "cluster-cidr": "10.42.0.0/16",
        "service-cidr": "10.43.0.0/16",
        "node-name": "nas88",
        "cluster-domain": "cluster.local",
    },
    token=token_print("the-clusters-own"),
)
FULL_TOKEN = f"K10{'0a' * 32}::server:the-clusters-own"


# What destroy left with keepData, and what a container that was removed by hand did.
KEPT = replace(
    DEPLOYED,
    container="",
    own_container="",
    container_flags={},
    made_with=DEPLOYED.container_flags,
    cluster_data="there",
)


@pytest.mark.parametrize("known", [DEPLOYED, KEPT], ids=["runs", "kept"])
@pytest.mark.parametrize(
    ("config", "key", "why", "fix"),
    [
        ({"clusterCidr": "10.52.0.0/16"}, "clusterCidr", "10.42.0.0/16, and k3s ends", "10.42.0.0"),
        ({"serviceCidr": "10.53.0.0/16"}, "serviceCidr", "services, 10.43.0.0/16", "10.43.0.0"),
        ({"nodeName": "other"}, "nodeName", "this cluster's node, nas88", "write nas88"),
        ({"token": "another"}, "token", "encrypted with", "k3s kept its own"),
    ],
)
def test_what_the_data_of_the_cluster_would_not_survive_is_refused(
    known: Facts, config: dict[str, str], key: str, why: str, fix: str
) -> None:
    (found,) = problems(known, **config)
    assert found.key == key
    assert why in found.why
    assert fix in found.fix
    assert "docker volume rm k3s-data k3s-etc" in found.fix
    assert "another" not in str(found)
    # Without data nothing is known, and of somebody else's container nothing is ours.
    plan(replace(KEPT, cluster_data="none", token=""), **config)
    (found,) = problems(replace(KEPT, container="running", token=""), **config)
    assert (found.key, found.why[:40]) == (
        "containerName",
        "is the name of a container on the NAS th",
    )


def test_data_in_a_directory_is_emptied_there() -> None:
    where = {"dataDirectory": "/share/CACHEDEV1_DATA/k3s"}
    known = replace(KEPT, data_directory=where["dataDirectory"], data_directory_is="ours")
    (found,) = problems(known, nodeName="other", **where)
    assert "`rm -r /share/CACHEDEV1_DATA/k3s/data /share/CACHEDEV1_DATA/k3s/etc`" in found.fix


@pytest.mark.parametrize(
    "config",
    [{}, {"token": "the-clusters-own"}, {"token": FULL_TOKEN}, {"clusterDomain": "home.lan"}],
)
def test_what_the_data_of_the_cluster_survives_is_no_refusal(config: dict[str, str]) -> None:
    plan(DEPLOYED, **config)
    plan(KEPT, **config)
    # Of data from before there was a note nothing is known.
    plan(replace(KEPT, made_with={}), **config)


def test_another_domain_is_announced_with_what_it_breaks() -> None:
    warnings = plan(DEPLOYED, clusterDomain="home.lan").warnings
    assert any("clusterDomain changes: what asks for" in one for one in warnings)
    assert not any("clusterDomain" in one for one in plan(DEPLOYED).warnings)


def test_a_proxy_that_goes_is_announced_with_the_restart_that_it_takes() -> None:
    known = facts(applied_put="a", put="a", container="running", running=3)
    warnings = make_plan(settings(proxy=""), known).warnings
    assert "restarted to take its proxy away: 3 running containers" in "\n".join(warnings)


@pytest.mark.parametrize("setting", ["never", "when-safe"])
def test_a_proxy_that_goes_without_a_restart_is_announced_as_that(setting: str) -> None:
    known = facts(applied_put="a", put="a", container="running", no_restart_policy=("notes",))
    said = "\n".join(make_plan(settings(proxy="", restartDaemon=setting), known).warnings)
    assert f"which runs on with it until somebody restarts it: restartDaemon is {setting}" in said
    assert "will be re" not in said
    safe = replace(known, no_restart_policy=())
    said = "\n".join(make_plan(settings(proxy="", restartDaemon=setting), safe).warnings)
    assert ("restarted to take its proxy away" in said) == (setting == "when-safe")


def test_a_proxy_that_stays_in_place_restarts_nothing_when_the_setting_goes() -> None:
    known = facts(applied_put="a", put="a", container="running", running=3)
    said = "\n".join(make_plan(settings(proxy="", keepDaemonProxy="true"), known).warnings)
    assert "restart" not in said


def test_what_the_owner_of_an_old_engine_set_by_hand_is_enough_with_any_list() -> None:
    """docs/daemon-proxy.md: on a `custom` NAS an engine before 23 is set by hand."""
    config = {"platform": "custom", "dockerPath": "/usr/bin/docker"}
    config |= {"daemonConfigFile": "/etc/docker/daemon.json", "daemonRestartCommand": "restart"}
    known = facts(platform="custom", engine="20.10.5", **{**AGREES, "no_proxy": "localhost"})
    assert make_plan(settings(**config), known).warnings == ()
    with pytest.raises(RefusedError, match="knows no proxies"):
        make_plan(settings(**config), replace(known, https_proxy=""))


@pytest.mark.parametrize(
    ("no_proxy", "spared"),
    [("", False), ("reg.lan", True), (".lan", True), ("reg.lan:5000", True), ("reg.lan:1", False)],
)
def test_a_registry_that_docker_goes_to_by_itself_is_known(no_proxy: str, spared: bool) -> None:
    config = {"k3sImage": "reg.lan:5000/rancher/k3s:v1.34.4-k3s1", "noProxy": no_proxy}
    daemon = make_plan(settings(**config), facts()).daemon
    assert daemon is not None
    assert daemon.registry_spared is spared


def test_kept_data_whose_block_overlaps_is_told_and_its_block_not_refused() -> None:
    """Removing the container must not make a cluster of which no way leads back."""
    taken = DockerNetwork("bridge", "bridge", (ip_network("10.42.0.0/16"),))
    kept = facts(
        docker_networks=(taken,), cluster_data="there", made_with={"cluster-cidr": "10.42.0.0/16"}
    )
    assert any("10.42.0.0/16 of the cluster overlaps" in one for one in plan(kept).warnings)
    with pytest.raises(RefusedError, match="clusterCidr"):
        plan(replace(kept, cluster_data="", made_with={}))


def test_a_docker_that_told_no_networks_has_its_bridge_all_the_same() -> None:
    assert plan(facts(docker_networks=()), networkMode="bridge").settings.network_mode == "bridge"


def test_a_daemon_that_is_down_is_said_and_no_restart_announced() -> None:
    (warning,) = make_plan(settings(), facts(engine="", http_proxy="")).warnings
    assert "does not answer" in warning


def test_a_proxy_of_ours_on_the_nas_of_a_stack_without_one_is_taken_away_whoever_set_it() -> None:
    """Of an up that was cut off Pulumi knows nothing, and without a mark there would be no diff."""
    left = facts(
        applied_put="a",
        put="a",
        proxy_file="/q/docker.json",
        container="running",
        docker_on_path="/bin/docker",
    )
    made = plan(left, proxy="")
    assert made.daemon_drift is not None
    assert "a proxy of this program is in /q/docker.json" in made.daemon_drift
    # Preview says what becomes of Docker, and an edit of the config is no change on the NAS.
    assert [text for text in made.warnings if "to take its proxy away" in text]
    assert not [text for text in made.warnings if "changed on the NAS" in text]
    kept = plan(left, proxy="", keepDaemonProxy="true")
    assert kept.daemon_drift is None
    assert [text for text in kept.warnings if "/q/docker.json and is yours from then on" in text]
    assert plan(replace(left, applied_put=""), proxy="").daemon_drift is None
