"""The stack's config: what is taken, and how what is not taken is refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import Problem, RefusedError
from nas.settings import REFUSED_KEYS, SECRET_KEYS
from nas.settings_reader import KEYS, load_settings
from tests.unit.samples import host_key, settings

HOST = "192.168.31.88"
SENTINEL = "S3NTINEL"


def refused(stack: str = "nas88", **config: str) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        settings(stack, **config)
    return caught.value


def problem(**config: str) -> Problem:
    """The only problem of a config."""
    problems = refused(**config).problems
    assert len(problems) == 1, problems
    return problems[0]


# ---- what is refused


@pytest.mark.parametrize(
    ("key", "value", "spelt", "why", "fix"),
    [
        ("host", "", "host", "is needed", "pulumi config set nas-k3s:host 192.168.31.88"),
        ("host", "ssh://nas", "host", "URL", "name or address only"),
        ("host", "admin@nas", "host", "user", "sshUser"),
        ("host", "nas:22", "host", "port", "sshPort"),
        ("host", "192.168.31", "host", "no name or address", "192.168.31.88"),
        ("host", "192.168.31.888", "host", "no name or address", "192.168.31.88"),
        ("host", "my nas", "host", "no name or address", "nas.lan"),
        ("proxy", "http://192.168.31.198", "proxy", "no port", "http://192.168.31.198:7222"),
        ("proxy", "192.168.31.198:7222", "proxy", "no scheme", "http://192.168.31.198:7222"),
        ("noProxy", '["a.lan","10.1.*"]', "noProxy[1]", "glob", "10.1.0.0/16"),
        ("noProxy", '["a.lan;b.lan"]', "noProxy[0]", "several", "[a.lan, b.lan]"),
        ("noProxy", "10.1.*", "noProxy", "glob", "10.1.0.0/16"),
        ("noProxy", '{"a": 1}', "noProxy", "no list", "nas-k3s:noProxy A,B"),
        ("noProxy", "[1]", "noProxy[0]", "no text", "in quotes"),
        ("noProxy", '["a.lan"', "noProxy", "no list", "nas-k3s:noProxy A,B"),
        ("host", "fe80::1%eth0", "host", "zone", "address that needs no zone"),
        ("proxy", "192.168.31.198", "proxy", "no scheme", "http://192.168.31.198:PORT"),
        ("proxy", "http://localhost:7222", "proxy", "the NAS itself", "in the LAN"),
        ("proxy", "http://127.0.0.2:7222", "proxy", "the NAS itself", "in the LAN"),
        ("proxy", "http://[::1]:7222", "proxy", "the NAS itself", "in the LAN"),
        ("proxy", "http://0.0.0.0:7222", "proxy", "reached at", "in the LAN"),
        ("lanCidr", "0.0.0.0/0", "lanCidr", "everything", "192.168.31.0/24"),
        ("lanCidr", "lan/24", "lanCidr", "not a CIDR block", "192.168.31.0/24"),
        ("clusterCidr", "10.42.0.0/25", "clusterCidr", "a node gets a /24", "10.42.0.0/16"),
        ("clusterCidr", "fd00:42::/96", "clusterCidr", "a node gets a /64", "fd00:42::/56"),
        ("serviceCidr", "10.43.0.0/31", "serviceCidr", "too small", "10.43.0.0/16"),
        ("containerName", "k", "containerName", "name of a container", "2 to 63"),
        ("nodeName", "a..b", "nodeName", "valid name", "e.g. a.b"),
        ("nodeName", "NAS-", "nodeName", "valid name", "e.g. nas"),
        (
            "clusterDomain",
            "io",
            "clusterDomain",
            "registry-1.docker.io lies in it",
            "cluster.local",
        ),
        ("clusterDomain", "k8s.io", "clusterDomain", "registry.k8s.io lies in it", "internet"),
        ("clusterDomain", "a..b", "clusterDomain", "valid name", "e.g. a.b"),
        ("k3sImage", "rancher/k3s:v1 .2", "k3sImage", "white space", "docker.io/rancher"),
        ("k3sImage", "Rancher/K3s:v1", "k3sImage", "no registry takes", "docker.io/rancher"),
        ("k3sImage", ":v1", "k3sImage", "no registry takes", "docker.io/rancher"),
        ("k3sImage", "a//b:v1", "k3sImage", "no registry takes", "docker.io/rancher"),
        ("k3sImage", "reg.lan:99999/k3s:v1", "k3sImage", "a registry that is no", "docker.io/"),
        ("k3sImage", "x:-v", "k3sImage", "a tag that no registry takes", "docker.io/rancher"),
        ("smokeImage", "x@sha256:abc", "smokeImage", "no whole digest", "64 hexadecimal"),
        ("proxyUser", "a\nb", "proxyUser", "more than one", "one line"),
        ("proxyPassword", "a\n", "proxyPassword", "line end", "printf %s"),
        ("token", "a\r\n", "token", "line end", "printf %s"),
        (
            "registries",
            "{mirrors: {x: {endpoint: y}}}",
            "registries.mirrors.x.endpoint",
            "fit",
            "Pu",
        ),
        ("apiPort", "70000", "apiPort", "too large", "at most 65535"),
        ("apiPort", "0", "apiPort", "too small", "at least 1"),
        ("sshPort", "-22", "sshPort", "too small", "at least 1"),
        ("sshPort", "22x", "sshPort", "no whole number", "write e.g. 22"),
        ("sshPort", "true", "sshPort", "no whole number", "write e.g. 22"),
        ("sshPort", "22.5", "sshPort", "no whole number", "write e.g. 22"),
        ("sshPort", "[22]", "sshPort", "no whole number", "write e.g. 22"),
        ("sshUser", r"LAB\bob", "sshUser", "ssh:// URL", "local account"),
        ("sshUser", "bob@lab", "sshUser", "ssh:// URL", "local account"),
        ("platform", "asustor", "platform", "choices", "'systemd' or 'custom'"),
        ("restartDaemon", "yes", "restartDaemon", "choices", "'when-safe' or 'never'"),
        ("drift", "true", "drift", "choices", "'on' or 'off'"),
        ("dockerPath", "docker", "dockerPath", "no absolute path", "/usr/bin/docker"),
        ("daemonConfigFile", "/a b/c", "daemonConfigFile", "no absolute path", "/etc/docker"),
        ("daemonConfigFile", "/etc/docker/", "daemonConfigFile", "no absolute path", "/etc/"),
        ("daemonRestartCommand", "a\nb", "daemonRestartCommand", "more than one", "one line"),
        ("sudoPassword", "a\nb", "sudoPassword", "line end", "one line"),
        ("proxyScope", "pods", "proxyScope", "choices", "'all', 'images' or 'none'"),
        ("keepData", "perhaps", "keepData", "neither true nor false", "true or false"),
        ("lanCidr", "192.168.31.0", "lanCidr", "no '/'", "192.168.31.0/24"),
        ("lanCidr", "192.168.31.1/24", "lanCidr", "host bits", "write 192.168.31.0/24"),
        ("restoreSnapshot", "../v1", "restoreSnapshot", "no name of a snapshot", "Z"),
        ("restoreSnapshot", "v1.34.4-k3s1", "restoreSnapshot", "no name of a snapshot", "Z"),
        ("k3sVersion", "latest", "k3sVersion", "no k3s release", "v1.34.4-k3s1"),
        ("k3sVersion", "1.34.4-k3s1", "k3sVersion", "no k3s release", "v1.34.4-k3s1"),
        ("k3sVersion", "v١.34.4-k3s1", "k3sVersion", "no k3s release", "v1.34.4-k3s1"),
        ("k3sImage", "reg.lan:5000/k3s", "k3sImage", "no version", "tag or digest"),
        ("k3sImage", "rancher/k3s:latest", "k3sImage", "no version", "tag or digest"),
        ("smokeImage", "busybox", "smokeImage", "no version", "tag or digest"),
        ("smokeImage", "reg:5000/a:latest", "smokeImage", "no version", "e.g. reg:5000/a:1.2.3"),
        ("containerName", "K3s", "containerName", "valid name", "lower-case"),
        ("nodeName", "nas_88", "nodeName", "valid name", "lower-case"),
        ("nodeIp", "nas.lan", "nodeIp", "not an IP", "192.168.31.88"),
        ("tlsSans", '["*.lan"]', "tlsSans[0]", "no name or address", "nas.example.lan"),
        ("disable", '["treafik"]', "disable[0]", "no component", "traefik"),
        ("disable", "treafik", "disable", "no component", "traefik"),
        ("readyTimeout", "5", "readyTimeout", "too small", "at least 10"),
        ("registries", "[]", "registries", "does not fit", "Pulumi.example.yaml"),
        ("registries", '{"mirror": {}}', "registries.mirror", "not known here", "write mirrors"),
        ("registries", '{"a": {}}', "registries.a", "not known here", "write mirrors or configs"),
        (
            "registries",
            '{"mirrors": {"quay.io": {"endpoints": []}}}',
            'registries.mirrors["quay.io"].endpoints',
            "not known here",
            "write endpoint",
        ),
        (
            "registries",
            '{"configs": {"r.lan": {"tls": {"ca": "/x"}}}}',
            'registries.configs["r.lan"].tls.ca',
            "not known here",
            "write ca_file",
        ),
        (
            "registries",
            '{"configs": {"r.lan": {"auth": {"user": "x"}}}}',
            'registries.configs["r.lan"].auth.user',
            "not known here",
            "write username",
        ),
        (
            "registries",
            '{"mirrors": {"docker.io": {"endpoint": ["reg.lan:5000"]}}}',
            'registries.mirrors["docker.io"].endpoint[0]',
            "URL with its scheme",
            "https://registry.lan:5000",
        ),
    ],
)
def test_a_bad_value_is_refused_with_key_value_fault_and_what_to_write(
    key: str, value: str, spelt: str, why: str, fix: str
) -> None:
    found = problem(**{key: value})
    assert found.key == spelt
    assert why in found.why
    assert fix in found.fix
    if not value:
        assert found.value is None
    elif key in SECRET_KEYS:
        assert found.value == "[secret]"
    else:
        assert found.value is not None
        assert json.loads(found.value) in (value, *_items(value))


def test_an_image_that_is_a_url_is_refused() -> None:
    found = problem(k3sImage="https://docker.io/rancher/k3s:v1")
    assert (found.key, found.why) == ("k3sImage", "is a URL")
    assert "without the scheme" in found.fix


def _items(value: str) -> tuple[object, ...]:
    """The value itself as JSON, and its items."""
    try:
        parsed = json.loads(value)
    except ValueError:
        return ()
    return (parsed, *parsed) if isinstance(parsed, list) else (parsed,)


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("noproxy", "noProxy"),
        ("no_proxy", "noProxy"),
        ("sshKeyFile", "sshPrivateKeyFile"),
        ("prxy", "proxy"),
        ("sshPasword", None),
        ("zzz", None),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(key: str, near: str | None) -> None:
    found = problem(**{key: SENTINEL})
    assert found.key == key
    assert "no setting" in found.why
    if near is None:
        assert not any(refused_key in found.fix for refused_key in REFUSED_KEYS)
    else:
        assert found.fix == f"write nas-k3s:{near}"
    assert SENTINEL not in str(found)


def test_every_problem_is_told_at_once() -> None:
    error = refused(
        host="", apiPort="0", noProxy='["10.1.*"]', prxy="x", proxy="socks5://192.168.31.198:1080"
    )
    assert {found.key for found in error.problems} == {
        "host",
        "apiPort",
        "noProxy[0]",
        "prxy",
        "proxy",
    }


def test_of_a_list_with_commas_each_wrong_entry_is_told() -> None:
    found = refused(noProxy="a.lan,10.20.0.0/99,http://x.y/,a*.lan").problems
    assert [(one.value, one.fix) for one in found] == [
        ('"10.20.0.0/99"', "write e.g. 192.168.31.0/24"),
        ('"http://x.y/"', "write x.y"),
        ('"a*.lan"', "write a CIDR block such as 10.1.0.0/16 or a domain such as .example.lan"),
    ]


def test_no_comma_of_a_password_ends_an_entry() -> None:
    (found,) = refused(noProxy=f"a.lan,http://u:{SENTINEL},{SENTINEL}@x.y/").problems
    assert SENTINEL not in str(found)


def test_a_stack_whose_name_fits_no_node_is_refused_with_its_name() -> None:
    found = refused("My_NAS").problems[0]
    assert (found.key, found.value) == ("stack", '"My_NAS"')
    assert not found.is_setting
    assert "pulumi stack rename my-nas" in found.fix


@pytest.mark.parametrize(
    ("key", "keys"),
    [("sshPassword", "ssh-copy-id -p 22 admin@192.168.31.88"), ("sshPrivateKeyPassword", "agent")],
)
def test_a_password_for_ssh_is_refused_with_the_way_of_keys(key: str, keys: str) -> None:
    found = problem(**{key: SENTINEL})
    assert found.key == key
    assert keys in found.fix
    assert f"pulumi config rm nas-k3s:{key}" in found.fix


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        ({"proxy": "", "proxyUser": "svc"}, {"proxyUser"}),
        ({"proxy": "", "proxyUser": "svc", "proxyPassword": "x"}, {"proxyUser", "proxyPassword"}),
        ({"proxyPassword": "x"}, {"proxyPassword"}),
        ({"proxy": "http://u:p@h:1", "proxyUser": "svc"}, {"proxy"}),
    ],
)
def test_credentials_that_fit_no_proxy_are_refused(config: dict[str, str], keys: set[str]) -> None:
    assert {found.key for found in refused(**config).problems} == keys


@pytest.mark.parametrize(
    ("config", "key", "why"),
    [
        ({"clusterCidr": "10.43.0.0/17"}, "clusterCidr", "overlaps nas-k3s:serviceCidr"),
        (
            {"host": "nas.lan", "lanCidr": "10.42.3.0/24"},
            "clusterCidr",
            "overlaps nas-k3s:lanCidr = 10.42.3.0/24",
        ),
        ({"serviceCidr": "10.42.0.0/17"}, "serviceCidr", "overlaps nas-k3s:clusterCidr"),
        ({"proxy": "http://10.43.0.7:7222"}, "serviceCidr", "the proxy (proxy = 10.43.0.7)"),
        ({"serviceCidr": "192.168.0.0/16"}, "serviceCidr", "host = 192.168.31.88"),
        ({"host": "nas.lan", "nodeIp": "10.42.0.9"}, "clusterCidr", "nodeIp = 10.42.0.9"),
    ],
)
def test_networks_that_overlap_are_refused(config: dict[str, str], key: str, why: str) -> None:
    found = problem(**config)
    assert found.key == key
    assert why in found.why
    assert "10.52.0.0/16" in found.fix


def test_a_lan_that_the_nas_is_not_in_is_what_has_to_change() -> None:
    found = problem(lanCidr="10.42.3.0/24")
    assert found.key == "lanCidr"
    assert "the NAS (192.168.31.88) is not in it" in found.why
    assert "192.168.31.0/24" in found.fix


def test_the_proposed_block_is_free_too() -> None:
    found = refused(host="10.0.0.8", lanCidr="10.0.0.0/8", proxy="").problems
    assert {one.key for one in found} == {"clusterCidr", "serviceCidr"}
    assert "172.28.0.0/16" in found[0].fix
    assert "172.29.0.0/16" in found[1].fix


def test_a_cluster_may_be_of_ipv6() -> None:
    blocks = {"clusterCidr": "fd00:42::/56", "serviceCidr": "fd00:43::/112"}
    assert settings(**blocks, nodeIp="fd00::88").cluster_cidr == "fd00:42::/56"


@pytest.mark.parametrize(
    ("config", "key", "why"),
    [
        ({"clusterCidr": "fd00:42::/56"}, "serviceCidr", "is IPv4, and clusterCidr is IPv6"),
        ({"nodeIp": "fd00::88"}, "clusterCidr", "nodeIp = fd00::88"),
    ],
)
def test_networks_of_two_families_are_refused(config: dict[str, str], key: str, why: str) -> None:
    found = problem(**config)
    assert found.key == key
    assert why in found.why


# ---- secrets

secret_text = st.text(max_size=6).map(lambda text: f"{text}{SENTINEL}{text}")
INVALID_WITH_SECRET: dict[str, Callable[[str], dict[str, str]]] = {
    "proxy, port missing": lambda s: {"proxy": f"http://u:{s}@h"},
    "proxy, no scheme": lambda s: {"proxy": f"u:{s}@h:1"},
    "proxy, user twice": lambda s: {"proxy": f"http://u:{s}@h:1", "proxyUser": "u"},
    "proxyPassword without user": lambda s: {"proxyPassword": s},
    "proxyPassword without proxy": lambda s: {"proxy": "", "proxyPassword": s, "proxyUser": "u"},
    "sshPassword": lambda s: {"sshPassword": s},
    "sshPrivateKeyPassword": lambda s: {"sshPrivateKeyPassword": s},
    "token beside a fault": lambda s: {"token": s, "apiPort": "0"},
    "registries, no JSON": lambda s: {"registries": f"{{password: {s}"},
    "registries, wrong type": lambda s: {"registries": json.dumps([s])},
    "registries, wrong member": lambda s: {"registries": json.dumps({"configs": {"r": {"a": s}}})},
    "registries, wrong auth": lambda s: {
        "registries": json.dumps({"configs": {"r": {"auth": {"password": [s]}}}})
    },
    "noProxy with a URL": lambda s: {"noProxy": json.dumps([f"http://u:{s}@h"])},
    "noProxy of a wrong type": lambda s: {"noProxy": json.dumps({"a": f"http://u:{s}@h"})},
    "proxy, '@' missing": lambda s: {"proxy": f"http://user:{s}:host:7222"},
    "proxy, host missing": lambda s: {"proxy": f"http://user:{s}"},
    "proxy, host missing behind '@'": lambda s: {"proxy": f"http://user:a@{s}"},
    "proxy, only credentials": lambda s: {"proxy": f"user:{s}"},
    "proxy, one slash": lambda s: {"proxy": f"http:/user:{s}@h:1"},
    "proxy, path": lambda s: {"proxy": f"http://user:1/{s}"},
    "proxyUser with password": lambda s: {"proxyUser": f"user:{s}"},
    "sshPrivateKeyFile, the key": lambda s: {
        "sshPrivateKeyFile": f"-----BEGIN OPENSSH PRIVATE KEY-----\n{s}\n-----END"
    },
    "sshPrivateKeyFile, the key in one line": lambda s: {
        "sshPrivateKeyFile": f"-----BEGIN RSA PRIVATE KEY----- {s}"
    },
    "sshPrivateKeyFile, the key's lines": lambda s: {"sshPrivateKeyFile": f"MII\n{s}"},
    "caCertificatesFile, with the key": lambda s: {"caCertificatesFile": f"PRIVATE KEY\n{s}"},
    "NUL in a password": lambda s: {"proxyUser": "u", "proxyPassword": f"{s}\0"},
    "serverArgs, token": lambda s: {"serverArgs": json.dumps([f"--token={s}"])},
    "serverArgs, one dash": lambda s: {"serverArgs": json.dumps([f"-token={s}"])},
    "serverArgs, token beside": lambda s: {"serverArgs": json.dumps(["--agent-token", s])},
    "serverArgs, both in one": lambda s: {"serverArgs": json.dumps([f"--token {s}"])},
    "serverArgs, datastore": lambda s: {
        "serverArgs": json.dumps([f"--datastore-endpoint=pg://u:{s}@h", "--node-name=x"])
    },
    "serverArgs, datastore and a fault": lambda s: {
        "serverArgs": json.dumps([f"--datastore-endpoint= pg://u:{s}@h\n"])
    },
    "serverArgs, datastore alone": lambda s: {
        "serverArgs": json.dumps([f"--datastore-endpoint=mysql://u:{s}@tcp(h:3306)/k3s"])
    },
    "serverArgs, datastore in two": lambda s: {
        "serverArgs": json.dumps(["--datastore-endpoint", f"mysql://u:{s}@tcp(h:3306)/k3s"])
    },
    "serverArgs, key of a bucket": lambda s: {"serverArgs": f"--etcd-s3-secret-key={s}"},
    "serverArgs, VPN": lambda s: {"serverArgs": f"--vpn-auth=name=tailscale,joinKey={s}"},
    "serverArgs, a word": lambda s: {"serverArgs": json.dumps([s.lstrip("-")])},
    "serverArgs of a wrong type": lambda s: {"serverArgs": json.dumps({"--token": s})},
    "host with user": lambda s: {"host": f"admin:{s}@nas"},
    "noProxy without '@'": lambda s: {"noProxy": f"http://u:{s}:h"},
    "registries, endpoint": lambda s: {
        "registries": json.dumps({"mirrors": {"r": {"endpoint": [f"u:{s}@r"]}}})
    },
    "host as URL": lambda s: {"host": f"http://u:{s}@nas"},
}


@pytest.mark.parametrize("case", INVALID_WITH_SECRET)
@given(secret_text)
def test_no_refusal_shows_a_secret(case: str, secret: str) -> None:
    assert SENTINEL not in str(refused(**INVALID_WITH_SECRET[case](secret)))


def test_the_settings_that_are_refused_are_no_part_of_a_traceback() -> None:
    """Pydantic's own error, which shows its input, is not chained to ours."""
    error = refused(proxyScope="x", token=SENTINEL)
    assert error.__cause__ is None
    assert error.__suppress_context__


