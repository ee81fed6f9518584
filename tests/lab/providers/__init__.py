"""Stand-ins for the Pulumi providers `docker` and `command`, for where there are no official ones.

They are served by Pulumi's own Python SDK and do the real thing over real SSH and the real Docker
API; same packages, tokens and semantics as the official plugins for what this project uses, and a
clear refusal for what they do not know. tests/contract states the semantics, and runs against both.

Start one with `python -m tests.lab.providers.docker ENGINE_ADDRESS` (or `...command ...`) with the
checkout on PYTHONPATH; the engine starts them itself when they are laid out as plugins.
"""

from __future__ import annotations

# Package -> (version that the installed SDK asks for, module to run with `python -m`).
PLUGINS = {
    "command": ("1.2.1", "tests.lab.providers.command"),
    "docker": ("5.2.0", "tests.lab.providers.docker"),
}
