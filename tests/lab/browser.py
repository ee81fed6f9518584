"""A headless Chromium from the distribution's packages, for pages that people look at.

It is unpacked and not installed, and runs with that directory as its root, without a network.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.lab import debs
from tests.lab.process import LabError

PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-wqy-microhei")
"""With fonts for Latin and for Chinese."""
DEADLINE = 120


def ensure_browser() -> Path:
    """The root of the browser, made where it is missing.

    Raises:
        LabError: when the packages cannot be had.
    """
    return debs.root("browser", PACKAGES)


def look(page: Path, *, size: tuple[int, int], dark: bool = False, dump: bool = False) -> bytes:
    """A PNG of a page as it is on a screen of this size; with `dump`, its document as HTML.

    Raises:
        LabError: when the browser gives none.
    """
    flags = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--user-data-dir=/tmp/profile",
        f"--window-size={size[0]},{size[1]}",
        *(["--blink-settings=preferredColorScheme=0"] if dark else []),
        "--dump-dom" if dump else "--screenshot=/tmp/page.png",
        "file:///tmp/page.html",
    ]
    with tempfile.TemporaryDirectory(prefix="nas-k3s-browser-") as name:
        scratch = Path(name)
        shutil.copy(page, scratch / "page.html")
        done = subprocess.run(
            [*_inside(ensure_browser(), scratch), "/usr/lib/chromium/chromium", *flags],
            capture_output=True,
            timeout=DEADLINE,
            check=False,
            env={"PATH": os.environ["PATH"], "HOME": "/tmp", "LANG": "C.UTF-8"},
        )
        picture = scratch / "page.png"
        result = done.stdout if dump else picture.read_bytes() if picture.exists() else b""
    if not result:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
        raise LabError(f"the browser made nothing (status {done.returncode}): {' | '.join(last)}")
    return result


def _inside(root: Path, scratch: Path) -> list[str]:
    """A command line that runs another in `root`, with `scratch` as its /tmp and no network."""
    for folder in ("proc", "dev", "tmp", "sys"):
        (root / folder).mkdir(exist_ok=True)
    spaces = ["--mount", "--net"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    script = (
        'mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && '
        'mount --bind "$1" "$0/tmp" && root=$0 && shift && '
        'exec chroot "$root" "$@"'
    )
    return ["unshare", *spaces, "sh", "-c", script, str(root), str(scratch)]