@pytest.mark.parametrize("key", [key for key in KEYS if key not in REFUSED_KEYS])
def test_a_nul_character_is_refused_wherever_it_is(key: str) -> None:
    found = problem(**{key: "a\0b"})
    assert (found.key, found.value) == (key, "[not shown]")
    assert "NUL" in found.why


def test_a_nul_character_that_json_spells_is_refused_too() -> None:
    assert "NUL" in problem(serverArgs='["--debug", "--x=\\u0000"]').why


@pytest.mark.parametrize("proxy", ["http://u:p%0Ax@p:1", "http://u%3Av:p@p:1"])
def test_credentials_in_a_url_are_checked_as_they_are_meant(proxy: str) -> None:
    found = problem(proxy=proxy)
    assert (found.key, found.value) == ("proxy", '"http://xxxxx:xxxxx@p:1"')


# ---- more arguments of k3s


@pytest.mark.parametrize(
    ("arguments", "shown", "fix"),
    [
        (["--token=x"], '"--token=..."', "--secret nas-k3s:token"),
        (["-t", "x"], '"-t"', "--secret nas-k3s:token"),
        (["--agent-token-file=/x"], '"--agent-token-file=..."', "--secret nas-k3s:token"),
        (["--node-name=x"], '"--node-name=..."', "nas-k3s:nodeName"),
        (["--tls-san", "x"], '"--tls-san"', "nas-k3s:tlsSans"),
        (["-https-listen-port=1"], '"-https-listen-port=..."', "nas-k3s:apiPort"),
        (["--data-dir=/x"], '"--data-dir=..."', "remove it"),
        (["--kubelet-arg=max-pods=5"], '"--kubelet-arg=..."', "nas-k3s:kubeletArgs"),
        (["--snapshotter", "native"], '"--snapshotter"', "nas-k3s:snapshotter"),
        (["--vpn-auth", "x"], '"--vpn-auth"', "`vpn-auth: ...` into k3s/config.yaml"),
        (
            ["--datastore-endpoint=mysql://u:p@tcp(h:1)/k"],
            '"--datastore-endpoint=..."',
            "into k3s/config.yaml",
        ),
        (["agent"], "[not shown]", "`server` is there already"),
        (["--kube-proxy-arg v=4"], '"--kube-proxy-arg ..."', "own item"),
        ([""], "[not shown]", "--OPTION=VALUE"),
    ],
)
def test_an_argument_that_is_another_settings_is_refused(
    arguments: list[str], shown: str, fix: str
) -> None:
    found = problem(serverArgs=json.dumps(arguments))
    assert (found.key, found.value) == ("serverArgs[0]", shown)
    assert fix in found.fix


