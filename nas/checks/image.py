"""Whether the image of k3s is there to be had, see `scripts/facts-way.sh`."""

from __future__ import annotations

import json

from nas.errors import Problem
from nas.facts import Facts
from nas.settings import Settings


def check_image(settings: Settings, facts: Facts) -> list[Problem]:
    """An image that its registry does not have; nobody could ask is no word worth."""
    if not facts.image_missing:
        return []
    fix = "write an image with a tag or digest that its registry has"
    if settings.image_setting == "k3sVersion":
        fix = "write a release that https://github.com/k3s-io/k3s/releases lists"
    return [
        Problem(
            settings.image_setting,
            json.dumps(settings.k3s_image or settings.k3s_version),
            f"the registry has no image {settings.image} ({facts.image_missing})",
            fix,
        )
    ]
