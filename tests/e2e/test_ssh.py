"""The SSH service of the NAS: one that lets a single login through at a time, and ones that are
none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.story import Story, story_of
from tests.e2e.test_main_job import RESOURCES
from tests.lab.box import Lab

CONFIG = "/etc/ssh/sshd_config"


@pytest.fixture(scope="module")
def story(session_lab: Lab) -> Iterator[Story]:
    """A stack without resources."""
    with story_of(session_lab, "ssh") as made:
        made.configure()
        yield made


@contextmanager
def one_login_at_a_time(story: Story) -> Iterator[None]:
    reload = "kill -HUP $(cat /var/run/sshd.pid)"
    story.must(f"echo 'MaxStartups 1' >>{CONFIG}; {reload}")
    try:
        yield
    finally:
        story.must(f"sed -i '/^MaxStartups/d' {CONFIG}; {reload}")


def test_up_refresh_and_destroy_get_by_with_one_login_at_a_time(story: Story) -> None:
    with one_login_at_a_time(story):
        story.must_up()
        assert story.changes() == {"create": RESOURCES}
        story.must_up()
        assert story.changes() == {"same": RESOURCES}
        # The docker provider reads all its resources at once, and each opens a connection.
        flags = ("--yes", "--skip-preview", "--expect-no-changes", "--parallel", "1")
        done = story.project.run("refresh", *flags)
        assert done.returncode == 0, done.stdout + done.stderr
        done = story.destroy()
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("listener", "words"),
    [
        ("", "refused the connection"),
        ("setsid nc -ll -p 2299 -e sleep 60", "no SSH there"),
    ],
)
def test_a_port_that_is_no_ssh_service_is_named_at_once(
    story: Story, listener: str, words: str
) -> None:
    story.configure(sshPort=2299)
    if listener:
        story.must(f"{listener} </dev/null >/dev/null 2>&1 & echo $! >/tmp/listener; sleep 1")
    try:
        began = time.monotonic()
        done = story.up()
        took = time.monotonic() - began
    finally:
        story.lab.nas("kill $(cat /tmp/listener) 2>/dev/null; rm -f /tmp/listener")
        story.configure()
    assert done.returncode != 0
    assert words in done.stdout
    assert took < 60