@pytest.mark.parametrize(
    "arguments",
    [
        ["--flannel-backend=none", "--disable-network-policy"],
        ["--kube-proxy-arg", "v=4", "--debug"],
        ["--datastore-endpoint=postgres://k3s@10.0.0.5:5432/k3s", "--vpn-auth-file=/x"],
        ["--datastore-endpoint", "https://10.0.0.5:2379"],
        ["--kube-apiserver-arg=feature-gates=A=true,B=false"],
        ["--node-label=a=b c"],
    ],
)
def test_other_arguments_are_taken_as_list_or_as_text(arguments: list[str]) -> None:
    assert settings(serverArgs=json.dumps(arguments)).server_args == arguments
    if all(argument.startswith("-") for argument in arguments):
        assert settings(serverArgs=",".join(arguments)).server_args == arguments


# ---- what is taken


def test_the_smallest_config_is_a_host() -> None:
    found = load_settings("nas88", {"host": HOST})
    assert found.host == HOST
    assert found.proxy_url is None
    assert found.image == "docker.io/rancher/k3s:v1.34.4-k3s1"


def test_empty_texts_are_settings_that_were_not_made() -> None:
    """Pulumi hands the defaults of Pulumi.yaml to the program, which are empty texts."""
    plain = load_settings("nas88", {"host": HOST})
    assert load_settings("nas88", {**dict.fromkeys(KEYS, ""), "host": HOST}) == plain


