"""`python -m nas init`: the config file of a new stack, from one look at its NAS."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import click

from nas.errors import NAMESPACE, Problem, RefusedError
from nas.facts import Unreadable, read_facts
from nas.home import expand
from nas.host_key import HostKey, NoHostKeyError, fetch_host_key
from nas.new_stack import PORTS, NewStack, new_stack
from nas.proxy_way import WayQuestion
from nas.pulumi_program import PULUMI_TIMEOUT
from nas.settings import Settings
from nas.settings_reader import load_settings
from nas.ssh import SshTarget, ssh_target
from nas.stack_file import project_root, stack_file
from nas.values import near_name

_OPTIONS = {
    "host": "--host",
    "sshUser": "--user",
    "sshPort": "--port",
    "sshPrivateKeyFile": "--key",
    "proxy": "--proxy",
}
"""Setting -> the option that gives it."""
_SWITCH_ON = "switch the NAS and its SSH service on; --port is the port that it listens on"
_UNKNOWN = "write the address of the NAS, or a name that this machine knows"


@click.command()
@click.argument("stack")
@click.option("--host", required=True, metavar="HOST", help="Name or address of the NAS.")
@click.option(
    "--proxy",
    metavar="URL",
    help="Proxy as the NAS reaches it, http://[USER:PASSWORD@]HOST:PORT.",
)
@click.option(
    "--user", metavar="NAME", default="admin", show_default=True, help="Account of the NAS."
)
@click.option(
    "--key",
    type=click.Path(),
    metavar="FILE",
    help="Private key; without it, those of your SSH agent.",
)
@click.option(
    "--port", metavar="PORT", default=22, show_default=True, help="Port of its SSH service."
)
@click.option("--accept-host-key", is_flag=True, help="Trust the host key that the NAS shows.")
@click.option(
    "--create",
    is_flag=True,
    help="Also run `pulumi stack init`, and store the proxy's password encrypted.",
)
@click.option("--dry-run", is_flag=True, help="Print the file instead of writing it.")
def command(
    stack: str,
    host: str,
    proxy: str | None,
    user: str,
    key: str | None,
    port: int,
    accept_host_key: bool,
    create: bool,
    dry_run: bool,
) -> None:
    """Read a NAS once, and write stacks/Pulumi.STACK.yaml for it.

    It shows the NAS's host key and asks whether it is the right one, never overwrites a file, and
    ends with what to run next. A password in --proxy is not written.
    """
    root = project_root()
    settings = _settings(stack, host, proxy, user, key, port)
    file = stack_file(root, stack)
    if not dry_run:
        _check_free(file)
    shown = _host_key(settings, accept_host_key)
    pinned = settings.model_copy(update={"ssh_host_key": shown.key})
    target = ssh_target(pinned)
    target.write_known_hosts()
    facts = read_facts(pinned, target, PORTS, question=WayQuestion(pinned))
    if isinstance(facts, Unreadable):
        raise _unreadable(target, facts)
    made = new_stack(pinned, facts, shown)
    for note in made.todo:
        click.echo(f"note: {note}", err=True)
    if dry_run:
        click.echo(made.text, nl=False)
        return
    _write(file, made.text)
    click.echo(f"wrote {_shown(file)}")
    if create:
        _create(root, stack, settings, made)
    click.echo(_next(stack, made, created=create), nl=False)


def _settings(
    stack: str, host: str, proxy: str | None, user: str, key: str | None, port: int
) -> Settings:
    if stack != near_name(stack):
        raise _refused(
            "STACK",
            json.dumps(stack),
            "is no valid name of a node, which is called like the stack",
            f"write e.g. {near_name(stack)}",
        )
    config = {"host": host, "sshUser": user, "sshPort": str(port)}
    if key:
        config["sshPrivateKeyFile"] = _portable(key)
    if proxy:
        config["proxy"] = proxy
    try:
        return load_settings(stack, config)
    except RefusedError as refusal:
        raise RefusedError([_as_option(one) for one in refusal.problems]) from None


def _as_option(problem: Problem) -> Problem:
    """A problem of a setting that came from the command line, named as it was given there."""
    option = _OPTIONS.get(problem.key)
    if option is None:
        return problem
    # There is no stack yet.
    fix = problem.fix.replace(
        f"`pulumi config rm {NAMESPACE}:{problem.key}`", f"leave {option} out"
    )
    for key in ("sshUser", "sshPort"):
        fix = fix.replace(key, _OPTIONS[key])
    return replace(problem, key=option, fix=fix, is_setting=False)


def _portable(key: str) -> str:
    """The path of a key as it may stand in a file that is read elsewhere: with a tilde at home."""
    if key.startswith("~") or "\n" in key:
        return key
    home = str(expand("~"))
    path = str(Path(key).absolute())
    return f"~{path[len(home) :]}" if path.startswith(f"{home}/") else path


def _check_free(file: Path) -> None:
    """Before the NAS is asked: nobody waits for it in vain."""
    if os.path.lexists(file):
        raise _refused(
            "STACK",
            json.dumps(_shown(file)),
            "is there already, and is never overwritten",
            "choose another name, or move the file away",
        )
    folder = file.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise _refused(
            "STACK",
            json.dumps(_shown(file)),
            f"cannot be written: {folder} is no folder that you may write to",
            "make it, or run this in a checkout of your own",
        )


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(text)
    except OSError as error:
        raise _refused(
            "STACK", json.dumps(_shown(file)), f"cannot be written: {error.strerror}", "see there"
        ) from None


def _host_key(settings: Settings, accept: bool) -> HostKey:
    host, port = settings.host, settings.ssh_port
    try:
        shown = fetch_host_key(host, port)
    except NoHostKeyError as error:
        raise _refused(
            "--host",
            json.dumps(host),
            f"cannot be reached: {error}",
            _UNKNOWN if "getaddrinfo" in str(error) else _SWITCH_ON,
        ) from None
    click.echo(f"host key of {host}:{port}: {shown.key} ({shown.fingerprint})", err=True)
    if shown.standing == "known":
        click.echo("the same as in your known_hosts", err=True)
        return shown
    if shown.standing == "changed":
        name = host if port == 22 else f"[{host}]:{port}"
        raise _refused(
            "--host",
            json.dumps(host),
            "shows another host key than the one in your known_hosts",
            f"if the NAS was set up anew: ssh-keygen -R '{name}'; else somebody is in between",
        )
    # No NAS is certain to have ssh-keygen; a key is a line of text.
    compare = "with the NAS's own, there: cat /etc/ssh/*.pub /etc/config/ssh/*.pub"
    if accept:
        return shown
    if _on_terminal():
        click.echo(f"compare it {compare}", err=True)
        if click.confirm("is it the key of your NAS?", err=True):
            return shown
        raise click.Abort
    raise _refused(
        "--host",
        json.dumps(host),
        f"shows a host key that nothing vouches for, {shown.fingerprint}",
        f"compare it {compare}; then run this again with --accept-host-key",
    )


def _on_terminal() -> bool:
    return sys.stdin.isatty()


def _unreadable(target: SshTarget, facts: Unreadable) -> RefusedError:
    if facts.kind == "login":
        return _refused(
            "--user",
            json.dumps(target.user),
            facts.reason,
            f"put your public key there: ssh-copy-id -p {target.port} {target.user}@{target.host}; "
            "--user and --key name another account and key",
        )
    fix = _SWITCH_ON
    if facts.kind == "host-key":
        fix = "run this again; when it stays so, somebody is in between"
    elif facts.kind == "tool":
        fix = "then run this again"
    return _refused("--host", json.dumps(target.host), facts.reason, fix)


def _create(root: Path, stack: str, settings: Settings, made: NewStack) -> None:
    _pulumi(root, "stack", "init", stack)
    proxy = settings.proxy_url
    if "proxyPassword" in made.secrets and proxy is not None and proxy.password is not None:
        key = f"{NAMESPACE}:proxyPassword"
        _pulumi(root, "config", "set", "--secret", key, "--stack", stack, stdin=proxy.password)


def _pulumi(root: Path, *arguments: str, stdin: str | None = None) -> None:
    """Runs pulumi before the user's eyes; a secret goes in by its standard input."""
    try:
        done = subprocess.run(
            ["pulumi", *arguments],
            cwd=root,
            input=stdin,
            text=True,
            timeout=PULUMI_TIMEOUT if stdin is not None else None,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(arguments, str(error)) from None
    if done.returncode != 0:
        raise _failed(arguments, f"status {done.returncode}")


def _failed(arguments: tuple[str, ...], why: str) -> RefusedError:
    command = f"pulumi {' '.join(arguments)}"
    return _refused("--create", command, f"failed ({why}); the file is written", "run it by hand")


def _next(stack: str, made: NewStack, *, created: bool) -> str:
    # `pulumi stack init` adds a salt to the file and leaves its comments.
    steps = [] if created else [f"pulumi stack init {stack}"]
    steps += [
        f"pulumi config set --secret {NAMESPACE}:{key} --stack {stack}"
        for key in made.secrets
        if not (created and key == "proxyPassword")
    ]
    steps += [f"pulumi preview --stack {stack}", f"pulumi up --stack {stack}"]
    return "next:\n" + "".join(f"  {step}\n" for step in steps)


def _refused(key: str, value: str | None, why: str, fix: str) -> RefusedError:
    return RefusedError([Problem(key, value, why, fix, is_setting=False)])


def _shown(file: Path) -> str:
    try:
        return str(file.relative_to(Path.cwd()))
    except ValueError:
        return str(file)
