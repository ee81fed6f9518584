"""Command line of the NAS in a box: python -m tests.lab up|down|reboot|shell|status|logs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import docker.errors

from . import box, outer
from .process import LabError, find_program
from .profiles import ADMIN, TRAITS
from .state import DEMO_INSTANCE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 1 with a line on stderr when it fails."""
    options = _parser().parse_args(arguments)
    try:
        _COMMANDS[options.command](options)
    except (LabError, docker.errors.DockerException) as error:
        print(f"lab: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _up(options: argparse.Namespace) -> None:
    lab = box.up(
        options.instance,
        options.engine,
        proxy_auth=options.proxy_auth,
        pool=options.pool,
        hostname=options.hostname,
        profile=options.profile,
        sudo=options.sudo,
        root_ssh=options.root_ssh,
    )
    _describe(lab)


def _down(options: argparse.Namespace) -> None:
    box.down(options.instance, force=options.force)


def _reboot(options: argparse.Namespace) -> None:
    box.attach(options.instance).reboot()


def _shell(options: argparse.Namespace) -> None:
    lab = box.attach(options.instance)
    ssh = find_program("ssh", "to open a shell on the NAS")
    os.execv(ssh, _ssh_command(lab))


def _status(options: argparse.Namespace) -> None:
    lab = box.attach(options.instance)
    for role, found in box.boxes_status(lab).items():
        print(f"{role:10} {found}")
    _describe(lab)


def _logs(options: argparse.Namespace) -> None:
    lab = box.attach(options.instance)
    for role in [options.box] if options.box else ["registry", "proxy", "nas"]:
        print(f"=== {role}\n{box.box_log(lab, role)}", end="")
    if outer.is_private():
        print(f"=== Docker Engine that carries the boxes: {outer.LOG}")


def _describe(lab: box.Lab) -> None:
    login = "with user and password" if lab.settings.proxy_auth else "no login"
    kind = f"{lab.settings.profile}, engine {lab.settings.engine}"
    print(f"NAS        {lab.nas_host} ({lab.settings.hostname}, {kind})")
    print(f"shell      {' '.join(_ssh_command(lab))}")
    print(f"web        http://{lab.nas_host}:{lab.web_port}/")
    print(f"pool       {lab.pool}")
    print(f"proxy      {lab.proxy_url} ({login})")
    print(f"registry   {lab.addresses.registry} (only the proxy and this machine reach it)")
    if lab.settings.sudo is not None:
        print(f"sudo       {ADMIN}: {lab.settings.sudo} (in {lab.keys.folder / 'sudo-password'})")
    print(f"CA, keys   {lab.state.folder}")


def _ssh_command(lab: box.Lab) -> list[str]:
    return [
        "ssh",
        *("-i", str(lab.ssh_key)),
        *("-o", f"UserKnownHostsFile={lab.known_hosts}"),
        *("-o", "IdentitiesOnly=yes"),
        *("-p", str(lab.ssh_port)),
        f"{lab.ssh_user}@{lab.nas_host}",
    ]


_COMMANDS = {
    "up": _up,
    "down": _down,
    "reboot": _reboot,
    "shell": _shell,
    "status": _status,
    "logs": _logs,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab", description="A NAS in a box, with its proxy and registry."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "up": "boot it, or change what differs; a second time it does nothing",
        "down": "remove it with its disks and keys",
        "reboot": "shut the NAS down and boot it: what is in a RAM disk is lost",
        "shell": "ssh to the NAS as its administrator",
        "status": "what runs and where it is",
        "logs": "what the boxes have written",
    }
    parsers = {name: commands.add_parser(name, help=text) for name, text in helps.items()}
    for each in parsers.values():
        each.add_argument("--instance", default=DEMO_INSTANCE, help="default: %(default)s")
    parsers["up"].add_argument(
        "--engine", choices=["current", "debian"], help="Docker Engine of the NAS, current or 20.10"
    )
    parsers["up"].add_argument(
        "--proxy-auth",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="let the proxy ask for user and password",
    )
    parsers["up"].add_argument("--profile", choices=list(TRAITS), help="kind of NAS")
    parsers["up"].add_argument(
        "--sudo",
        choices=["password", "nopasswd", "none"],
        help=f"what {ADMIN} needs to become root (synology, systemd)",
    )
    parsers["up"].add_argument(
        "--root-ssh",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="let root log in by key (synology, systemd)",
    )
    parsers["up"].add_argument("--pool", help="name of the volume, such as ZFS530_DATA")
    parsers["up"].add_argument("--hostname", help="host name of the NAS")
    parsers["down"].add_argument(
        "--force", action="store_true", help="also when another checkout uses it"
    )
    parsers["logs"].add_argument("box", nargs="?", choices=["nas", "proxy", "registry"])
    return parser


if __name__ == "__main__":
    sys.exit(main())
