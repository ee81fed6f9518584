"""The table of platforms, and the shell that it becomes."""

from __future__ import annotations

import re
import shlex
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import get_args

import pytest
import yaml

from nas.platforms import PLATFORMS, QNAP, Platform, shell_table
from nas.settings import Settings
from tests.lab.paths import REPO
from tests.unit.ash import ash


def answer(table: str, question: str, name: str = "qnap", before: str = "") -> str:
    done = ash(f"{before}\n{table}\nplatform_{name} {question}\n")
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_names_are_unique_and_fit_a_function_of_the_shell() -> None:
    names = [row.name for row in PLATFORMS]
    assert len(set(names)) == len(names)
    assert all(name.isidentifier() for name in names)


def test_the_setting_offers_every_row_of_the_table() -> None:
    choices = get_args(Settings.model_fields["platform"].annotation)
    assert choices == ("auto", *(row.name for row in PLATFORMS))


@pytest.mark.parametrize("row", PLATFORMS, ids=lambda row: row.name)
def test_a_row_stands_where_people_read_which_there_are(row: Platform) -> None:
    project = yaml.safe_load((REPO / "Pulumi.yaml").read_text())
    assert row.name in project["config"]["platform"]["description"]
    assert f"`{row.name}`" in (REPO / "docs" / "daemon-proxy.md").read_text()


@pytest.mark.parametrize("row", PLATFORMS, ids=lambda row: row.name)
def test_a_row_says_everything(row: Platform) -> None:
    optional = {field.name for field in fields(row) if field.default is not MISSING}
    assert all(getattr(row, field.name) for field in fields(row) if field.name not in optional)


@pytest.mark.parametrize("row", PLATFORMS, ids=lambda row: row.name)
def test_a_row_has_what_its_routes_need(row: Platform) -> None:
    if "systemd" in row.routes:
        assert row.units
    if "vendor-script" in row.routes:
        assert row.start_script
        assert row.notice
    assert ('"$unit"' in row.restart) == bool(row.units)


@pytest.mark.parametrize(
    ("there", "name"),
    [
        ([], ""),
        (["/run/systemd/system/"], "systemd"),
        (["/etc/config/qpkg.conf"], "qnap"),
        (["/run/systemd/system/", "/etc/config/qpkg.conf"], "qnap"),
        (["/run/systemd/system/", "/etc/synoinfo.conf"], "synology"),
        (["/run/systemd/system/", "/usr/bin/midclt"], "truenas"),
        (["/etc/unraid-version"], "unraid"),
    ],
)
def test_a_nas_is_recognised_most_special_first(there: list[str], name: str) -> None:
    table = shell_table()
    for row in PLATFORMS:
        for path in re.findall(r"(?<= )/(?:etc|run)[^ ]*", row.detect):
            found = path in [known.rstrip("/") for known in there]
            table = table.replace(f"[ -f {path} ]", "true" if found else "false")
            table = table.replace(f"[ -d {path} ]", "true" if found else "false")
    midclt = "true" if "/usr/bin/midclt" in there else "false"
    table = table.replace("command -v midclt >/dev/null 2>&1", midclt)
    script = 'for p in $platform_names; do platform_$p detect && { printf %s "$p"; break; }; done'
    assert ash(f"{table}\n{script}\n").stdout.decode() == name


@pytest.mark.parametrize("row", PLATFORMS, ids=lambda row: row.name)
def test_a_row_is_valid_shell_and_answers_title_and_paths(row: Platform) -> None:
    table = shell_table()
    assert answer(table, "title", row.name) == f"{row.title}\n"
    paths = answer(table, "docker", row.name, before="root=/r").splitlines()
    assert all(path.startswith("/") for path in paths)
    assert len(paths) >= len(row.docker)


def test_the_table_names_its_rows_for_the_scripts() -> None:
    other = replace(QNAP, name="other", title='it\'s "another" $HOME')
    table = shell_table([QNAP, other])
    done = ash(f"{table}\nfor p in $platform_names; do platform_$p title; done\n")
    assert done.stdout.decode().splitlines() == [QNAP.title, other.title]


def test_the_root_of_the_package_stands_in_its_paths() -> None:
    before = "root=/share/ZFS530_DATA/.qpkg/container-station"
    assert answer(shell_table(), "config", before=before).splitlines() == [
        "/share/ZFS530_DATA/.qpkg/container-station/etc/docker.json",
        "/share/ZFS530_DATA/.qpkg/container-station/var/container-station-data/etc/docker.json",
    ]


def test_globs_of_a_row_are_expanded(tmp_path: Path) -> None:
    for pool in ("CACHEDEV1_DATA", "ZFS530_DATA"):
        (tmp_path / pool / "bin").mkdir(parents=True)
        (tmp_path / pool / "bin/docker").touch()
    row = replace(QNAP, docker=(f"{shlex.quote(str(tmp_path))}/*/bin/docker",))
    found = answer(shell_table([row]), "docker").splitlines()
    assert found == [f"{tmp_path}/{pool}/bin/docker" for pool in ("CACHEDEV1_DATA", "ZFS530_DATA")]


@pytest.mark.parametrize(("condition", "status"), [("true", 0), ("false", 1), ("[ -f /none ]", 1)])
def test_detection_is_the_status_of_its_condition(condition: str, status: int) -> None:
    done = ash(f"{shell_table([replace(QNAP, detect=condition)])}\nplatform_qnap detect\n")
    assert done.returncode == status
