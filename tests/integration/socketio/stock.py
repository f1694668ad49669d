"""Stock socket.io-client sockets under Node, each driven by a test (`driver.mjs`)."""

import asyncio
import json
import subprocess
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.waiting import eventually

ROOT: Final = Path(__file__).resolve().parents[3]
NODE: Final = ROOT / ".venv/lib/nodejs/bin/node"
LINE_BYTES: Final = 1 << 22
Json = Any


class StockSocket:
    """One socket.

    Attributes:
        heard: what all events brought, in order, each with its name and arguments.
        life: what became of its connection: connect, disconnect, connect_error.
    """

    def __init__(self, driver: "Driver", name: str) -> None:
        self._driver = driver
        self.name = name
        self.heard: list[tuple[str, list[Json]]] = []
        self.life: list[Json] = []

    async def ask(self, *args: Json) -> Json:
        """Emit an event, and return its ack."""
        return await self._driver.do("ask", name=self.name, args=args)

    async def retry(self, *args: Json) -> Json:
        """Emit an event that the client sends again until it is acknowledged, and return that."""
        return await self._driver.do("retry", name=self.name, args=args)

    async def do(self, what: str, *args: Json) -> Json:
        return await self._driver.do(what, name=self.name, args=args)

    def events(self, name: str, room: str = "") -> list[Json]:
        """Return the events of a name, in a room if one is given."""
        return [args[0] for event, args in self.heard if event == name and (not room or args[0]["room"] == room)]

    def seqs(self, room: str) -> list[int]:
        """Return the seqs of all events of a room's log that came, in the order they came."""
        return [args[0]["seq"] for event, args in self.heard if "." in event and args[0]["room"] == room]

    async def lives(self, life: str, times: int = 1) -> Json:
        """Wait until something has become of it that many times, and return the last."""
        await eventually(lambda: len(self._lived(life)) >= times)
        return self._lived(life)[-1]

    def _lived(self, life: str) -> list[Json]:
        return [each for each in self.life if each["life"] == life]

    async def hears(self, enough: Callable[[], bool]) -> None:
        await eventually(enough)


class Driver:
    """A Node process with any number of sockets."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._numbers = count()
        self._asked: dict[int, asyncio.Future[Json]] = {}
        self._sockets: dict[str, StockSocket] = {}

    async def open(self, url: str, name: str = "", **options: Json) -> StockSocket:
        """Open a socket; it connects by itself."""
        socket = StockSocket(self, name or f"s{next(self._numbers)}")
        self._sockets[socket.name] = socket
        await self.do("open", name=socket.name, url=url, options=options)
        return socket

    async def do(self, what: str, **rest: Json) -> Json:
        id = next(self._numbers)
        self._asked[id] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": id, "what": what, **rest}).encode() + b"\n")
        return await self._asked[id]

    async def listen(self) -> None:
        """Take what the process says, until it ends."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said = json.loads(line)
            if "id" in said:
                asked = self._asked.pop(said["id"])
                if not asked.done():
                    asked.set_result(said["result"] if "result" in said else {"failed": said["failed"]})
            elif "life" in said:
                self._sockets[said["name"]].life.append(said)
            else:
                self._sockets[said["name"]].heard.append((said["event"], said["args"]))


@asynccontextmanager
async def stock_sockets() -> AsyncIterator[Driver]:
    """Run the driver."""
    here = Path(__file__).parent
    process = await asyncio.create_subprocess_exec(NODE, here / "driver.mjs", stdin=PIPE, stdout=PIPE, limit=LINE_BYTES)
    driver = Driver(process)
    listening = asyncio.create_task(driver.listen())
    try:
        yield driver
    finally:
        process.kill()
        await process.wait()
        await listening


def set_up() -> None:
    """Set Node and its packages up, where they are not."""
    done = subprocess.run(
        [ROOT / "scripts/npm", "ls", "socket.io-client"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
