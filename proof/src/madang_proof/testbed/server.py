"""A real `madang serve` as a separate process with its data in a folder: started, killed, paused, restarted.

All of its processes use one port, and end with the process that started them, even if that is killed. What is done to
them is in `faults/`, what is between them and their clients in `testbed.py`.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final, Protocol

START_SECONDS: Final = 60.0  # either is a guard against hanging on a busy machine
STOP_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.02
PORTS: Final = range(10_240, 18_400)
PROGRAM: Final = (sys.executable, "-m", "madang")
NO_SETTINGS: Final[Mapping[str, str]] = {}
# setpriv becomes the server, so the process id is the server's.
TIED: Final = (setpriv, "--pdeathsig=KILL") if (setpriv := shutil.which("setpriv")) else ()


class Running(Protocol):
    """What is needed of a process; asyncio's are such."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    async def wait(self) -> int: ...


class Server:
    """A server, over one process or several in turn.

    Args:
        data: folder for its data, and for its log unless `log` says where; it must exist.
        program: python, "-m", the module that is the server, and its first arguments; `serve …` follows.
        arguments: more of the command line, like "--load-test".
        settings: settings by name, like {"user_rate": "0"}.
    """

    def __init__(
        self,
        data: Path,
        *,
        program: tuple[str, ...] = PROGRAM,
        arguments: tuple[str, ...] = (),
        settings: Mapping[str, str] = NO_SETTINGS,
        log: Path | None = None,
    ) -> None:
        self.data = data
        self.log = log or data / "log"
        self.port = 0
        self.admin_port = 0
        self.admin_secret = ""
        self.environment: dict[str, str] = {}  # added from the next start on
        self.launcher: tuple[str, ...] = ()  # a module that runs the program, and its arguments, from the next start on
        self._program = program
        self._arguments = arguments
        self._settings = settings
        self._process: Running | None = None

    @property
    def url(self) -> str:
        """The base URL of its HTTP API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def direct_url(self) -> str:
        """The URL of the native protocol, without a proxy in between."""
        return f"ws://127.0.0.1:{self.port}/ws"

    @property
    def admin_url(self) -> str:
        """The URL of its admin listener, another after every start; `admin_secret` opens what is protected."""
        return f"http://127.0.0.1:{self.admin_port}"

    @property
    def pid(self) -> int:
        """The process id of the newest process."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether there is a process, even a paused one."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it and wait until it is live.

        Raises:
            RuntimeError: it ended or did not answer in START_SECONDS; the message has the end of its log.
        """
        # Another program may take a free port before the server has it; the first start then tries another port.
        for attempts_left in (2, 1, 0) if not self.port else (0,):
            port = self.port or _free_port()
            self._process = await self._spawn(port)
            if await self._live(self._process, port):
                self.port = port
                return
            await self._end()
            if not attempts_left:
                log = await asyncio.to_thread(self.log.read_text, errors="replace")
                raise RuntimeError(f"madang serve did not start:\n{log[-4000:]}")

    async def kill(self) -> None:
        """Kill the process (SIGKILL)."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """Stop it gracefully (SIGTERM), and return the exit status.

        Raises:
            TimeoutError: it did not end in STOP_SECONDS.
        """
        assert self._process is not None
        self._process.terminate()
        return await self.ended(STOP_SECONDS)

    async def ended(self, seconds: float) -> int:
        """Wait until the process has ended by itself, and return its exit status, or minus the signal's number.

        Raises:
            TimeoutError: it has not ended in time.
        """
        assert self._process is not None
        return await asyncio.wait_for(self._process.wait(), seconds)

    async def restart(self) -> None:
        """Kill it if it runs, and start it on the same port and data. Raise what `start` does."""
        await self._end()
        await self.start()

    async def close(self) -> None:
        """Kill it if it runs."""
        await self._end()

    def pause(self) -> None:
        """Freeze it (SIGSTOP): its sockets stay open, and nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process go on (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    async def _end(self) -> None:
        if self.running:
            await self.kill()

    async def begin(self, command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> Running:
        """Start the process. A Ctrl-C is not meant for it."""
        return await asyncio.create_subprocess_exec(
            *TIED, *command, stdin=DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
        )

    async def _spawn(self, port: int) -> Running:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("MADANG_")}
        environment |= {f"MADANG_{name.upper()}": value for name, value in self._settings.items()}
        environment |= self.environment
        python, option, *program = self._program
        serve = ("serve", "--port", str(port), "--admin-port", "0", "--data", str(self.data), *self._arguments)
        with await asyncio.to_thread(self._prepare) as log:
            return await self.begin((python, option, *self.launcher, *program, *serve), environment, log)

    def _prepare(self) -> IO[bytes]:
        (self.data / "admin.json").unlink(missing_ok=True)  # left by a process that was killed
        return self.log.open("ab")

    async def _live(self, process: Running, port: int) -> bool:
        """Poll until the server answers and has written the note that says where its admin listener is.

        Return False if it ended or did not answer.
        """
        deadline = asyncio.get_running_loop().time() + START_SECONDS
        while process.returncode is None and asyncio.get_running_loop().time() < deadline:
            if await answers(port) and await asyncio.to_thread(self._find_admin):
                return process.returncode is None  # otherwise another server, which took the port first, has answered
            await asyncio.sleep(POLL_SECONDS)
        return False

    def _find_admin(self) -> bool:
        try:
            note = json.loads((self.data / "admin.json").read_bytes())
        except OSError:
            return False
        self.admin_port, self.admin_secret = note["port"], note["secret"]
        return True


async def answers(port: int) -> bool:
    """Return whether a server on this machine answers at once that it is live."""
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


def _free_port() -> int:
    """Return a free port below the range that the kernel gives to outgoing connections.

    A connection must not have taken the server's port when it starts again.
    """
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
