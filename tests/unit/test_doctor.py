"""The troubleshooting tree: facts in, leaf out, for every leaf, and which of several is blamed."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network

import pytest
from rich.console import Console

from nas.doctor.evidence import Case, Container, PortUser, Waiting
from nas.doctor.model import EXIT_CODES
from nas.doctor.report import WIDTH, as_json, fix, question, seen, show
from nas.doctor.tree import CHECKS, Diagnosis, diagnose, masked_diagnosis
from nas.errors import NAMESPACE
from nas.fact_lines import DockerNetwork
from nas.facts import Unreadable
from nas.k3s_log import FATAL
from nas.messages import LANGUAGES, Language, area, text
from nas.platforms import PLATFORMS
from nas.secrets import secrets_of
from nas.settings_reader import KEYS
from nas.tls_greeting import Tls
from tests.unit.doctor_samples import (
    HUB,
    IP,
    MASKED,
    PASSWORD,
    ROOM,
    in_days,
    well,
    with_facts,
    with_here,
    with_nas,
    with_tls,
)
from tests.unit.samples import settings

Change = Callable[[Case], Case]
PULLING = Waiting("default/web-0", "Pending", "nginx", "ImagePullBackOff", "Back-off pulling")
TYPO = Waiting("default/web-1", "Pending", "ngnix", "ErrImagePull", "manifest unknown")
TAKEN = DockerNetwork("bridge", "bridge", (ip_network("10.42.0.0/16"),))
OLD_LIST = "localhost,127.0.0.0/8"


def nas(**changes: object) -> Change:
    return lambda case: with_nas(case, **changes)


def facts(**changes: object) -> Change:
    return lambda case: with_facts(case, **changes)


def space(**changes: int) -> Change:
    return facts(docker_space=replace(ROOM, **changes))


def tls(seen: Tls) -> Change:
    return lambda case: with_tls(case, seen)


def here(**changes: object) -> Change:
    return lambda case: with_here(case, **changes)


def away(kind: str, pinned: bool = True) -> Change:
    def change(case: Case) -> Case:
        target = case.target if pinned else replace(case.target, host_key=None)
        return replace(case, facts=Unreadable(kind, "no answer"), target=target)  # type: ignore[arg-type]

    return change


def config(**changes: str) -> Change:
    return lambda _case: well(changes)


def all_of(*changes: Change) -> Change:
    def change(case: Case) -> Case:
        for one in changes:
            case = one(case)
        return case

    return change


def environment(**changes: str | None) -> Change:
    def change(case: Case) -> Case:
        now = {**case.nas.environment, **changes}
        kept = {key: text for key, text in now.items() if text is not None}
        return with_nas(case, environment=kept)

    return change


def longer_list(case: Case) -> Case:
    """As an up leaves it that ended between the daemon and the container."""
    now = case.nas.environment
    return with_nas(case, environment={**now, "NO_PROXY": f"{now['NO_PROXY']},git.lan"})


def log(line: str) -> Change:
    return nas(api="refused", container=Container("running"), log=("started", line, "bye"))


def waiting(reason: str, message: str = "") -> Change:
    return nas(waiting=(Waiting("default/web-0", "Pending", "nginx:9", reason, message),))


def unset_proxy(case: Case) -> Case:
    return well({"proxy": "", "proxyUser": "", "proxyPassword": ""})


UNCONFIGURED = facts(http_proxy="", https_proxy="", no_proxy="", put="")
PROXY_SAYS_407 = nas(connects={HUB: "HTTP/1.1 407 Proxy Authentication Required"}, pull="login")

BROKEN: tuple[tuple[str, str, Change], ...] = (
    (
        "operator-proxy",
        "operator-proxy-in-the-way",
        here(environment={"HTTPS_PROXY": "http://p:1"}),
    ),
    ("ssh", "ssh-tool", away("tool")),
    ("ssh", "ssh-away", away("away")),
    ("ssh", "ssh-host-key", away("host-key")),
    ("ssh", "ssh-not-pinned", away("host-key", pinned=False)),
    ("ssh", "ssh-login", away("login")),
    ("account", "account-refused", facts(uid=1000, sudo="needed", user="bob")),
    ("clock", "clock-far", facts(skew=-3600.0)),
    ("memory", "memory-gone", facts(memory_free=10_000)),
    ("disk", "disk-full", space(free=1024**2)),
    ("disk", "disk-pressure", space(free=100 * 1024**3)),
    ("disk", "inodes-gone", space(free_inodes=10)),
    (
        "disk",
        "disk-full",
        facts(data_directory="/share/k3s", directory_space=replace(ROOM, free=1)),
    ),
    ("kernel", "kernel-refused", facts(container="exited", cgroup_memory="no")),
    ("storage", "storage-refused", facts(container_data="/share/other/k3s")),
    (
        "networks",
        "networks-refused",
        facts(docker_networks=(TAKEN,), container_flags={}),
    ),
    ("docker", "docker-missing", facts(docker="", engine="")),
    ("docker", "docker-platform", facts(platform="", docker="", engine="")),
    ("daemon", "daemon-down", facts(engine="")),
    ("daemon-config", "daemon-config-refused", facts(dockerd_flags=("http-proxy",))),
    ("daemon-config", "daemon-not-configured", UNCONFIGURED),
    (
        "daemon-config",
        "daemon-not-configured-but-shell",
        all_of(UNCONFIGURED, nas(shell_proxy=MASKED)),
    ),
    (
        "daemon-config",
        "daemon-config-edited",
        facts(put="9999", http_proxy="http://10.0.0.1:1", https_proxy="http://10.0.0.1:1"),
    ),
    ("daemon-proxy", "daemon-proxy-not-loaded", facts(http_proxy="", https_proxy="", no_proxy="")),
    ("daemon-proxy", "daemon-proxy-other", facts(http_proxy="http://10.0.0.1:1")),
    (
        "firewall",
        "firewall-rule",
        nas(proxy="silent", rules=("-A OUTPUT -d 192.168.31.198/32 -j DROP",), connects={}),
    ),
    ("firewall", "firewall-silent", nas(proxy="silent", connects={}, pull="proxy")),
    ("proxy", "proxy-down", nas(proxy="refused", connects={}, pull="proxy")),
    ("proxy", "proxy-unreachable", nas(proxy="unreachable", connects={}, pull="proxy")),
    ("proxy", "proxy-name", nas(proxy="unknown-name", connects={}, pull="proxy")),
    ("proxy", "proxy-fails", nas(proxy="nc: strange", connects={}, pull="proxy")),
    ("proxy", "proxy-plain", nas(proxy="plain", connects={}, pull="tls-proxy")),
    ("proxy", "proxy-no-http", nas(connects={HUB: "SSH-2.0-OpenSSH"}, pull="silent")),
    ("proxy-login", "proxy-login-wrong", PROXY_SAYS_407),
    (
        "proxy-login",
        "proxy-login-missing",
        all_of(config(proxyUser="", proxyPassword=""), PROXY_SAYS_407),
    ),
    (
        "registries",
        "registries-blocked",
        nas(connects={HUB: "HTTP/1.1 403 Forbidden"}, pull="registry"),
    ),
    ("registries", "registries-silent", nas(connects={HUB: ""}, pull="silent")),
    ("registries", "registries-direct", nas(direct={"registry.lan:5000": "refused"})),
    ("tls", "tls-resigned", tls(Tls("Company CA", trusted=False))),
    ("pull", "pull-tls-proxy", nas(pull="tls-proxy")),
    ("pull", "pull-login", nas(pull="login")),
    ("pull", "pull-proxy", nas(pull="proxy")),
    ("pull", "pull-tls", nas(pull="tls", pull_message="x509")),
    ("pull", "pull-lookup", nas(pull="lookup")),
    ("pull", "pull-registry", nas(pull="registry")),
    ("pull", "pull-silent", nas(pull="silent")),
    ("image", "image-gone", nas(image=False, container=None, absent=True)),
    ("ports", "ports-taken", nas(ports=(PortUser(6443, False, "nginx", "7"),), api="refused")),
    ("ports", "ports-refused", config(apiPort="10250")),
    ("container", "container-refused", facts(own_container="k3s-old")),
    ("certificates", "certificates-ended", nas(certificates={"a.crt": in_days(-3)}, api="x509")),
    ("container", "container-absent", nas(container=None, absent=True)),
    ("container", "container-stopped", nas(container=Container("exited", 137), api="")),
    ("container", "container-paused", nas(container=Container("paused"), api="")),
    ("container", "container-restarting", nas(container=Container("restarting", 1), api="")),
    (
        "container",
        "container-out-of-memory",
        nas(container=Container("exited", 137, out_of_memory=True), api=""),
    ),
    ("logs", "log-port", log("failed to listen on 0.0.0.0:6443: bind: address already in use")),
    ("logs", "log-cgroup-memory", log('level=fatal msg="failed to find memory cgroup (v1)"')),
    ("logs", "log-cgroup-v1", log("kubelet: cgroup v1 support is unsupported, set failCgroupV1")),
    ("logs", "log-conntrack", log("open /proc/sys/net/netfilter/nf_conntrack_max: denied")),
    ("logs", "log-overlayfs", log('level=fatal msg="overlayfs" snapshotter cannot be enabled')),
    ("logs", "log-disk", log("write /var/lib/rancher/k3s/x: no space left on device")),
    (
        "logs",
        "log-token",
        log("fatal: bootstrap data already found and encrypted with different token"),
    ),
    ("logs", "log-node-password", log("Node password rejected, duplicate hostname")),
    ("logs", "log-database", log("sqlite: database disk image is malformed")),
    ("logs", "log-certificate", log("x509: certificate has expired or is not yet valid")),
    ("logs", "log-inotify", log("fsnotify watcher: too many open files")),
    (
        "logs",
        "log-kubelet-args",
        log("E1125 17:00:04.739 16516 run.go:72] failed to parse kubelet flag: unknown flag: --x"),
    ),
    (
        "logs",
        "log-kubelet-args",
        nas(
            container=Container("running", restarts=3),
            log=("address already in use", "failed to validate kubelet configuration", "bye"),
        ),
    ),
    ("logs", "log-server-args", log('level=fatal msg="flag provided but not defined: -nope"')),
    ("logs", "log-iptables", log("can't initialize iptables table `nat': Table does not exist")),
    ("env", "env-missing", environment(HTTP_PROXY=None)),
    ("env", "env-other", nas(sums={})),
    ("env", "env-scope", all_of(config(proxyScope="none"), nas(waiting=(PULLING,)))),
    ("no-proxy", "no-proxy-missing", environment(NO_PROXY=None)),
    ("no-proxy", "no-proxy-short", environment(NO_PROXY=OLD_LIST)),
    ("api", "api-down", nas(api="connection refused")),
    ("api", "api-silent-here", here(api="silent")),
    ("api", "api-fails-here", here(api="refused")),
    ("node", "node-missing", nas(node=('nodes "nas88" not found',))),
    (
        "node",
        "node-not-ready",
        nas(node=("False", "KubeletNotReady", "PLEG is not healthy", "v1.34.4+k3s1")),
    ),
    ("pods", "pods-cannot-pull", nas(waiting=(PULLING,))),
    ("pods", "pods-cannot-pull", nas(waiting=(TYPO, PULLING))),
    ("dns", "dns-coredns-down", nas(coredns=0)),
    ("dns", "dns-no-answer", nas(lookup="connection timed out")),
    ("smoke", "smoke-failed", nas(smoke="|4;")),
)
WARNED: tuple[tuple[str, str, Change], ...] = (
    ("clock", "clock-off", facts(skew=45.0)),
    ("memory", "memory-short", facts(memory_free=300 * 1024)),
    ("disk", "disk-short", space(free=2 * 1024**3, size=8 * 1024**3)),
    ("kernel", "kernel-warned", facts(container="", kernel_may_lack=("vxlan",))),
    (
        "networks",
        "networks-warned",
        facts(docker_networks=(TAKEN,), container_flags={"cluster-cidr": "10.42.0.0/16"}),
    ),
    (
        "storage",
        "storage-warned",
        facts(container_data="k3s-data", container_flags={"snapshotter": "native"}),
    ),
    ("docker-path", "docker-path-missing", facts(docker_on_path="")),
    ("daemon-config", "daemon-config-wiped", facts(put="")),
    ("daemon-proxy", "daemon-proxy-list", facts(no_proxy="localhost")),
    ("daemon-proxy", "daemon-proxy-login", facts(put="other login", applied_put="other login")),
    ("image", "image-untagged", nas(image=False)),
    ("certificates", "certificates-near-end", nas(certificates={"a.crt": in_days(12)})),
    ("no-proxy", "no-proxy-other", longer_list),
    ("restart-policy", "restart-policy-none", nas(container=Container("running", policy="no"))),
    ("node", "node-version", nas(node=("True", "Ready", "", "v1.33.1+k3s1"))),
    ("pods", "pods-no-such-image", waiting("ErrImagePull", "manifest unknown")),
    ("pods", "pods-waiting", waiting("CrashLoopBackOff", "back-off restarting")),
    ("smoke", "smoke-missing", nas(smoke="")),
)
NOT_FIRST = ("proxy-silent", "tls-other-ca")
"""A consequence of firewall-silent, and a leaf that needs a file of CAs: see the tests below."""
UNKNOWN: tuple[tuple[str, str, Change], ...] = (
    (
        "proxy-login",
        "unknown-secret",
        lambda case: PROXY_SAYS_407(replace(case, unavailable={"proxyPassword": "no pulumi"})),
    ),
    ("pods", "unknown-needs", nas(api="refused")),
    ("disk", "unknown-not-read", facts(docker_space=None)),
    ("pull", "unknown-no-scratch", nas(scratch=False, done=False, pull="")),
    ("pull", "unknown-time", nas(done=False, pull="")),
    ("proxy", "unknown-no-nc", nas(nc=False, proxy="", connects={}, pull="unknown")),
    ("logs", "unknown-no-container", nas(container=None, absent=True)),
    ("restart-policy", "unknown-time", nas(container=None, done=False)),
    ("env", "unknown-time", nas(container=None, done=False)),
    ("daemon", "unknown-other-run", facts(engine="", other_run=4711)),
    ("daemon", "unknown-other-run", all_of(facts(other_run=4711), nas(absent=True))),
    ("tls", "unknown-tls", all_of(nas(pull="unknown"), tls(Tls(why_not="no time")))),
)
FINE: tuple[tuple[str, str, Change], ...] = (
    ("daemon-config", "daemon-config-none-ok", unset_proxy),
    (
        "proxy-login",
        "proxy-login-none-ok",
        config(proxyUser="", proxyPassword=""),
    ),
    ("proxy", "proxy-none-ok", unset_proxy),
    ("env", "env-none-ok", unset_proxy),
    ("daemon-config", "daemon-config-by-hand-ok", facts(applied_put="", put="")),
    ("proxy", "proxy-by-daemon-ok", nas(nc=False, proxy="", connects={})),
    (
        "image",
        "image-not-yet-ok",
        all_of(
            nas(image=False, container=None, absent=True),
            facts(applied_put="", put="", container=""),
        ),
    ),
    ("logs", "logs-nothing-known-ok", nas(api="refused", log=("a line",))),
    (
        "image",
        "image-other-ok",
        all_of(nas(image=False), facts(container_tags=("rancher/k3s:v1.34.3-k3s1",))),
    ),
    ("dns", "dns-disabled-ok", config(disable="coredns,traefik")),
)


def ids(cases: tuple[tuple[str, str, Change], ...]) -> list[str]:
    return [leaf for _, leaf, _ in cases]


def shown(found: Diagnosis) -> str:
    return json.dumps([as_json("nas88", found, 1.0, lang) for lang in LANGUAGES])


def test_a_nas_on_which_all_is_well_has_nothing_to_mend() -> None:
    found = diagnose(well())
    assert {check: one.leaf for check, one in found.findings.items()} == {
        check.id: f"{check.id}-ok" for check in CHECKS
    }
    assert (found.primary, found.verdict, found.exit_code) == (None, "ok", 0)


@pytest.mark.parametrize(("check", "leaf", "change"), BROKEN, ids=ids(BROKEN))
def test_what_is_broken_is_the_leaf_that_is_named(check: str, leaf: str, change: Change) -> None:
    found = diagnose(change(well()))
    assert (found.primary, found.findings[check].leaf) == (check, leaf)
    assert (found.verdict, found.exit_code) == ("bad", 2)


@pytest.mark.parametrize(("check", "leaf", "change"), WARNED, ids=ids(WARNED))
def test_what_will_break_is_a_warning(check: str, leaf: str, change: Change) -> None:
    found = diagnose(change(well()))
    assert (found.primary, found.findings[check].leaf) == (check, leaf)
    assert (found.verdict, found.exit_code) == ("warning", 1)


@pytest.mark.parametrize(("check", "leaf", "change"), UNKNOWN, ids=ids(UNKNOWN))
def test_what_could_not_be_asked_says_why(check: str, leaf: str, change: Change) -> None:
    found = diagnose(change(well()))
    assert (found.findings[check].verdict, found.findings[check].leaf) == ("unknown", leaf)
    assert found.exit_code in (2, 3)


@pytest.mark.parametrize(("check", "leaf", "change"), FINE, ids=ids(FINE))
def test_what_is_not_needed_is_no_trouble(check: str, leaf: str, change: Change) -> None:
    finding = diagnose(change(well())).findings[check]
    assert (finding.verdict, finding.leaf) == ("ok", leaf)


def test_the_cases_here_are_all_leaves_of_the_catalogue() -> None:
    named = {key.split(".")[1] for key in area("doctor") if key.endswith(".seen")}
    here_ = {leaf for _, leaf, _ in (*BROKEN, *WARNED, *UNKNOWN, *FINE)} | set(NOT_FIRST)
    assert here_ | {f"{check.id}-ok" for check in CHECKS} == named
    fixes = {key.split(".")[1] for key in area("doctor") if key.endswith(".fix")}
    assert fixes == {leaf for _, leaf, _ in (*BROKEN, *WARNED)} | set(NOT_FIRST)
    assert {key.split(".")[1] for key in area("doctor") if key.endswith(".question")} == {
        check.id for check in CHECKS
    }
    assert set(FATAL) <= named


# ---- causes and consequences


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_stands_behind_everything_that_may_explain_it(check: object) -> None:
    before = [one.id for one in CHECKS[: CHECKS.index(check)]]
    assert {*check.after, *check.needs} <= set(before)  # type: ignore[attr-defined]
    known = {one.id for one in CHECKS}
    assert check.under in {"", *known}  # type: ignore[attr-defined]


SEVERAL: tuple[tuple[str, str, set[str], Change], ...] = (
    (
        "a proxy that is down, and pods that wait for it",
        "proxy-down",
        {"pull", "pods"},
        nas(proxy="refused", connects={}, pull="proxy", waiting=(PULLING,)),
    ),
    (
        "a firewall, with all that it stops",
        "firewall-silent",
        {"proxy", "pull", "pods"},
        nas(proxy="silent", connects={}, pull="proxy", waiting=(PULLING,)),
    ),
    (
        "a daemon without a proxy, which cannot pull",
        "daemon-not-configured",
        {"daemon-proxy", "pull"},
        all_of(UNCONFIGURED, nas(pull="lookup")),
    ),
    (
        "a container without the proxy, whose pods wait",
        "env-missing",
        {"pods", "dns"},
        all_of(environment(HTTP_PROXY=None), nas(waiting=(PULLING,), coredns=0)),
    ),
    (
        "a proxy that is down, and a CoreDNS whose pod says nothing yet",
        "proxy-down",
        {"pull", "dns"},
        nas(proxy="refused", connects={}, pull="proxy", coredns=0),
    ),
    (
        "a port that is taken, and k3s that ends for it",
        "ports-taken",
        {"logs", "container"},
        nas(
            ports=(PortUser(6443, False, "nginx", "7"),),
            container=Container("restarting", 1),
            log=("bind: address already in use",),
        ),
    ),
    (
        "a full disk, and k3s that cannot write",
        "disk-full",
        {"logs", "container"},
        all_of(
            space(free=0),
            nas(container=Container("restarting", 1), log=("no space left on device",)),
        ),
    ),
    (
        "an image that is gone with its container",
        "image-gone",
        {"container"},
        nas(image=False, container=None, absent=True),
    ),
    (
        "a clock that is off, and certificates that are not valid",
        "clock-far",
        {"certificates", "tls", "api"},
        all_of(
            facts(skew=1e9),
            nas(certificates={"a.crt": in_days(-3)}, api="x509"),
            tls(Tls("R11", trusted=False)),
        ),
    ),
    (
        "a list that is missing, and a node that its proxy keeps away",
        "no-proxy-missing",
        {"node"},
        all_of(environment(NO_PROXY=None), nas(node=("False", "NotReady", "", "v1.34.4+k3s1"))),
    ),
)


@pytest.mark.parametrize(
    ("leaf", "follow", "change"), [row[1:] for row in SEVERAL], ids=[row[0] for row in SEVERAL]
)
def test_the_root_is_named_and_not_what_follows_from_it(
    leaf: str, follow: set[str], change: Change
) -> None:
    found = diagnose(change(well()))
    assert found.primary is not None
    assert found.findings[found.primary].leaf == leaf
    assert set(found.causes) == follow
    roots = {found.causes[check] for check in follow}
    assert all(root == found.primary or root in found.causes for root in roots)


def test_two_troubles_that_have_nothing_to_do_with_each_other_are_both_told() -> None:
    broken = all_of(environment(NO_PROXY=None), nas(smoke="|1;", proxy="refused", connects={}))
    found = diagnose(broken(well()))
    bad = {check for check, one in found.findings.items() if one.verdict == "bad"}
    assert found.primary == "proxy"
    assert bad - set(found.causes) == {"proxy", "no-proxy"}


def test_what_is_bad_goes_before_what_is_a_warning() -> None:
    found = diagnose(all_of(facts(skew=45.0), nas(proxy="refused", connects={}))(well()))
    assert found.primary == "proxy"
    assert found.findings["clock"].verdict == "warning"


def test_the_path_is_the_one_of_the_tree() -> None:
    assert diagnose(UNCONFIGURED(well())).path == (
        "ssh", "account", "docker", "daemon", "pull", "daemon-config",
    )  # fmt: skip
    assert diagnose(environment(NO_PROXY=None)(well())).path[-4:] == (
        "container", "pods", "env", "no-proxy",
    )  # fmt: skip


def test_a_nas_that_is_off_leaves_everything_else_unknown_and_is_the_one_thing_to_mend() -> None:
    found = diagnose(away("away")(well()))
    rest = {
        one.verdict
        for check, one in found.findings.items()
        if check not in ("ssh", "operator-proxy")
    }
    assert rest == {"unknown"}
    assert (found.primary, found.exit_code) == ("ssh", 2)


def test_what_up_would_be_refused_for_comes_before_what_up_mends() -> None:
    resigned = next(row[2] for row in BROKEN if row[1] == "tls-resigned")
    case = all_of(UNCONFIGURED, resigned)(well())
    assert diagnose(case).primary == "daemon-config"
    fresh = facts(container="", own_container="", cluster_data="none", applied_put="")(case)
    assert diagnose(with_nas(fresh, container=None, absent=True)).primary == "tls"


def test_a_proxy_that_is_encrypted_is_not_taken_for_none() -> None:
    case = replace(unset_proxy(well()), unavailable={"proxy": "there is no pulumi"})
    found = diagnose(case)
    told = {check for check, one in found.findings.items() if one.leaf == "unknown-secret"}
    assert told >= {"daemon-config", "firewall", "proxy", "env"}
    assert found.exit_code == 3


def test_a_password_that_is_encrypted_is_not_taken_for_another_than_the_daemon_has() -> None:
    without = well({"proxyPassword": ""})
    case = replace(
        well(),
        settings=without.settings,
        daemon=without.daemon,
        environment=without.environment,
        unavailable={"proxyPassword": "there is no pulumi"},
    )
    found = diagnose(case)
    assert (found.primary, found.exit_code) == (None, 0)
    found = diagnose(PROXY_SAYS_407(case))
    assert found.findings["proxy-login"].leaf == "unknown-secret"


def test_a_run_that_was_cut_off_is_told_as_not_checked() -> None:
    found = diagnose(nas(done=False, pull="", api="", lookup="")(well()))
    assert found.primary is None
    assert (found.verdict, found.exit_code) == ("unknown", 3)


def test_the_exit_codes_are_those_of_the_documentation() -> None:
    assert EXIT_CODES == {"ok": 0, "warning": 1, "bad": 2, "unknown": 3}


# ---- fixes


@pytest.mark.parametrize(
    ("leaf", "number", "setting"),
    [
        ("daemon-not-configured", 1, "proxy"),
        ("env-missing", 2, "proxyScope"),
        ("env-scope", 2, "proxyScope"),
        ("no-proxy-missing", 3, "noProxy"),
    ],
)
def test_the_three_fixes_have_their_numbers_and_name_the_setting(
    leaf: str, number: int, setting: str
) -> None:
    check, change = next((row[0], row[2]) for row in BROKEN if row[1] == leaf)
    finding = diagnose(change(well())).findings[check]
    assert finding.number == number
    assert fix(finding, "en").startswith(f"Fix {number}: ")
    assert fix(finding, "zh").startswith(f"修复 {number}：")
    for lang in LANGUAGES:
        assert f"{NAMESPACE}:{setting}" in fix(finding, lang)
    assert "pulumi up --stack nas88" in [one.run for one in finding.commands]


def test_every_setting_that_a_text_names_exists() -> None:
    texts = json.dumps(area("doctor"), ensure_ascii=False)
    assert set(re.findall(rf"{NAMESPACE}:([a-z][A-Za-z0-9]+)", texts)) <= set(KEYS)


def test_a_container_of_this_stack_with_another_environment_is_healed_by_up_alone() -> None:
    finding = diagnose(environment(NO_PROXY=None)(well())).findings["no-proxy"]
    assert [(one.on, one.run) for one in finding.commands] == [("here", "pulumi up --stack nas88")]


@pytest.mark.parametrize("change", [facts(own_container=""), config(drift="off")])
def test_commands_for_the_nas_need_no_path(change: Change) -> None:
    finding = diagnose(environment(NO_PROXY=None)(change(well()))).findings["no-proxy"]
    assert [(one.on, one.run) for one in finding.commands] == [
        ("nas", "/share/CACHEDEV1_DATA/.qpkg/container-station/bin/docker rm -f k3s"),
        ("here", "pulumi up --stack nas88"),
    ]


@pytest.mark.parametrize("row", PLATFORMS, ids=lambda row: row.name)
def test_a_daemon_that_is_down_is_started_as_the_platform_does_it(row: object) -> None:
    name: str = row.name  # type: ignore[attr-defined]
    found = diagnose(facts(engine="", platform=name)(well())).findings["daemon"]
    assert all("$unit" not in one.run for one in found.commands)
    assert bool(found.commands) == (name != "custom")


def test_a_rule_of_the_firewall_is_taken_away_by_the_command_that_is_named() -> None:
    rule = "-A OUTPUT -d 192.168.31.198/32 -p tcp -m tcp --dport 7222 -j DROP"
    found = diagnose(nas(proxy="silent", rules=(rule,), connects={})(well()))
    assert [one.run for one in found.findings["firewall"].commands] == [
        "iptables -D OUTPUT -d 192.168.31.198/32 -p tcp -m tcp --dport 7222 -j DROP"
    ]


def test_with_a_file_of_cas_a_stranger_is_not_told_to_make_one() -> None:
    case = well()
    case = replace(
        case, settings=case.settings.model_copy(update={"ca_certificates_file": "/ca.pem"})
    )
    found = diagnose(with_tls(case, Tls("Other CA", trusted=False)))
    assert found.findings["tls"].leaf == "tls-other-ca"
    assert diagnose(nas(proxy="silent", connects={})(well())).findings["proxy"].leaf == (
        "proxy-silent"
    )


def test_a_proxy_that_k3s_does_not_use_may_sign_anew_what_docker_trusts() -> None:
    """Docker has CAs of its own, and its pull is the proof."""
    resigned = with_tls(well({"proxyScope": "none"}), Tls("Company CA", trusted=False))
    assert diagnose(resigned).findings["tls"].leaf == "proxy-by-daemon-ok"
    broken = diagnose(with_nas(resigned, pull="tls", pull_message="x509"))
    assert broken.findings["tls"].verdict == "unknown"
    assert broken.findings["pull"].leaf == "pull-tls"


@pytest.mark.parametrize(
    ("check", "change"),
    [("no-proxy", longer_list), ("daemon-proxy", facts(no_proxy="localhost"))],
)
def test_a_list_is_not_held_against_one_that_could_not_be_read(check: str, change: Change) -> None:
    case = change(well())
    assert diagnose(case).findings[check].verdict == "warning"
    encrypted = replace(case, unavailable={"noProxy": "there is no pulumi"})
    assert diagnose(encrypted).findings[check].verdict == "ok"


@pytest.mark.parametrize("scope", ["all", "images"])
def test_the_list_of_either_scope_is_looked_at(scope: str) -> None:
    case = well({"proxyScope": scope})
    assert diagnose(case).exit_code == 0
    name = next(key for key in case.environment if key.endswith("NO_PROXY"))
    short = with_nas(case, environment={**case.nas.environment, name: OLD_LIST})
    finding = diagnose(short).findings["no-proxy"]
    hosts = str(finding.values["hosts"])
    for host in ("10.42.0.1", "10.43.0.1", "kubernetes.default.svc.cluster.local", IP):
        assert host in hosts


# ---- what people read


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_waits_for_one_answer_is_one_line_of_each_section(lang: Language) -> None:
    """With SSH refused, thirty lines that say so would hide the one that does not."""
    found = diagnose(away("away")(well()))
    console = Console(file=io.StringIO(), width=WIDTH)
    show(console, "nas88", found, lang)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    waiting = [one.leaf for one in found.findings.values()].count("unknown-needs")
    assert waiting > 25
    assert len(printed.splitlines()) < 25
    several = text("doctor.report.waiting", lang, count="@", question=question("ssh", lang))
    numbers = re.findall(re.escape(several).replace("@", r"(\d+)"), printed)
    assert sum(map(int, numbers)) == waiting


# ---- secrets and languages


def test_no_secret_gets_into_a_report_wherever_it_turns_up() -> None:
    case = well({"token": "K10S3NTINEL-token"})
    leaky = with_nas(
        case,
        pull="proxy",
        pull_message=f"proxyconnect http://nas:{PASSWORD}@p",
        api=f"--token K10S3NTINEL-token {PASSWORD}",
        log=(f"panic: bind: address already in use S3NTINEL-p%40ss {PASSWORD}",),
    )
    found = diagnose(leaky)
    assert "S3NTINEL" in shown(found)
    assert "S3NTINEL" not in shown(masked_diagnosis(found, secrets_of(case.settings)))


def test_passwords_of_registries_and_sudo_are_secrets_too() -> None:
    registries = json.dumps(
        {"configs": {"reg.lan": {"auth": {"username": "u", "password": "hunter22"}}}}
    )
    found = secrets_of(settings(registries=registries, sudoPassword="open sesame"))
    assert set(found) == {"hunter22", "open sesame", "open%20sesame"}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(
    ("check", "change"), [(row[0], row[2]) for row in (*BROKEN, *WARNED, *UNKNOWN, *FINE)]
)
def test_every_finding_has_its_texts(check: str, change: Change, lang: str) -> None:
    finding = diagnose(change(well())).findings[check]
    assert question(check, lang)  # type: ignore[arg-type]
    assert seen(finding, lang)  # type: ignore[arg-type]
    if finding.has_fix:
        assert fix(finding, lang)  # type: ignore[arg-type]