def test_lists_objects_numbers_and_booleans_come_as_json_text() -> None:
    found = settings(
        noProxy='["a.lan", "*.b.lan"]',
        apiPort="16443",
        keepData="false",
        registries='{"mirrors": {"docker.io": {"endpoint": ["http://reg.lan:5000"]}}}',
        token='"quoted"',
        proxyPassword="123",
        proxyUser="true",
    )
    assert found.no_proxy == ["a.lan", ".b.lan"]
    assert found.api_port == 16443
    assert found.keep_data is False
    assert found.registries.mirrors["docker.io"].endpoint == ["http://reg.lan:5000"]
    assert (found.token, found.proxy_password, found.proxy_user) == ('"quoted"', "123", "true")


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("registry.lan,10.0.0.0/8", ["registry.lan", "10.0.0.0/8"]),
        (" registry.lan , ", ["registry.lan"]),
        ("10.0.0.1", ["10.0.0.1"]),
        ("[fd00::1]:443,nas.lan", ["[fd00::1]:443", "nas.lan"]),
        ("[a.lan, b.lan]", ["a.lan", "b.lan"]),
        ("[]", []),
    ],
)
def test_a_list_may_be_written_as_people_write_it(text: str, entries: list[str]) -> None:
    assert settings(noProxy=text).no_proxy == entries


