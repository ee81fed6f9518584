"""Whether the image of k3s is there to be had, see `scripts/facts-way.sh`."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nas.errors import Problem
from nas.facts import Facts
from nas.settings import Settings

ADVICE: Mapping[str, str] = {
    "k3sVersion": "write a release that https://github.com/k3s-io/k3s/releases lists",
    "k3sImage": "write an image with a tag or digest that its registry has",
}
"""Setting that names the image -> what to write instead; for scripts/image-pull.sh too."""


def check_image(settings: Settings, facts: Facts) -> list[Problem]:
    """An image that its registry does not have; nobody could ask is no word worth."""
    if not facts.image_missing:
        return []
    return [
        Problem(
            settings.image_setting,
            json.dumps(settings.k3s_image or settings.k3s_version),
            f"the registry has no image {settings.image} ({facts.image_missing})",
            ADVICE[settings.image_setting],
        )
    ]
