"""docs/settings.md, made from Pulumi.yaml: `python -m tests.settings_page` writes it."""

from __future__ import annotations

import json
from typing import Any

import yaml

from nas.settings import SECRET_KEYS
from nas.settings_reader import kind_of
from tests.lab.paths import REPO

PAGE = REPO / "docs" / "settings.md"
_HEAD = """# All settings

Set with `pulumi config set`, or by hand in `stacks/Pulumi.<stack>.yaml`, of which
[`stacks/Pulumi.example.yaml`](../stacks/Pulumi.example.yaml) shows every key. What cannot be used
is refused before anything runs, with key, value and what to write.
Made from `Pulumi.yaml` and `nas/settings.py` by `make docs`.

Text, numbers, true and false:

```sh
pulumi config set nas-k3s:apiPort 16443
```

Secrets; without a value the command asks for it, and it stays out of your shell's history:

```sh
pulumi config set --secret nas-k3s:proxyPassword
```

Lists, whole or one item of them:

```sh
pulumi config set nas-k3s:noProxy registry.lan,10.20.0.0/16
pulumi config set --path 'nas-k3s:noProxy[0]' registry.lan
```

The object `registries`, one member of it, or the whole as JSON or YAML:

```sh
pulumi config set --path 'nas-k3s:registries.mirrors["docker.io"].endpoint[0]' https://reg.lan:5000
pulumi config set --path --secret 'nas-k3s:registries.configs["reg.lan:5000"].auth.password'
pulumi config set --secret nas-k3s:registries < registries.yaml
```

Text that begins with a dash goes behind `--`: `pulumi config set nas-k3s:serverArgs -- --debug`.

| key | kind | default | |
|---|---|---|---|
"""


def page() -> str:
    """The page's text."""
    config: dict[str, Any] = yaml.safe_load((REPO / "Pulumi.yaml").read_text())["config"]
    rows = [
        f"| `{key}` | {_kind(key)} | {_default(entry['default'])} | {entry['description']} |"
        for key, entry in config.items()
        if ":" not in key
    ]
    return _HEAD + "\n".join(rows) + "\n"


def _kind(key: str) -> str:
    return "secret" if key in SECRET_KEYS and kind_of(key) == "text" else kind_of(key)


def _default(value: object) -> str:
    if value in ("", [], {}):
        return ""
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
