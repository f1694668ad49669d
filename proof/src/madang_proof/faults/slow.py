"""F9 and F10: clients that do not read: one whose process is stopped (SIGSTOP), and many that never read a byte.

What they miss is not kept for them: memory is bounded per client, and the others go on. A client that reads again
receives everything in order, or is told of the gap.
"""

import asyncio
import random
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import AsyncExitStack
from typing import Final

from madang_proof.faults.fault import ANYWHERE, Broken
from madang_proof.faults.probe import Probe, probing
from madang_proof.faults.watcher import PAD, metric, resident_kb, until, watching
from madang_proof.testbed.testbed import Testbed

BUDGET_KB: Final = (
    256 + 128
)  # a socket's byte budget, what one message goes beyond it, and what the allocator rounds up
BESIDES_KB: Final = 48_000  # what the messages and the load cost anyway
MESSAGES: Final = 60  # of PAD: 1 MB, four times the byte budget
MOST: Final = 1200  # messages until a stopped process must be behind: 19 MB; a kernel keeps 10 for it
RESUMED_S: Final = 30.0


class Deaf:
    """Fill a room with clients that never read. Their queues are bounded, and a listener misses nothing.

    Args:
        count: how many of them.
    """

    name = "deaf"
    number = "F10"
    title = "let many connections never read, in a busy room"
    needs = ANYWHERE

    def __init__(self, count: int = 40) -> None:
        self._count = count

    def unavailable(self) -> str | None:
        return None if sys.platform == "linux" else "It reads the server's memory in /proc."

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        server = testbed.server
        async with AsyncExitStack() as stack:
            probe = await stack.enter_async_context(probing(server))
            talker = await stack.enter_async_context(watching(probe, server.direct_url))
            for _ in range(self._count):
                silent = await stack.enter_async_context(watching(probe, server.direct_url, small=True))
                silent.read_on(False)
            before, lagging = await resident_kb(server), await metric(server, "madang_lagging_total")
            await talker.send_acked(MESSAGES, "deaf", PAD)
            await until(lambda: len(talker.seqs) >= MESSAGES, "every event that was sent")
            if gap := talker.gap():
                raise Broken(f"Beside {self._count} clients that do not read, {gap}.")
            behind = 0.0

            async def all_are_behind() -> bool:  # the talker may hear the last message before the others are written to
                nonlocal behind
                behind = await metric(server, "madang_lagging_total") - lagging
                return behind >= self._count

            try:
                await until(all_are_behind, "an end of the writing")
            except Broken:
                raise Broken(
                    f"Of {self._count} clients that do not read, {behind:.0f} were found to be behind."
                ) from None
            grown = await resident_kb(server) - before
            if grown > (bound := self._count * BUDGET_KB + BESIDES_KB):
                raise Broken(
                    f"The server grew by {grown} KB for {self._count} clients that do not read; the bound is {bound} KB."
                )
        return f"{self._count} never read; the server grew by {grown // 1024} MB"


class Sleeper:
    """Stop a client's process while its room is busy: only it falls behind. Resumed, it receives everything.

    Args:
        until_closed: keep it stopped until the server has closed its connection.
    """

    name = "sleeper"
    number = "F9"
    title = "stop a client's process (SIGSTOP) until it is behind, and let it go on"
    needs = ANYWHERE

    def __init__(self, *, until_closed: bool = False) -> None:
        self._until_closed = until_closed

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        server = testbed.server
        async with probing(server) as probe, watching(probe, server.direct_url) as talker:
            reader = await Reader.start(server.direct_url, probe)
            try:
                lagging = await metric(server, "madang_lagging_total")
                sockets = await metric(server, "madang_sockets")
                reader.stop()
                said = 0
                while await metric(server, "madang_lagging_total") == lagging:
                    if said >= MOST:
                        raise Broken(f"{said} messages were sent to a process that is stopped, and it is not behind.")
                    await talker.send_acked(MESSAGES, f"asleep-{said}", PAD)
                    said += MESSAGES
                if self._until_closed:
                    await until(lambda: _below(testbed, sockets), "an end of the connection that is not read", 60.0)
                await until(lambda: len(talker.seqs) >= said, "every event that was sent")
                reader.resume()
                await reader.reaches(talker.position)
                if gap := talker.gap() or reader.gap:
                    raise Broken(f"Beside a process that is stopped, or in it, {gap}.")
            finally:
                await reader.end()
        return f"stopped for {said} messages, and then read on{' on a new connection' if reader.lives > 1 else ''}"


async def _below(testbed: Testbed, sockets: float) -> bool:
    return await metric(testbed.server, "madang_sockets") < sockets


class Reader:
    """The process of `reader.py`, and what it reports.

    Attributes:
        lives: how often it has been connected.
        position: the newest event it has received; `gap` says what was out of order.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._task = asyncio.create_task(self._listen())
        self.lives = 0
        self.position = 0
        self.gap: str | None = None

    @classmethod
    async def start(cls, url: str, probe: Probe, *within: str) -> "Reader":
        """Start it in the probe's room, as the probe's user. Raise Broken.

        `within` is a command that runs commands.
        """
        process = await asyncio.create_subprocess_exec(
            *within, sys.executable, "-m", "madang_proof.testbed.reader", url, probe.room,
            stdin=DEVNULL, stdout=PIPE, env={"MADANG_READER_TOKEN": probe.token},
        )  # fmt: skip
        reader = cls(process)
        await until(lambda: reader.lives, "a reader in its room", RESUMED_S)
        return reader

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            word, _, number = line.decode().strip().partition(" ")
            if word == "live":
                self.lives += 1
            elif word == "at" or (word == "reset" and int(number) > self.position):
                self.position = int(number)
            elif word == "event" and int(number) == self.position + 1:
                self.position += 1
            else:
                self.gap = self.gap or f"{word} {number} came after event {self.position}"

    def stop(self) -> None:
        """Stop the process."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let the process go on."""
        self._process.send_signal(signal.SIGCONT)

    async def reaches(self, seq: int) -> None:
        """Wait until it has everything up to an event, or reports a gap. Raise Broken."""
        await until(lambda: self.position >= seq or self.gap, "everything for a reader", RESUMED_S)

    async def end(self) -> None:
        """Kill it."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._task
