"""Scripts on the standard input of `sh -s`, run by BusyBox ash."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from nas import remote_script
from nas.remote_script import render, script_source
from tests.scripts.fake_nas import busybox
from tests.scripts.rendered import SAMPLES
from tests.unit.ash import ash

PROBE = """main() {
  for name in $NAMES; do
    eval "printf '%s\\\\000' \\"\\$$name\\""
  done
}
"""
VALUES = [
    'it\'s "quoted"',
    "two\nlines\n",
    "$HOME `id` $(id) ${x} \\n \\ \\\\",
    "a\r\nb\r",
    "ünï ☃ \U0001f600",
    "",
    " leading and trailing ",
    "-n",
    "*?[a]",
    "\x01\x1b[31m\x7f",
    "%s%d%%",
]


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of our scripts, for scripts of the test's own beside them."""
    directory = tmp_path_factory.mktemp("nas") / "scripts"
    shutil.copytree(str(remote_script._SCRIPTS), directory)
    (directory / "probe.sh").write_text(PROBE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote_script, "_SCRIPTS", directory)
        yield directory


def arrived(values: list[str]) -> list[str]:
    """The values as `main` sees them."""
    variables = {f"V{number}": value for number, value in enumerate(values)}
    done = ash(render("probe.sh", {**variables, "NAMES": " ".join(variables)}))
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.usefixtures("scripts")
def test_values_arrive_as_they_are() -> None:
    assert arrived(VALUES) == VALUES


@pytest.mark.usefixtures("scripts")
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
        min_size=1,
        max_size=8,
    )
)
def test_any_text_without_nul_arrives_as_it_is(values: list[str]) -> None:
    assert arrived(values) == values


@pytest.mark.usefixtures("scripts")
def test_a_nul_byte_is_refused_with_the_name_of_its_variable_and_not_its_value() -> None:
    with pytest.raises(ValueError, match="SECRET holds a NUL byte") as refused:
        render("probe.sh", {"NAMES": "", "SECRET": "S3NTINEL\0"})
    assert "S3NTINEL" not in str(refused.value)


@pytest.mark.usefixtures("scripts")
def test_the_mode_is_the_argument_of_main(scripts: Path) -> None:
    (scripts / "mode.sh").write_text("main() { printf '%s|' \"$@\"; }\n")
    assert ash(render("mode.sh", {}), "apply", "x y").stdout == b"apply|x y|"


@pytest.mark.usefixtures("scripts")
def test_the_status_of_main_is_the_status_of_the_script(scripts: Path) -> None:
    (scripts / "status.sh").write_text("main() { return 7; }\n")
    assert ash(render("status.sh", {})).returncode == 7


@pytest.mark.usefixtures("scripts")
def test_nothing_that_main_runs_reads_the_rest_of_the_script(scripts: Path) -> None:
    (scripts / "reads.sh").write_text("main() { cat; echo end; }\n")
    assert ash(render("reads.sh", {})).stdout == b"end\n"


@pytest.mark.usefixtures("scripts")
def test_carriage_returns_of_an_editor_are_no_part_of_a_script(scripts: Path) -> None:
    (scripts / "dos.sh").write_bytes(b"main() {\r\n  echo fine\r\n}\r\n")
    assert ash(render("dos.sh", {})).stdout == b"fine\n"


# ---- a connection that drops in the middle of the text


def told(name: str) -> str:
    """A script of ours whose main only tells that it ran."""
    text = render(name, SAMPLES[name])
    assert text.count("\nmain() {\n") == 1
    return text.replace("\nmain() {\n", '\nmain() {\n  : >"$TOLD"\n  exit 0\n')


def ran(text: str, lengths: Iterable[int], where: Path) -> list[int]:
    """At which lengths the cut text ran main; one shell for all."""
    directory = where / "cuts"
    directory.mkdir(exist_ok=True)
    for old in directory.iterdir():
        old.unlink()
    for length in lengths:
        (directory / f"{length:06}").write_text(text[:length])
    loop = (
        f"cd {shlex.quote(str(directory))} || exit 1\n"
        "for f in *; do\n"
        f"  TOLD=$PWD/$f.told {shlex.quote(str(busybox()))} ash -s apply <$f >/dev/null 2>&1\n"
        "done\n"
    )
    ash(loop)
    return sorted(int(path.stem) for path in directory.glob("*.told"))


OWN = {name: script_source(name).splitlines()[1].removeprefix("# ") for name in SAMPLES}
"""How the part of each script that is its own begins."""


def ends(text: str) -> int:
    """Length up to and with the closing brace of the last line: all of it is there."""
    return len(text.rstrip("\n"))


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_whole_script_runs_main(name: str, tmp_path: Path) -> None:
    text = told(name)
    assert ran(text, [len(text)], tmp_path) == [len(text)]


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_script_that_is_cut_off_behind_any_line_or_in_its_end_does_nothing(
    name: str, tmp_path: Path
) -> None:
    text = told(name)
    # What all scripts have in common, before their own part, is cut once.
    start = 0 if name == "facts.sh" else text.index(f"\n# shellcheck shell=sh\n# {OWN[name]}")
    lines = [at for at in range(start, len(text)) if text[at - 1] == "\n"]
    assert ran(text, {*lines, *range(ends(text) - 60, ends(text))}, tmp_path) == []


@pytest.mark.parametrize("name", sorted(SAMPLES))
@hypothesis_settings(max_examples=4)
@given(data=st.data())
def test_a_script_that_is_cut_off_anywhere_does_nothing(
    name: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = told(name)
    lengths = data.draw(st.sets(st.integers(0, ends(text) - 1), min_size=10, max_size=40))
    assert ran(text, lengths, tmp_path_factory.mktemp("cut")) == []
