"""An SSH server on loopback that tells what its clients did, and can turn dials away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from dataclasses import dataclass, field
from types import TracebackType

import asyncssh


@dataclass
class Recorder:
    """Runs commands with this machine's shell for whoever holds `client_key`."""

    turn_away: int = 0
    path: str = os.defpath
    dials: int = 0
    logins: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    environments: list[dict[str, str]] = field(default_factory=list)
    client_key: asyncssh.SSHKey = field(
        default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519")
    )
    host_key: asyncssh.SSHKey = field(
        default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519")
    )
    port: int = 0

    def __enter__(self) -> Recorder:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        listening = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        self._server = listening.result(10)
        self.port = self._server.get_port()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            config=None,
            server_factory=lambda: _Server(self),
            server_host_keys=[self.host_key],
            process_factory=self._serve,
            encoding=None,
        )

    async def _serve(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        self.commands.append(process.command or "")
        self.environments.append(dict(process.env))
        child = await asyncio.create_subprocess_shell(
            process.command or "true",
            env={"PATH": self.path},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert child.stdout is not None
        assert child.stderr is not None
        typed = asyncio.create_task(self._type(process, child))
        out, err = await asyncio.gather(child.stdout.read(), child.stderr.read())
        code = await child.wait()
        typed.cancel()
        process.stdout.write(out)
        process.stderr.write(err)
        process.exit(code)

    async def _type(
        self, process: asyncssh.SSHServerProcess[bytes], child: asyncio.subprocess.Process
    ) -> None:
        assert child.stdin is not None
        with contextlib.suppress(OSError):  # a command may end without reading its input
            while data := await process.stdin.read(65536):
                child.stdin.write(data)
                await child.stdin.drain()
            child.stdin.close()

    def client_key_text(self) -> str:
        """The private key that may log in, as the `connection` input takes it."""
        return self.client_key.export_private_key().decode()

    def host_key_text(self) -> str:
        """The public host key, as the `connection` input takes it."""
        return self.host_key.export_public_key().decode()


class _Server(asyncssh.SSHServer):
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._recorder.dials += 1
        if self._recorder.dials <= self._recorder.turn_away:
            conn.abort()

    def begin_auth(self, username: str) -> bool:
        self._recorder.logins.append(username)
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key == self._recorder.client_key.convert_to_public()
