"""The recorder: everything that clients of a run see goes through here into the history, and is counted.

Records wait in memory and a thread writes them several times a second, so that a slow disk delays no client. Nothing is
judged here.
"""

import asyncio
from array import array
from collections import Counter
from collections.abc import Callable
from typing import Final

from madang_proof.history import HistoryWriter, Record
from madang_proof.history.records import Fault, now

FLUSH_S: Final = 0.2


class Recorder:
    """Takes records in order. Not thread-safe."""

    def __init__(self, writer: HistoryWriter) -> None:
        self._writer = writer
        self._waiting: list[Record] = []
        self._connections = 0
        self._calls = 0
        self._answered_at = 0
        self.noted = 0
        self.counted: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()  # by code
        self.closes: Counter[int] = Counter()  # by code
        self.anomalies: Counter[str] = Counter()  # what no server should do, and no invariant covers
        self.latencies = array("I")  # microseconds from a send to its ack, outside of faults
        self.fault: str | None = None
        self.node_of: Callable[[int], str] = lambda port: (
            ""
        )  # returns the node that a connection from a local port goes to
        self._silence = 0  # longest time without any ack since the fault began, in microseconds

    def note(self, record: Record) -> None:
        """Add a record."""
        self._waiting.append(record)
        self.noted += 1

    def new_connection(self) -> int:
        """Return a number for a new connection."""
        self._connections += 1
        return self._connections

    def new_call(self) -> int:
        """Return a number for a new call."""
        self._calls += 1
        return self._calls

    def acked(self, asked: int, at: int) -> None:
        """Count an ack of a send."""
        self.counted["acks"] += 1
        if self.fault is None:
            self.latencies.append(at - asked)
        else:
            self._silence = max(self._silence, at - self._answered_at)
        self._answered_at = at

    def begin(self, name: str) -> None:
        """Note that a fault begins."""
        at = now()
        self.note(Fault(at, name))
        self.fault = name
        self._answered_at = at
        self._silence = 0

    def end(self, note: str) -> float:
        """Note that the fault is over, and return the longest time without any ack meanwhile, in seconds."""
        assert self.fault is not None
        at = now()
        self.note(Fault(at, self.fault, over=True, note=note))
        self.fault = None
        return max(self._silence, at - self._answered_at) / 1_000_000

    async def keep(self) -> None:
        """Write waiting records periodically, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            await self._flush()

    async def close(self) -> None:
        """Write the rest and close the history; nothing may be noted afterwards."""
        await self._flush()
        await asyncio.to_thread(self._writer.close)

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        await asyncio.shield(asyncio.to_thread(self._write, waiting))

    def _write(self, records: list[Record]) -> None:
        for record in records:
            self._writer.write(record)