def test_an_object_may_be_written_as_yaml() -> None:
    text = (
        "configs:\n  r:\n    tls: {insecure_skip_verify: true}\n"
        "    auth: {username: u, password: 0123}\n"
    )
    config = settings(registries=text).registries.configs["r"]
    assert config.tls is not None
    assert config.auth is not None
    assert config.tls.insecure_skip_verify is True
    assert config.auth.password == "0123"


@pytest.mark.parametrize(
    "image",
    [
        "docker.io/rancher/k3s:v1.34.4-k3s1",
        "rancher/k3s:v1",
        "localhost/k3s:v1",
        "[fd00::1]:5000/k3s:v1",
        f"reg.lan:5000/a/b_c/d--e:v1@sha256:{'0' * 64}",
        f"busybox@sha256:{'a' * 64}",
    ],
)
def test_an_image_with_a_tag_or_digest_is_taken(image: str) -> None:
    assert settings(k3sImage=image).image == image


@pytest.mark.parametrize(
    ("given_host", "host"),
    [("nas.lan", "nas.lan"), ("[fd00::88]", "fd00::88"), ("fd00::88", "fd00::88")],
)
def test_a_host_may_be_a_name_or_an_address(given_host: str, host: str) -> None:
    assert settings(host=given_host, nodeIp="192.168.31.88").host == host


