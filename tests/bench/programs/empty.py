"""The least that a Pulumi program costs: it makes nothing."""

import pulumi

pulumi.export("nothing", 1)
