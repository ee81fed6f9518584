"""block.awk under each awk that a NAS may have: a block goes in and comes out, nothing else."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from nas.daemon_routes import BLOCK_BEGIN, BLOCK_END, exports
from nas.remote_script import script_source
from tests.scripts.awks import NAMES, awk

BLOCK = exports({"HTTP_PROXY": "http://u:p%40&\\1'@h:1"})
START = "exec dockerd $DOCKER_OPTS"


def run(name: str, operation: str, text: str, value: str = "") -> tuple[int, str]:
    environment = {
        **os.environ,
        "LC_ALL": "C",
        "OP": operation,
        "VALUE": value,
        "BEGIN_MARK": BLOCK_BEGIN,
        "END_MARK": BLOCK_END,
    }
    done = subprocess.run(
        [*awk(name), script_source("block.awk")],
        input=(text + "E").encode(),
        env=environment,
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout.decode()


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Name of one awk."""
    found: str = request.param
    return found


line = st.sampled_from(
    ["", "#!/bin/sh", "# exec dockerd", "  echo x", "trap '' HUP", "a\\b\r", "E"]
)


@hypothesis_settings(max_examples=25)
@given(st.lists(line, max_size=4), st.lists(line, max_size=4), st.sampled_from(["", "\n", "\n\n"]))
@pytest.mark.parametrize("name", NAMES)
def test_a_block_that_goes_in_and_out_leaves_every_byte(
    name: str, before: list[str], after: list[str], end: str
) -> None:
    text = "\n".join([*before, START, *after]) + end
    status, edited = run(name, "set", text, BLOCK)
    assert status == 0
    head, _, tail = edited.partition(BLOCK)
    assert head + tail == text
    assert tail.startswith(START)
    assert run(name, "get", edited) == (0, BLOCK)
    assert run(name, "set", edited, BLOCK) == (0, edited)
    assert run(name, "remove", edited) == (0, text)


@pytest.mark.parametrize(
    "start",
    [
        START,
        "\t/usr/bin/dockerd --data-root x &",
        '"$QPKG/bin/dockerd" $OPTS',
        "setsid dockerd",
        "dockerd",
        "exec env A=1 \\\n  dockerd",
    ],
)
def test_the_line_that_starts_dockerd_is_found(name: str, start: str) -> None:
    text = f"#!/bin/sh\n# dockerd\nDOCKERD_LOG=/dockerd.log\n{start}\n"
    assert run(name, "set", text, BLOCK)[1] == text.replace(f"\n{start}\n", f"\n{BLOCK}{start}\n")


@pytest.mark.parametrize("text", ["", "#!/bin/sh\n", "# dockerd\n", "killall dockerd-proxy\n"])
def test_a_script_that_starts_no_dockerd_is_refused(name: str, text: str) -> None:
    assert run(name, "set", text, BLOCK) == (2, "no line that starts dockerd\n")


@pytest.mark.parametrize("operation", ["set", "get", "remove"])
def test_half_a_block_is_refused(name: str, operation: str) -> None:
    status, said = run(name, operation, f"{BLOCK_BEGIN}\nx=1\n{START}\n", BLOCK)
    assert (status, said) == (2, "a block of nas-k3s that has no end, from line 1\n")


def test_without_a_block_there_is_none_to_get_or_remove(name: str) -> None:
    assert run(name, "get", f"{START}\n") == (3, "")
    assert run(name, "remove", f"{START}") == (3, START)
