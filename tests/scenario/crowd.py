"""People of the scenarios: plain connections that note what they hear."""

import asyncio
import json
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.running import Server
from tests.waiting import PATIENCE_S


class Person:
    """A connection in a room. It sends without waiting and hears in the background, until it is closed."""

    def __init__(self, connection: ClientConnection, room: str) -> None:
        self._connection = connection
        self._n = 10
        self.room = room
        self.seqs: list[int] = []  # of event frames, as they came
        self._resets: dict[int, int] = {}  # by how many events had come: the seq that a reset went on from
        self.acks: dict[str, int] = {}  # cid -> seq
        self.refusals: list[dict[str, Any]] = []
        self.notices: list[str] = []  # ops of all other frames
        self._cids: dict[int, str] = {}
        self._joined = asyncio.Event()
        self._heard = asyncio.Event()
        self.listening = asyncio.create_task(self._listen())

    async def _listen(self) -> int | None:
        """Note frames until the connection ends; gives the close code."""
        try:
            async for text in self._connection:
                self._note(json.loads(text))
                self._heard.set()
        except ConnectionClosed:
            pass
        asyncio.get_running_loop().call_soon(self._heard.set)  # once this task is done
        return self._connection.close_code

    def _note(self, frame: dict[str, Any]) -> None:
        if frame["op"] == "event":
            self.seqs.append(frame["seq"])
        elif frame["op"] == "ok" and frame["n"] in self._cids:
            self.acks[self._cids.pop(frame["n"])] = frame["seq"]
        elif frame["op"] == "error":
            self.refusals.append(frame)
        elif frame["op"] == "ok" and frame["n"] == 2:
            self._joined.set()
        else:
            self.notices.append(frame["op"])
            if frame["op"] == "reset":
                self._resets[len(self.seqs)] = frame["seq"]

    def sees_all(self) -> bool:
        """Return whether each event came right behind the one before, or behind a reset that said where it goes on."""
        return all(
            seq == self._resets.get(i, self.seqs[i - 1] if i else seq - 1) + 1 for i, seq in enumerate(self.seqs)
        )

    async def send(self, cid: str, text: str = "hello") -> None:
        self._n += 1
        self._cids[self._n] = cid
        command = {"op": "send", "n": self._n, "room": self.room, "cid": cid, "text": text}
        await self._connection.send(json.dumps(command))

    async def joined(self) -> None:
        await self.hears(self._joined.is_set)

    async def hears(self, condition: Any) -> None:
        """Wait until what was heard fulfils a condition; that the connection ends first is a failure."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not condition():
                    assert not self.listening.done(), f"the connection has ended: {self}"
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            raise AssertionError(f"what was waited for did not come: {self}") from None

    async def closed(self) -> int | None:
        """Wait for the end; gives the close code."""
        try:
            return await asyncio.wait_for(asyncio.shield(self.listening), PATIENCE_S)
        except TimeoutError:
            raise AssertionError(f"the connection did not end: {self}") from None

    def __str__(self) -> str:
        said = f"{len(self.seqs)} events, {len(self.acks)} acks, refused {self.refusals[-1:]}, told {self.notices[-3:]}"
        return f"{said}, closed with {self._connection.close_code}"

    async def leave(self) -> None:
        await self._connection.close()
        await self.listening


async def person(server: Server, name: str, room: str = "lobby") -> Person:
    """Connect, say hello and join."""
    connection = await connect(server.direct_url, max_size=None, open_timeout=PATIENCE_S)
    someone = Person(connection, room)
    await connection.send(json.dumps({"op": "hello", "n": 1, "guest": name}))
    await connection.send(json.dumps({"op": "join", "n": 2, "room": room, "limit": 0}))
    await someone.joined()
    return someone
