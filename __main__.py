"""k3s on a NAS behind an HTTP proxy: settings -> facts -> plan -> components -> exports."""

from __future__ import annotations

import pulumi

from components.program import deploy
from components.stack_config import stack_config
from nas.errors import RefusedError

try:
    deploy(pulumi.get_stack(), stack_config())
except RefusedError as refusal:
    raise pulumi.RunError(str(refusal)) from None