@pytest.mark.parametrize("version", ["v1.34.4-k3s1", "v1.34.4+k3s1"])
def test_a_release_may_be_spelt_as_image_tag_or_as_version(version: str) -> None:
    assert settings(k3sVersion=version).image == "docker.io/rancher/k3s:v1.34.4-k3s1"


def test_an_own_image_takes_the_place_of_the_release() -> None:
    assert settings(k3sImage="reg.lan:5000/k3s:v9").image == "reg.lan:5000/k3s:v9"


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        settings().host = "other"


# ---- the host key

KEY = host_key()


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"{KEY} root@nas",
        f"192.168.31.88 {KEY}",
        f"[192.168.31.88]:2222 {KEY}",
        f"|1|c2FsdA==|aGFzaA== {KEY} comment",
        f"  {KEY}\n",
        f"# 192.168.31.88:22 SSH-2.0-OpenSSH_8.0\n192.168.31.88 {KEY}\n",
        f"# 192.168.31.88:22 SSH-2.0-OpenSSH_8.0 192.168.31.88 {KEY}",
        f"h {host_key('ssh-rsa')}\nh {host_key('ecdsa-sha2-nistp256')}\n# h:22 SSH\nh {KEY}\n",
    ],
)
def test_a_host_key_may_be_given_as_any_tool_prints_it(text: str) -> None:
    assert settings(sshHostKey=text).ssh_host_key == KEY


