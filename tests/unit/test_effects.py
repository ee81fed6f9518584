"""The table of edits that docs/effects.md is made from."""

from __future__ import annotations

from nas.settings import REFUSED_KEYS
from nas.settings_reader import KEYS
from tests.effects import EDITS, PAGE, Effect, page


def test_every_setting_has_one_edit_in_the_order_of_the_settings() -> None:
    assert [edit.key for edit in EDITS] == [key for key in KEYS if key not in REFUSED_KEYS]


def test_the_page_has_the_row_of_every_edit() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert [row.split("`")[1] for row in rows] == [edit.key for edit in EDITS]


def test_a_row_says_what_differs_and_nothing_where_nothing_does() -> None:
    effects = {edit.key: Effect() for edit in EDITS}
    effects["host"] = Effect(updates=("a",), creates=("b",), deletes=("c",), restarts=("k3s",))
    effects["token"] = Effect(refused="is not it")
    rows = page(effects).splitlines()
    assert (
        "| `host` | another address | `a`, `b` (new), `c` (removed) | nothing | k3s |"
        in "".join(row for row in rows if "`host`" in row)
    )
    (token,) = [row for row in rows if row.startswith("| `token`")]
    assert "| refused: is not it | | nothing |" in token
    (port,) = [row for row in rows if row.startswith("| `sshPort`")]
    assert "| nothing | nothing | nothing | preview, NAS off |" in port
    effects["sshPort"] = Effect(updates=("daemon-proxy-config",), perhaps=("p",))
    row = "| `sshPort` | `2222` | `daemon-proxy-config`, `p` (perhaps) | nothing | of Docker"
    assert f"{row} not known |" in page(effects)
