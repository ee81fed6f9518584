"""Whether the account of SSH can do on the NAS what has to be done."""

from __future__ import annotations

import json

from nas.errors import Problem, set_command
from nas.facts import Facts
from nas.settings import Settings

SUDO_REFUSALS = {
    "": ("may not manage Docker", "write the account with uid 0: admin on QNAP, root elsewhere"),
    "absent": (
        "may not manage Docker, and this NAS has no sudo",
        "write the account with uid 0: admin on QNAP, root elsewhere",
    ),
    "sudoers": (
        "may not use sudo",
        "make it an administrator of the NAS (group administrators or sudo), or write the account "
        "with uid 0",
    ),
    "tty": (
        "gets no sudo without a terminal",
        "add `Defaults:{user} !requiretty` to sudoers with visudo",
    ),
    "broken": (
        "gets no sudo on the NAS",
        "log in as it and try `sudo true`, or write the account with uid 0",
    ),
}
"""What sudo says -> why an account cannot be used, and what to do."""


def check_account(settings: Settings, facts: Facts) -> list[Problem]:
    """Whether the account of SSH can become uid 0, and can use Docker itself."""
    if facts.uid in (None, 0):
        return []
    user = facts.user or settings.ssh_user
    if facts.sudo == "needed":
        return [
            Problem(
                "sudoPassword",
                None,
                f"is what sudo on the NAS asks {user} for",
                f"{set_command('sudoPassword', secret=True)}, or allow {user} sudo "
                f"without one: {user} ALL=(root) NOPASSWD: ALL",
            )
        ]
    if facts.sudo == "wrong":
        return [
            Problem(
                "sudoPassword",
                "[secret]",
                f"is not the password that sudo takes from {user}",
                set_command("sudoPassword", secret=True),
            )
        ]
    if facts.sudo in SUDO_REFUSALS:
        why, fix = SUDO_REFUSALS[facts.sudo]
        return [
            Problem(
                "sshUser",
                json.dumps(settings.ssh_user),
                f"has uid {facts.uid} on the NAS and {why}",
                fix.format(user=user),
            )
        ]
    if facts.docker_access == "none":
        group = facts.socket.partition(" ")[0].partition(":")[2]
        # Membership of root's group would be more than Docker.
        join = "" if group in ("", "root", "wheel") else f"add {user} to the group {group}, or "
        return [
            Problem(
                "sshUser",
                json.dumps(settings.ssh_user),
                f"may not use Docker over SSH: its socket is {facts.socket or 'not there'}",
                f"{join}allow {user} docker without a password with visudo: "
                f"{user} ALL=(root) NOPASSWD: {facts.docker}",
            )
        ]
    return []
