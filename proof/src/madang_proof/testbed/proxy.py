"""A TCP proxy on the loopback that does to connections what networks do: cut, reset, slice, delay, halt.

It knows bytes, not frames, and it never produces what TCP never shows: a stream with a gap. Bytes swallowed by a cut
are gone, so healing resets the connections that lost some. Under normal conditions a chunk costs one read and one write.
Before several servers it is their load balancer. What happens within a connection is in `links.py`; which fault does
what to which connections, and when, is in `faults/`.
"""

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from madang_proof.testbed.links import NORMAL, Conditions, Link

__all__ = ["NORMAL", "Conditions", "Proxy"]

BACKLOG: Final = 4096


class Proxy:
    """Connects every client of `port` to one of `targets` (host, port).

    Clients go to each target in turn, but not to one that refuses connections or is `shut`. Targets may go away and come
    back; a client that no target accepts is reset. A client that connects from a loopback address other than 127.0.0.1
    reaches the server from that address.
    """

    def __init__(self, *targets: tuple[str, int]) -> None:
        self.targets = targets
        self.port = 0
        self.mark = b""
        self.lost_answers = 0  # connections to which nothing comes back since a mark
        self._unanswered: set[Link] = set()  # those: what they wait for may not even have come here
        self._shut: set[int] = set()
        self._turn = 0
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets = 0
        self._still = asyncio.Event()
        self._still.set()
        self._up = self._down = NORMAL
        self._share = 1.0
        self._target: int | None = None
        self._dice = random.Random(0)  # noqa: S311  # a seed makes a fault again what it was
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Link(self).client, "127.0.0.1", 0, backlog=BACKLOG)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, and reset every connection."""
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._still.wait()
        await asyncio.sleep(0)  # a turn of the loop, in which transports that were aborted close their sockets

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._links)

    def target(self, port: int) -> int | None:
        """Return the target that a client is connected to, by the client's port; None where there is no such client."""
        return next((link.target for link in self._links if link.port == port and link.target >= 0), None)

    def change(
        self,
        *,
        up: Conditions = NORMAL,
        down: Conditions = NORMAL,
        dice: random.Random | None = None,
        share: float = 1.0,
        target: int | None = None,
    ) -> int:
        """Set the conditions from client to server (`up`) and back (`down`), until the next change or `heal`.

        Args:
            share: of present and future connections, drawn with `dice`; the others meet normal conditions.
            target: only connections to this target; the others meet normal conditions.

        Return how many of the present connections are affected.
        """
        self._up, self._down, self._share, self._target = up, down, share, target
        self._dice = dice or self._dice
        return sum(self._meet(link) for link in self.links)

    def shut(self, *targets: int) -> None:
        """Send no new clients to these targets until `heal`; present ones stay."""
        self._shut |= set(targets)

    def part(self) -> None:
        """Cut every target off until `heal`: present connections are reset, and so are new ones."""
        self.shut(*range(len(self.targets)))
        for link in self.links:
            link.reset()

    def lose_answers(self, mark: bytes) -> None:
        """Lose answers until `heal`: a client's bytes that contain the mark pass, and nothing more comes back."""
        self.mark = mark

    def heal(self) -> None:
        """Restore normal conditions.

        What was late arrives; connections that lost bytes, or were to lose an answer, are reset, and scheduled resets are
        cancelled.
        """
        self._shut.clear()
        self.mark, self.lost_answers = b"", 0
        self.change()
        unanswered, self._unanswered = self._unanswered, set()
        for link in self.links:
            link.up.fuse = link.down.fuse = None
            if link.up.lost or link.down.lost or link.torn or link in unanswered:
                link.reset()

    def reset(self, dice: random.Random, share: float = 1.0, within: int = 0) -> int:
        """Reset a share of the connections, and return how many.

        Args:
            within: let up to this many more bytes of each direction pass first, so that the reset falls into a frame. A
                connection without traffic lives on until then, or until `heal`. 0 for at once.
        """
        chosen = [link for link in self.links if dice.random() < share]
        for link in chosen:
            if within:
                link.up.fuse, link.down.fuse = dice.randrange(within), dice.randrange(within)
            else:
                link.reset()
        return len(chosen)

    @property
    def links(self) -> Sequence["Link"]:
        """The connections in the order in which they came, so that equal dice choose the same ones."""
        return sorted(self._links, key=lambda link: link.number)

    def _meet(self, link: "Link") -> bool:
        meets = self._target in (None, link.target) and (self._share >= 1.0 or self._dice.random() < self._share)
        link.up.change(self._up if meets else NORMAL)
        link.down.change(self._down if meets else NORMAL)
        return meets

    # -- for links -----------------------------------------------------------------------------------------------------

    def came(self, link: "Link") -> None:
        self._links.add(link)
        self._meet(link)
        task = asyncio.get_running_loop().create_task(self._connect(link))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, link: "Link") -> None:
        address, link.port = link.client.transport.get_extra_info("peername")[:2]
        local = None if address == "127.0.0.1" else (address, 0)
        self._turn += 1
        for number in range(len(self.targets)):
            link.target = (self._turn + number) % len(self.targets)
            if link.target in self._shut:
                continue
            if self._target is not None:
                self._meet(link)
            host, port = self.targets[link.target]
            try:
                await asyncio.get_running_loop().create_connection(lambda: link.server, host, port, local_addr=local)
                return
            except OSError:
                continue
        link.reset()

    def asked(self, link: "Link", data: bytes) -> None:
        if self.mark and self.mark in data and not link.down.conditions.cut:
            self.lost_answers += 1
            self._unanswered.add(link)
            link.down.change(Conditions(cut=True))

    def opened(self) -> None:
        self._sockets += 1
        self._still.clear()

    def closed(self) -> None:
        self._sockets -= 1
        if not self._sockets:
            self._still.set()

    def went(self, link: "Link") -> None:
        self._links.discard(link)
        self._unanswered.discard(link)

    def jitter(self) -> float:
        return self._dice.random()
