"""HTTP long-polling: what waits for a client's next poll, and its answer. Requests are read in `routes.py`.

What waits is bounded by the byte budget of a socket: over it, rooms stop writing, and go on when a poll has taken it.
A poll is answered as soon as something waits for it, and later where its address's requests run short.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from madang.protocol.socketio.engine import SEPARATOR
from madang.transports.socketio.encoding import packets
from madang.transports.subscriber import HIGH_WATER, LOW_WATER

if TYPE_CHECKING:
    from madang.transports.socketio.client import Client

CLOSE: Final = b"1"
NOOP: Final = b"6"
_BETWEEN: Final = SEPARATOR.encode()


class Polling:
    """Carries one client by polls (`carrier.Carrier`).

    Attributes:
        over: nothing is added any more; polls take what is there, and then the end.
        posting: a request that brings packets is being read.
        upgrading: a WebSocket is about to take over.
        probed: it works.
    """

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._packets: list[bytes] = []
        self._size = 0  # bytes of them
        self._held = 0  # bytes that are counted among the node's buffers
        self._poll: asyncio.Future[None] | None = None
        self._waking: asyncio.Handle | None = None
        self._taken: list[asyncio.Future[None]] = []
        self._reading = asyncio.Event()
        self._reading.set()
        self.paused = False
        self.over = False
        self.posting = False
        self.upgrading = False
        self.probed = False

    @property
    def closed(self) -> bool:
        """Whether it is too late to write."""
        return self.over

    # -- what is written -----------------------------------------------------------------------------------------------

    def write_now(self, data: bytes) -> None:
        """Let packets wait for the next poll."""
        if self.over:
            return
        for packet in packets(data):
            self._packets.append(packet)
            self._size += len(packet)
        self._client.node.memory.take("answers", len(data))
        self._held += len(data)
        self._wake()
        if self._size > HIGH_WATER and not self.paused:
            self.paused = True
            self._client.node.hub.pause(self._client)

    def queue(self, data: bytes) -> None:
        """Write: what is written in one turn goes out together anyhow."""
        self.write_now(data)

    def send(self, data: bytes) -> None:
        """Write."""
        self.write_now(data)

    def send_pieces(self, pieces: Sequence[bytes]) -> None:
        """Write."""
        self.write_now(b"".join(pieces))

    def flush(self) -> None:
        """Do nothing: nothing is queued."""

    def read_on(self, on: bool) -> None:
        """Let those who bring packets wait, or go on."""
        if on:
            self._reading.set()
        else:
            self._reading.clear()

    async def read(self) -> None:
        """Wait until the session takes more, or until the end."""
        await self._reading.wait()

    async def drained(self, coming: int = 0) -> None:
        """Wait until little waits for a poll, or what is coming has room beside it; or until the end."""
        while not self.over and self._size > LOW_WATER and not (coming and self._size + coming <= HIGH_WATER):
            taken: asyncio.Future[None] = self._loop.create_future()
            self._taken.append(taken)
            await taken

    def close(self, code: int, reason: str) -> None:
        """End the session behind what waits, by a poll of its own: stock clients close before they handle what came with that."""
        if not self.over:
            self.over = True
            self._wake(at_once=True)
            self._go_on()

    # -- polls ---------------------------------------------------------------------------------------------------------

    @property
    def polled(self) -> bool:
        """Whether a poll waits."""
        return self._poll is not None

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._packets

    def poll(self) -> asyncio.Future[None]:
        """Return what is done as soon as the poll that has come can be answered, by `take`."""
        self._poll = self._loop.create_future()
        if self._packets or self.probed or self.over:
            self._wake(at_once=self.probed or self.over)
        return self._poll

    def take(self) -> bytes:
        """Return the payload of an answer: what waits, or a packet that says nothing, or the last one."""
        self._poll = None
        payload = _BETWEEN.join(self.take_all()) or (CLOSE if self.over else NOOP)
        if self.paused and not self.over:
            self.paused = False
            self._loop.call_soon(self._client.resume)
        return payload

    def take_all(self) -> list[bytes]:
        """Return all that waits."""
        taken, self._packets = self._packets, []
        self._free()
        self._go_on()
        return taken

    def probe(self) -> None:
        """Answer polls at once from now on: the WebSocket works, and the client waits for the last poll to end."""
        self.probed = True
        self._wake(at_once=True)

    def upgrade_failed(self) -> None:
        """Go on as before: the WebSocket is gone."""
        self.upgrading = self.probed = False

    def drop(self, last: bytes = NOOP) -> None:
        """End at once: a poll that waits gets a last packet, and nothing else comes."""
        self._packets = [last] if self._poll is not None else []
        self._free()
        self.over = True
        self._wake(at_once=True)
        self._go_on()

    def _free(self) -> None:
        memory, self._size = self._client.node.memory, 0
        memory.free("answers", self._held)
        self._held = 0

    def _wake(self, at_once: bool = False) -> None:
        if self._poll is None or (self._waking is not None and not at_once):
            return
        if self._waking is not None:
            self._waking.cancel()
        held_s = 0.0 if at_once else self._client.pace()
        self._waking = self._loop.call_later(held_s, self._answer) if held_s else self._loop.call_soon(self._answer)

    def _answer(self) -> None:
        self._waking = None
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(None)

    def _go_on(self) -> None:
        """Let those look again who wait for room, or to be read."""
        taken, self._taken = self._taken, []
        for each in taken:
            if not each.done():
                each.set_result(None)
        if self.over:
            self._reading.set()
