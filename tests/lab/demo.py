"""The demo: the whole job on the NAS in a box, and back: python -m tests.lab.demo up|down."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import docker.errors

from tests.lab import box, engine, interrupted, paths
from tests.lab.box import Lab
from tests.lab.process import LabError, say, take_interrupts
from tests.lab.project import Project, forget_known_hosts, lab_settings, open_project
from tests.lab.state import DEMO_INSTANCE

STACK = "lab"
_UP_DEADLINE = 1800
_DESTROY_DEADLINE = 600


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; 1 with a line on stderr when it fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.lab.demo", description=__doc__)
    parser.add_argument("command", choices=("up", "down"))
    options = parser.parse_args(arguments)
    take_interrupts()
    try:
        return {"up": _up, "down": _down}[options.command]()
    except (LabError, docker.errors.DockerException) as error:
        print(f"demo: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted; the same command goes on from here", file=sys.stderr)
        return 130


def _up() -> int:
    began = time.monotonic()
    found = engine.ensure_engine()
    say(found.describe())
    lab = box.up(DEMO_INSTANCE)
    project = open_project(lab, found, STACK)
    tools = _write_tools(project)
    interrupted.clear(project, str(tools["pulumi"]))
    project.keep_up(*lab_settings(lab))
    if _pulumi(project, ["up", "--yes", "--skip-preview"], _UP_DEADLINE) != 0:
        print(f"demo: up failed; {tools['pulumi']} up tries again", file=sys.stderr)
        return 1
    outputs = project.outputs()
    _write_private(lab.state.folder / "kubeconfig", outputs["kubeconfig"])
    nodes = [str(tools["kubectl"]), "get", "nodes", "-o", "wide"]
    print(f"\nThe cluster is ready at {outputs['endpoint']}\n")
    print(f"$ {shlex.join(nodes)}", flush=True)
    subprocess.run(nodes, check=True, timeout=60)
    seconds = time.monotonic() - began
    print(_NEXT.format(**tools, stack=STACK, seconds=seconds))
    return 0


_NEXT = """
Done in {seconds:.0f} s. What to try next:
  {kubectl} get pods -A
  {pulumi} preview                      nothing to change
  {nas} doctor --stack {stack}             what is wrong on the NAS: nothing
  {nas} timeline --stack {stack}           how long each part took
  {pulumi} stack output kubeconfig --show-secrets
  {pulumi} config set --path 'nas-k3s:noProxy[0]' registry.lan && {pulumi} preview --diff
  make lab-shell                        a shell on the NAS
  make lab-reboot                       lose what a real NAS loses
  make demo-down                        destroy the stack, remove everything
Where a message says pulumi, {pulumi} is meant."""


def _down() -> int:
    try:
        lab = box.attach(DEMO_INSTANCE)
    except LabError as error:
        say(str(error))
    else:
        _destroy(lab)
        forget_known_hosts(lab)
    box.down(DEMO_INSTANCE)
    for name in ("pulumi", "kubectl", "nas"):
        (paths.REPO / ".lab" / name).unlink(missing_ok=True)
    say("everything of the demo is gone; builds stay in the cache")
    return 0


def _destroy(lab: Lab) -> None:
    """Destroy the stack. When even an `up` does not help it, the NAS goes away as a whole."""
    project = open_project(lab, engine.ensure_engine(), STACK)
    # Somebody who works on the stack keeps the boxes.
    interrupted.clear(project, str(_write_tools(project)["pulumi"]))
    if not project.resources() or _try(project, "destroy"):
        return
    # Destroy does not run the program, so what a reboot of the NAS took it cannot put back.
    say("destroy failed: an up that heals what is missing on the NAS, then destroy again")
    if not _try(project, "up"):
        say("up failed as well (see above): the boxes are removed with what the stack left on them")
    elif not _try(project, "destroy"):
        say("destroy failed again (see above): the boxes are removed with what is left on them")


def _try(project: Project, command: str) -> bool:
    deadline = {"up": _UP_DEADLINE, "destroy": _DESTROY_DEADLINE}[command]
    try:
        return _pulumi(project, [command, "--yes", "--skip-preview"], deadline) == 0
    except LabError as error:  # not done in time
        say(str(error))
        return False


def _pulumi(project: Project, arguments: Sequence[str], deadline: float) -> int:
    """Runs `pulumi` with its own live display on this terminal."""
    command = [str(project.engine.pulumi), *arguments, "--stack", project.stack]
    say(shlex.join(["pulumi", *arguments, "--stack", project.stack]))
    try:
        done = subprocess.run(
            command,
            cwd=project.folder,
            env=project.environment,
            stdin=subprocess.DEVNULL,
            timeout=deadline,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise LabError(f"pulumi {arguments[0]} did not end within {deadline:.0f} s") from None
    return done.returncode


def _write_tools(project: Project) -> dict[str, Path]:
    """Scripts that run pulumi, kubectl and our commands (`nas`) as the demo does; by name,
    relative to the checkout."""
    folder = project.lab.state.folder
    exports = "\n".join(
        f"export {name}={shlex.quote(value)}"
        for name, value in project.environment.items()
        if (name.startswith("PULUMI_") and name != "PULUMI_CONFIG_PASSPHRASE") or name == "PATH"
    )
    passphrase = shlex.quote(str(folder / "passphrase"))
    there = (
        f"{exports}\nexport PULUMI_CONFIG_PASSPHRASE_FILE={passphrase}\n"
        f"cd {shlex.quote(str(project.folder))} || exit 1\n"
    )
    kubectl = shlex.quote(str(project.engine.kubectl()))
    scripts = {
        "pulumi": f'{there}exec {shlex.quote(str(project.engine.pulumi))} "$@"',
        "nas": f'{there}exec {shlex.quote(sys.executable)} -m nas "$@"',
        "kubectl": f'exec {kubectl} --kubeconfig {shlex.quote(str(folder / "kubeconfig"))} "$@"',
    }
    tools = {}
    for name, text in scripts.items():
        file = paths.REPO / ".lab" / name
        file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        file.chmod(0o700)
        tools[name] = file.relative_to(paths.REPO)
    return tools


def _write_private(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
