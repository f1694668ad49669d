"""A real `madang serve` for tests: a process of its own, on a free port, with its data in a folder of the test's.

It can be killed and started again on the same port and data. It ends with the test run, even if that is killed.
"""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 15.0
POLL_SECONDS = 0.02
NO_SETTINGS: Mapping[str, str] = {}


class Server:
    """One server, perhaps over several processes."""

    def __init__(self, data: Path, arguments: tuple[str, ...], settings: Mapping[str, str]) -> None:
        self.data = data
        self.port = 0
        self._arguments = arguments
        self._settings = settings
        self._process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def log(self) -> str:
        """What it has written so far."""
        return (self.data / "log").read_text()

    async def start(self) -> None:
        """Start it and wait until it is live."""
        # A free port may be taken by someone else before the server has it; then take another, the first time.
        for attempts_left in (2, 1, 0) if not self.port else (0,):
            port = self.port or _free_port()
            self._process = await self._spawn(port)
            if await _is_live(self._process, port):
                self.port = port
                return
            await self._end()
            if not attempts_left:
                raise RuntimeError(f"madang serve did not start:\n{self.log()[-4000:]}")

    async def _spawn(self, port: int) -> Process:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MADANG_")}
        environment |= {f"MADANG_{name.upper()}": value for name, value in self._settings.items()}
        command = [sys.executable, "-m", "madang", "serve", "--port", str(port), "--admin-port", "0"]
        # setpriv becomes the server, so the process id is the server's.
        with (self.data / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                "setpriv", "--pdeathsig=KILL", *command, "--data", str(self.data), *self._arguments,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env=environment,
            )  # fmt: skip

    async def kill(self) -> None:
        """End it as a power cut would end the process: SIGKILL."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """End it in order (SIGTERM); gives the exit status."""
        assert self._process is not None
        self._process.terminate()
        return await asyncio.wait_for(self._process.wait(), STOP_SECONDS)

    async def restart(self) -> None:
        """Kill it if it runs, and start it on the same port and data."""
        await self._end()
        await self.start()

    async def _end(self) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.kill()


@asynccontextmanager
async def running_server(
    data: Path, *arguments: str, settings: Mapping[str, str] = NO_SETTINGS
) -> AsyncIterator[Server]:
    """Run a server with its data in `data`, until the block is left.

    Args:
        arguments: more of the command line, like "--load-test".
        settings: more settings by name, like {"user_rate": "0"}.
    """
    server = Server(data, arguments, settings)
    await server.start()
    try:
        yield server
    finally:
        await server._end()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _is_live(process: Process, port: int) -> bool:
    """Ask until the server answers. False if it ended or stayed silent."""
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while process.returncode is None and asyncio.get_running_loop().time() < deadline:
        if await _answers(port):
            return process.returncode is None  # else it was another server, which took the port first
        await asyncio.sleep(POLL_SECONDS)
    return False


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()
