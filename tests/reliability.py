"""docs/reliability.md: what can go wrong, and what happens then. `make reliability` writes it.

Each row comes from a test that did the fault and passed. Every later run of that test compares what
it saw with the page, so the page stays true.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tests.lab.paths import REPO

PAGE = REPO / "docs" / "reliability.md"
ROWS_FILE = "NAS_K3S_RELIABILITY_ROWS"
"""Environment variable that names the file which rows go to, one JSON object a line."""
TESTS = ("tests/scripts/test_killed.py", "tests/e2e/test_faults.py")
Tier = Literal["scripts", "e2e"]


@dataclass(frozen=True)
class Fault:
    """A fault as people call it, and what to do. `tier`: the tests that do it."""

    title: str
    do: str
    tier: Tier = "e2e"


UP_AGAIN = "`pulumi up` again."
CANCEL = "`pulumi cancel`, then `pulumi up`: see below."

GROUPS: Mapping[str, Mapping[str, Fault]] = {
    "The script on the NAS is killed": {
        "kill-waiting": Fault("`kill -9` while it waits for another run", UP_AGAIN),
        "kill-written": Fault("`kill -9` after the file was written, before the restart", UP_AGAIN),
        "kill-stopped": Fault("`kill -9` while Docker is stopped", "`pulumi up` again, soon."),
        "kill-verifying": Fault("`kill -9` after the restart, before all is verified", UP_AGAIN),
        "kill-rollback": Fault("`kill -9` while it puts the old file back", UP_AGAIN),
        "kill-destroy": Fault(
            "`kill -9` in `pulumi destroy`, while Docker is stopped", "`pulumi destroy` again."
        ),
        "kill-step": Fault("`kill -9` at each single step", UP_AGAIN, "scripts"),
    },
    "Pulumi or the connection goes away": {
        "kill-pulumi": Fault("`kill -9` of `pulumi` in the restart of Docker", CANCEL),
        "kill-container": Fault("`kill -9` of `pulumi` while it makes the k3s container", CANCEL),
        "drop-ssh": Fault("The SSH connection is cut in the restart of Docker", UP_AGAIN),
        "two-ups": Fault("Two runs at once set the proxy of one NAS", "Nothing."),
    },
    "Docker does not do what it should": {
        "restart-fails": Fault(
            "The restart command fails", "Restart Docker by hand; then `pulumi up`."
        ),
        "restart-lies": Fault(
            "The restart command reports success and does nothing",
            "Restart Docker by hand; then `pulumi up`.",
        ),
        "restart-hangs": Fault(
            "The restart command never ends", "Restart Docker by hand; then `pulumi up`."
        ),
        "ignores": Fault(
            "Docker comes back without the proxy",
            "Look for what else sets Docker's proxy on the NAS.",
        ),
        "kill-dockerd": Fault("`kill -9` of dockerd just after it came back", UP_AGAIN),
    },
    "The disk or the proxy": {
        "disk-full": Fault("No free space beside Docker's config file", "Free space."),
        "read-only": Fault("The config file is read-only", "Make it writable."),
        "proxy-down": Fault("The proxy is down", "Start the proxy, or change `nas-k3s:proxy`."),
    },
    "The same by a systemd drop-in (Docker 20.10)": {
        "drop-in-kill-stopped": Fault(
            "`kill -9` of the script while Docker is stopped", "`pulumi up` again, soon."
        ),
        "drop-in-lies": Fault(
            "`systemctl restart` reports success and does nothing",
            "Restart Docker by hand; then `pulumi up`.",
        ),
        "drop-in-ignores": Fault(
            "Docker comes back without the proxy",
            "Look for what else sets Docker's proxy on the NAS.",
        ),
    },
}
FAULTS: Mapping[str, Fault] = {
    key: fault for group in GROUPS.values() for key, fault in group.items()
}


@dataclass(frozen=True)
class Row:
    """What a test saw.

    Attributes:
        fault: key of FAULTS.
        said: the decisive lines of what the user reads.
        then: state of the NAS after it, in words.
        next: what the next run did.
    """

    fault: str
    said: tuple[str, ...]
    then: tuple[str, ...]
    next: str


def rendered(row: Row) -> str:
    """The row's line in its table."""
    fault = FAULTS[row.fault]
    said = "<br>".join(map(_code, row.said)) or "the same as above"
    cells = (fault.title, said, "; ".join(row.then), row.next, fault.do)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _code(line: str) -> str:
    return f"`` {line} ``" if "`" in line else f"`{line}`"


HEAD = """# When something goes wrong

What happens to your NAS when the step that gives Docker its proxy is hit in the middle. Each row
was done to the NAS in a box ([what that is](lab.md)) by a test, which compares what it sees with
this page each time it runs; `make reliability` writes the page anew. What holds in every row is
not repeated, and each test checks it:

- Docker's config file is yours or the wanted one, whole, and yours can come back.
- A container that you had stopped stays stopped; those that ran run again, at the latest after the
  next run.
- After the `up` that follows, a preview shows no change, and `destroy` gives your bytes back.
- The proxy's password is in no message.

In the messages N is a number, NAS and PROXY are addresses, and files are without their folder.
"""

