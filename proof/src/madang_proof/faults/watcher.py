"""The watcher: a connection of the fault, in a room of its own, by which the fault sees what its victim sees.

It is not part of the load, and the history does not know of it. `probe.py` asks over REST.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from websockets.exceptions import InvalidState

from madang_proof.faults.fault import Broken
from madang_proof.faults.probe import Probe
from madang_proof.load.connection import Connection, dial
from madang_proof.testbed.server import Server

PATIENCE_S: Final = 30.0  # a guard against waiting for good, on a machine that may be busy
POLL_S: Final = 0.02
PAD: Final = "x" * 16_000  # as much as a message's data may hold, to fill a socket soon
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


class Watcher:
    """A connection that receives in the background. `seqs` are those of the room's events, as they arrived."""

    def __init__(self, token: str, room: str) -> None:
        self.token = token
        self.room = room
        self.position = 0
        self.epoch = ""
        self.ping_s = 0.0
        self.seqs: list[int] = []
        self.reset = False  # the last join was answered with a reset
        self.bye: int | None = None  # retry_ms
        self.code: int | None = None  # close code, once it is over
        self.acked: dict[str, int] = {}  # cid -> seq
        self._connection: Connection | None = None
        self._n = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._cids: dict[int, str] = {}

    async def connect(self, url: str, *, small: bool = False) -> None:
        """Open a connection, say hello, and join, resuming where there is a position. Raise Broken.

        Args:
            small: use a small receive buffer, so that the server soon notices when reading stops.
        """
        self.code = self.bye = None
        self._answers.clear()
        self._cids.clear()
        self._connection = await until(lambda: dial(url, self._received, self._lost, small=small), "a connection")
        hello = await self.ask("hello", token=self.token)
        self.ping_s = hello["server"]["ping_ms"] / 1000
        since = {"since": self.position, "epoch": self.epoch} if self.epoch else {"limit": 0}
        joined = await self.ask("join", room=self.room, **since)
        self.reset = joined["reset"]
        self.seqs += [event["seq"] for event in joined["events"]]
        self.position, self.epoch = joined["seq"], joined["epoch"]

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        """Send a command, and return its answer; wait and repeat where the server says so. Raise Broken."""
        while True:
            answer = await self._ask(op, fields)
            if answer["op"] == "ok":
                return answer
            if "retry_ms" not in answer:
                raise Broken(f"{op} was refused: {answer['code']}.")
            await asyncio.sleep(answer["retry_ms"] / 1000)

    async def _ask(self, op: str, fields: dict[str, Any]) -> dict[str, Any]:
        self._n += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[self._n] = answer
        self.post(op, n=self._n, **fields)
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await answer
        except TimeoutError:
            raise Broken(f"{op} was not answered in {PATIENCE_S:.0f} s.") from None

    def send(self, cid: str, text: str = "") -> None:
        """Send a message without waiting; its ack is noted in `acked`."""
        self._n += 1
        self._cids[self._n] = cid
        self.post("send", n=self._n, room=self.room, cid=cid, text=text or cid)

    async def send_acked(self, count: int, name: str, data: str = "") -> None:
        """Send messages, each when the one before is acked: all of a flood would be told to wait. Raise Broken."""
        more = {"data": data} if data else {}
        for i in range(count):
            await self.ask("send", room=self.room, cid=f"{name}-{i}", text=f"{name}-{i}", **more)

    def post(self, op: str, **fields: Any) -> None:
        """Send a command without waiting for its answer."""
        if self._connection is not None:
            try:
                self._connection.send([_encode({"op": op, **fields})])
            except InvalidState:
                raise Broken(f"The connection of a watcher ended while it sent {op}.") from None

    def read_on(self, on: bool) -> None:
        """Stop reading, or resume."""
        if self._connection is not None:
            self._connection.read_on(on)

    def abort(self) -> None:
        """Abort the connection."""
        if self._connection is not None:
            self._connection.abort()

    def gap(self) -> str | None:
        """Return where the received events skip or repeat, None if they do not."""
        for before, seq in zip(self.seqs, self.seqs[1:], strict=False):
            if seq != before + 1:
                return f"event {seq} came after event {before}"
        return None

    def _received(self, text: bytes) -> None:
        frame = _decode(text)
        if frame["op"] == "event":
            self.seqs.append(frame["seq"])
            self.position = frame["seq"]
        elif frame["op"] in ("ok", "error"):
            n = frame.get("n", 0)
            if (cid := self._cids.pop(n, None)) is not None and frame["op"] == "ok":
                self.acked[cid] = frame["seq"]
            elif (answer := self._answers.pop(n, None)) is not None and not answer.done():
                answer.set_result(frame)
        elif frame["op"] == "bye":
            self.bye = frame["retry_ms"]

    def _lost(self, code: int) -> None:
        self.code = code
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Broken(f"The connection of a watcher ended ({code})."))


@asynccontextmanager
async def watching(probe: Probe, url: str, *, small: bool = False) -> AsyncIterator[Watcher]:
    """Run a watcher, connected as the probe's user and in its room. Raise Broken."""
    watcher = Watcher(probe.token, probe.room)
    await watcher.connect(url, small=small)
    try:
        yield watcher
    finally:
        watcher.abort()


async def until(look: Callable[[], Any], what: str, within: float = PATIENCE_S) -> Any:
    """Call `look`, awaiting it if need be, until it returns something true, and return that. Raise Broken."""
    try:
        async with asyncio.timeout(within):
            while True:
                found = look()
                if asyncio.iscoroutine(found):
                    found = await found
                if found:
                    return found
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise Broken(f"There was not {what} within {within:.0f} s.") from None


async def metric(server: Server, name: str) -> float:
    """Return a metric of the server. Raise Broken."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.admin_port)
    try:
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(PATIENCE_S):
            text = (await reader.read()).decode()
    except TimeoutError:
        raise Broken(f"/metrics did not answer in {PATIENCE_S:.0f} s.") from None
    finally:
        writer.close()
    for line in text.splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[1])
    raise Broken(f"/metrics does not have {name}.")


async def resident_kb(server: Server) -> int:
    """Return the server's own resident memory (without mapped files), in KB."""
    status = await asyncio.to_thread(Path(f"/proc/{server.pid}/status").read_text)
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))
