"""Remote commands on the NAS: one place that knows how scripts and secrets travel."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi
import pulumi_command as command
from pulumi_command import remote

from nas.remote_script import launched, render
from nas.ssh import SshTarget

DIAL_TIMEOUT = 15
"""Seconds for one connection attempt."""
DIAL_TRIES = 4
"""Few on purpose: a NAS blocks an address after some failed logins, and those count as tries."""


class ScriptArgs(TypedDict):
    """What one script on the NAS needs."""

    script: str
    """File below nas/scripts."""
    variables: Mapping[str, str]
    """Its shell variables; may hold secrets."""
    create: NotRequired[pulumi.Input[str]]
    """Mode argument on create, and on update: scripts compare before they change anything. Without
    it nothing runs then, and nobody connects."""
    reason: NotRequired[pulumi.Input[str]]
    """A second argument then, which preview shows. No secret."""
    shown: NotRequired[Mapping[str, pulumi.Input[str]]]
    """What preview shows of the variables, since the script itself is secret. No secrets."""
    delete: NotRequired[str]
    """Mode argument on delete; without it, nothing runs then."""
    timeout: int
    """Seconds for each of create, update and delete; dialling comes on top."""
    secret_output: NotRequired[bool]
    """Whether standard output and error are secret and never shown."""


@dataclass(frozen=True)
class Nas:
    """The NAS as the components see it.

    Attributes:
        target: how it is reached.
        platform: shell variables by which every script finds platform and Docker.
        sudo_password: what sudo asks the account for, where it is not uid 0. A secret.
        provider: the explicit provider of its remote commands.
    """

    target: SshTarget
    platform: Mapping[str, str]
    sudo_password: str | None
    provider: command.Provider

    def connection(self) -> remote.ConnectionArgs:
        """The connection of a remote command; the private key is a secret in it."""
        key = self.target.private_key
        return remote.ConnectionArgs(
            host=self.target.host,
            port=self.target.port,
            user=self.target.user,
            private_key=None if key is None else pulumi.Output.secret(key),
            host_key=self.target.host_key,
            dial_error_limit=DIAL_TRIES,
            per_dial_timeout=DIAL_TIMEOUT,
        )

    def script(self, name: str, args: ScriptArgs, opts: pulumi.ResourceOptions) -> remote.Command:
        """A `remote.Command` that runs one script by `sh -s`.

        No `triggers`: they replace, and the old delete would then run after the new create. What
        changes goes into stdin and into the comments of the command, which update.
        """
        secret = args.get("secret_output", False)
        seconds = args["timeout"] + DIAL_TIMEOUT * DIAL_TRIES
        limit = f"{seconds}s"
        delete = args.get("delete")
        text = render(args["script"], {**self.platform, **args["variables"]})
        return remote.Command(
            name,
            connection=self.connection(),
            create=_command_line(args),
            delete=None if delete is None else f"sh -s {delete}",
            stdin=pulumi.Output.secret(launched(text, self.sudo_password)),
            add_previous_output_in_env=False,
            logging=remote.Logging.NONE if secret else remote.Logging.STDERR,
            opts=pulumi.ResourceOptions.merge(
                opts,
                pulumi.ResourceOptions(
                    provider=self.provider,
                    additional_secret_outputs=["stdout", "stderr"] if secret else None,
                    custom_timeouts=pulumi.CustomTimeouts(create=limit, update=limit, delete=limit),
                ),
            ),
        )


def _command_line(args: ScriptArgs) -> pulumi.Output[str] | None:
    if "create" not in args:
        return None
    parts: list[pulumi.Input[str]] = ["sh -s ", args["create"]]
    if "reason" in args:
        parts += [" ", pulumi.Output.from_input(args["reason"]).apply(shlex.quote)]
    for key, value in args.get("shown", {}).items():
        parts += ["\n# ", key, ": ", value]
    return pulumi.Output.concat(*parts)
