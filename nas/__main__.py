"""`python -m nas`: the commands beside Pulumi's own."""

from __future__ import annotations

import io
import sys

from nas.cli import COMPLETE_VARIABLE, main

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        # A terminal of another encoding gets question marks and no traceback.
        stream.reconfigure(errors="replace")
main(prog_name="python -m nas", complete_var=COMPLETE_VARIABLE)
