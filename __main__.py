"""k3s on a NAS behind an HTTP proxy: settings -> facts -> plan -> components -> exports."""

from __future__ import annotations

import pulumi

from components.reading import begin
from components.stack_config import stack_config
from nas.errors import RefusedError

try:
    reading = begin(pulumi.get_stack(), stack_config())
    # The SDKs of the providers take their time too, in which the NAS answers.
    from components.program import deploy

    deploy(reading)
except RefusedError as refusal:
    raise pulumi.RunError(str(refusal)) from None