TAIL = """
## After a killed `pulumi up`

Pulumi's own process can be killed as well: by a crash, by `kill -9`, with the machine that it runs
on. What it had started on the NAS ends by itself. What stays is Pulumi's note that it is at work:

```sh
pulumi cancel --yes
pulumi up
```

`pulumi cancel` is right only when that other run is really over. Three things more can be left:

- **A container that is half made.** Docker has it and Pulumi does not know it, so the next `up`
  fails because its name is taken. The cluster's data lies in volumes and stays:

  ```sh
  # on the NAS
  docker rm -f k3s
  ```

  ```sh
  pulumi refresh --yes --skip-preview --clear-pending-creates
  pulumi up
  ```

- **Pending operations**: Pulumi warns that it does not know how a step ended. Each step of this
  program may run twice, so the next `up` settles it.

- **`failed to load checkpoint: EOF`**, with state in files (`pulumi login file://...`): Pulumi was
  killed while it wrote `<stack>.json.attrs` beside the state. That file is empty and holds nothing
  that is needed: delete it. A login to `file://...?metadata=skip` writes none.

Ctrl-C once ends an `up` after the step that is at work, twice at once. Then, and whenever a step
fails, Pulumi prints the stack's outputs with a minus sign: they are not lost, `pulumi stack output`
has them.

After a first `up` that was killed run `up` again before you `destroy`: Pulumi takes back only what
it knows of.

## Where SSH takes few logins at once

An sshd with a low `MaxStartups` drops some of the connections that `pulumi refresh` opens at once,
and it fails with `exit status 255`. One at a time works:

```sh
pulumi refresh --parallel 1
```
"""


def page(rows: Iterable[Row]) -> str:
    """The page's text.

    Raises:
        KeyError: for a fault without a row.
    """
    by_fault = {row.fault: row for row in rows}
    text = HEAD
    for group, faults in GROUPS.items():
        text += f"\n## {group}\n\n"
        text += "| what happens | you see | then | the next run | what to do |\n"
        text += "|---|---|---|---|---|\n"
        text += "".join(rendered(by_fault[key]) for key in faults)
    return text + TAIL


class FaultTable:
    """Where tests leave their rows: compared with the page, or kept for a new one."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.kept: list[Row] = []
        self._page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""

    def row(self, row: Row) -> None:
        """To be called when all else in the test has passed."""
        if ROWS_FILE in os.environ:
            self.kept.append(row)
        else:
            assert rendered(row) in self._page, f"run `make reliability`; now:\n{rendered(row)}"
        self.seen.add(row.fault)

    def write(self) -> None:
        """Hands over the kept rows; only after a test that passed."""
        with Path(os.environ[ROWS_FILE]).open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(row)) + "\n" for row in self.kept)
        self.kept.clear()


def read_rows(file: Path) -> list[Row]:
    loaded = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [
        Row(**{**raw, "said": tuple(raw["said"]), "then": tuple(raw["then"])}) for raw in loaded
    ]


# ---- what the user saw

_DECISIVE = re.compile(r"(?:^ *|nas-k3s: +)(error: .*|-> .*|another run of nas-k3s .*)")
_REFUSED = re.compile(r"^ *error: \d+ settings? needs? a change before anything runs:$")
_NOISE = (
    "update failed",
    "an unhandled error occurred",
    "Resource monitor has terminated",
    "destroy failed",
)


def decisive(text: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """The errors in Pulumi's output and their advice, in which what changes from run to run is
    replaced: `names` says what stands for an address or a path."""
    found: list[str] = []
    refused = False
    for line in text.splitlines():
        match = _DECISIVE.search(line)
        if match is not None and match[1].startswith("error: "):
            refused = _REFUSED.match(line) is not None
            if refused:
                continue
        if match is None and refused and line.strip():
            match = re.match(r" *(.*)", line)
        if match is None or any(noise in line for noise in _NOISE):
            continue
        if match[1].startswith("-> "):
            # The advice ends what is said of a setting.
            refused = False
        said = re.sub(r':? running "sh -s .*', "", match[1])
        for name, word in names.items():
            said = said.replace(name, word)
        said = re.sub(r"(?<=[ (])\d+(?=[ ).,]|$)", "N", said).strip()
        if said and said not in found:
            found.append(said)
    return tuple(found)


def main() -> int:
    """Runs the tests and writes the page from their rows; nothing is written when one fails."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *TESTS, *sys.argv[1:]],
            cwd=REPO,
            env={**os.environ, ROWS_FILE: str(file)},
            check=False,
        )
        if done.returncode != 0:
            return done.returncode
        PAGE.write_text(page(read_rows(file)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