@pytest.mark.parametrize("kind", ["ecdsa-sha2-nistp256", "sk-ssh-ed25519@openssh.com"])
def test_a_host_key_may_be_of_other_types(kind: str) -> None:
    assert settings(sshHostKey=host_key(kind)).ssh_host_key == host_key(kind)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ssh-ed25519 AAAA...", "cut off or damaged"),
        (KEY.replace("ssh-ed25519", "ssh-rsa"), "cut off or damaged"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", "cut off or damaged"),
        (KEY.split()[1], "no SSH host key"),
        ("ssh-ed25519", "no SSH host key"),
        ("SHA256:8uXJz3xyz", "no SSH host key"),
        (host_key("ssh-rsa"), "an RSA key"),
        ("@cert-authority * " + KEY, "no SSH host key"),
        ("# 192.168.31.88:22 SSH-2.0-OpenSSH_8.0", "no SSH host key"),
    ],
)
def test_a_damaged_host_key_is_refused(text: str, why: str) -> None:
    found = problem(sshHostKey=text)
    assert why in found.why
    assert "ssh-keyscan" in found.fix


@given(st.integers(len("ssh-ed25519 "), len(KEY) - 1))
def test_a_host_key_that_is_cut_off_anywhere_is_refused(length: int) -> None:
    assert problem(sshHostKey=KEY[:length]).key == "sshHostKey"


# ---- files

FORMATS = {
    "OpenSSH": serialization.PrivateFormat.OpenSSH,
    "PEM": serialization.PrivateFormat.TraditionalOpenSSL,
    "PKCS8": serialization.PrivateFormat.PKCS8,
}
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def key_text(form: str) -> str:
    pem = serialization.Encoding.PEM
    return EC_KEY.private_bytes(pem, FORMATS[form], serialization.NoEncryption()).decode()


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[..., str]:
    """Writes a key file and returns its path."""

    def write(text: str, mode: int = 0o600) -> str:
        file = tmp_path / "id"
        file.write_bytes(text.encode())
        file.chmod(mode)
        return str(file)

    return write


@pytest.mark.parametrize("form", FORMATS)
def test_a_private_key_without_passphrase_is_taken(key_file: Callable[..., str], form: str) -> None:
    path = key_file(key_text(form))
    assert settings(sshPrivateKeyFile=path).ssh_private_key_file == path


