"""docs/settings.md, made from Pulumi.yaml: `python -m tests.settings_page` writes it."""

from __future__ import annotations

import json
from typing import Any

import yaml

from tests.lab.paths import REPO

PAGE = REPO / "docs" / "settings.md"
_HEAD = """# All settings

Each is set with `pulumi config set nas-k3s:KEY VALUE`, or by hand in `stacks/Pulumi.<stack>.yaml`;
[`stacks/Pulumi.example.yaml`](../stacks/Pulumi.example.yaml) shows lists and objects.
Made from `Pulumi.yaml` by `make docs`.

| key | type | default | |
|---|---|---|---|
"""


def page() -> str:
    """The page's text."""
    config: dict[str, Any] = yaml.safe_load((REPO / "Pulumi.yaml").read_text())["config"]
    rows = [
        f"| `{key}` | {_type(entry)} | {_default(entry['default'])} | {entry['description']} |"
        for key, entry in config.items()
        if ":" not in key
    ]
    return _HEAD + "\n".join(rows) + "\n"


def _type(entry: dict[str, Any]) -> str:
    inner = entry.get("items", {}).get("type")
    return f"{entry['type']} of {inner}s" if inner else str(entry["type"])


def _default(value: object) -> str:
    if value in ("", [], {}):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
