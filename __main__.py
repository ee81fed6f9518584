"""k3s on a NAS behind an HTTP proxy: settings -> facts -> plan -> components -> exports."""

from __future__ import annotations

import atexit
import sys

import pulumi

from components.reading import begin
from components.stack_config import stack_config
from nas import provider_files
from nas.errors import RefusedError
from nas.kubeconfig import proof_context

# The Kubernetes provider has been configured then, if this run does so at all.
atexit.register(provider_files.remove, proof_context(pulumi.get_stack()))
try:
    reading = begin(pulumi.get_stack(), stack_config())
    # The SDKs of the providers take their time too, in which the NAS answers.
    from components.program import deploy

    deploy(reading)
except RefusedError as refusal:
    pulumi.log.error(str(refusal))
    # Tells Pulumi's language host that the message was shown: behind that of a RunError it adds
    # one of its own, about an unhandled error.
    sys.exit(32)