@pytest.mark.parametrize("form", [[], ["-m", "PEM"], ["-m", "PKCS8"]], ids=str)
def test_a_private_key_with_a_passphrase_is_refused_with_the_agent(
    tmp_path: Path, form: list[str]
) -> None:
    path = str(tmp_path / "id")
    made = ["ssh-keygen", "-q", "-t", "ecdsa", "-N", "passphrase", *form, "-f", path]
    subprocess.run(made, check=True, timeout=30)
    found = problem(sshPrivateKeyFile=path)
    assert "passphrase" in found.why
    assert f"ssh-add {path}" in found.fix


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_that_others_can_read_is_refused_with_the_command(
    key_file: Callable[..., str], mode: int
) -> None:
    path = key_file(key_text("OpenSSH"), mode)
    assert problem(sshPrivateKeyFile=path).fix == f"chmod 600 {path}"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda text: text.replace("\n", "\r\n"), "Windows line ends"),
        (lambda text: text.rstrip("\n"), "line end after its last line"),
        (lambda _text: "ssh-ed25519 AAAA me\n", "is the public key"),
        (lambda _text: "sk-ssh-ed25519@openssh.com AAAA me\n", "is the public key"),
        (lambda _text: "PuTTY-User-Key-File-3: ssh-ed25519\n", "is no private key"),
        (lambda _text: "", "is no private key"),
    ],
)
def test_a_file_that_ssh_cannot_use_as_key_is_refused(
    key_file: Callable[..., str], change: Callable[[str], str], why: str
) -> None:
    path = key_file(change(key_text("OpenSSH")))
    found = problem(sshPrivateKeyFile=path)
    assert (found.key, found.value) == ("sshPrivateKeyFile", json.dumps(path))
    assert why in found.why


def test_a_file_that_is_no_key_is_not_proposed_again() -> None:
    found = problem(sshPrivateKeyFile="/etc/passwd")
    assert found.why == "is no private key"
    assert "/etc/passwd" not in found.fix


def test_the_public_key_is_answered_with_the_path_of_the_private_one(tmp_path: Path) -> None:
    public = tmp_path / "id.pub"
    public.write_text("ssh-ed25519 AAAA me\n")
    found = problem(sshPrivateKeyFile=str(public))
    assert found.fix.endswith(f" {tmp_path / 'id'}")


@pytest.mark.parametrize("key", ["sshPrivateKeyFile", "caCertificatesFile"])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, key: str) -> None:
    for path in (tmp_path / "none", tmp_path, Path("~nobody-of-that-name/key")):
        assert "cannot be read" in problem(**{key: str(path)}).why


@pytest.mark.parametrize("key", ["sshPrivateKeyFile", "caCertificatesFile"])
def test_a_tilde_is_the_home_of_the_account_as_for_ssh(
    home: Path, key_file: Callable[..., str], key: str
) -> None:
    Path(key_file(f"-----BEGIN CERTIFICATE-----\n{key_text('PEM')}")).rename(home / "id")
    settings(**{key: "~/id"})


def test_a_file_without_certificate_is_no_ca(tmp_path: Path) -> None:
    (tmp_path / "ca.der").write_bytes(b"\x30\x82\xff")
    assert "no certificate in PEM" in problem(caCertificatesFile=str(tmp_path / "ca.der")).why


def test_a_platform_of_your_own_needs_its_restart_command() -> None:
    found = problem(platform="custom")
    assert (found.key, found.value) == ("daemonRestartCommand", None)
    assert "platform custom" in found.why
    assert settings(platform="custom", daemonRestartCommand="/x restart").platform == "custom"
    assert settings(platform="custom", proxy="").platform == "custom"


def test_a_snapshot_may_be_named_as_its_file_is() -> None:
    name = "v1.34.4-k3s1-20260131T093000Z"
    assert settings(restoreSnapshot=name).restore_snapshot == name
    assert settings(restoreSnapshot=f"{name}.tar").restore_snapshot == name


@pytest.mark.parametrize("path", [".kube/config", "config", "~other/config", "/home/me/.kube/"])
def test_a_kubeconfig_file_has_to_be_the_same_from_every_directory(path: str) -> None:
    assert "no whole path" in problem(kubeconfigFile=path).why


def test_the_content_of_a_kubeconfig_is_no_path_and_not_shown() -> None:
    found = problem(kubeconfigFile="apiVersion: v1\ntoken: S3NTINEL\n")
    assert "content of a file" in found.why
    assert "S3NTINEL" not in str(found)


def test_a_current_context_needs_a_file() -> None:
    assert "no file to go with" in problem(kubeconfigCurrent="true").why
    taken = settings(kubeconfigCurrent="true", kubeconfigFile="~/.kube/config")
    assert taken.kubeconfig_current
