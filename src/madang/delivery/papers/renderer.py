"""Renders papers, each in a process of its own that is killed where it takes too long or too much (`core.renderings`).

python -m madang.delivery.papers.renderer: reads a paper's log from its input, and writes its snapshot and its rendering.
"""

import asyncio
import contextlib
import resource
import sys
import threading
from collections.abc import Sequence
from typing import Final

import msgspec

from madang.aio import FairTurns
from madang.core.documents import Undecodable, condensed
from madang.core.papers import Rendering
from madang.core.renderings import rendered
from madang.errors import Refused

SECONDS: Final = 10.0
MEMORY: Final = 2 << 30
STACK: Final = 512 << 20
WAITING: Final = 50
"""Papers that wait to be rendered: one is at a time."""

Log = tuple[bytes, list[bytes]]
Rendered = tuple[bytes, Rendering | None]
"""A snapshot that stands for a log, and what it says: None where that is too deep or too long."""
_encode: Final = msgspec.msgpack.encode
_decode: Final = msgspec.msgpack.Decoder(Rendered).decode


class Renderer:
    """Renders papers of one node, one after the other."""

    def __init__(self) -> None:
        self._turns = FairTurns(1, WAITING)

    async def render(self, room: str, snapshot: bytes, updates: Sequence[bytes]) -> Rendered:
        """Return what a paper's log comes to.

        Raises:
            Refused: overloaded, or too_big where it takes more than a process has.
        """
        try:
            return await self._turns.do(room, lambda: _apart(_encode((snapshot, list(updates)))))
        except OverflowError:
            raise Refused("overloaded") from None


async def _apart(log: bytes) -> Rendered:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(SECONDS):
            written, _ = await process.communicate(log)
        found: Rendered = _decode(written)
        return found
    except (TimeoutError, msgspec.DecodeError):
        raise Refused("too_big", "The paper is too large or too deep to be shown so.") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _main() -> None:
    snapshot, updates = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Log)
    whole = condensed(snapshot, updates)
    try:
        says: Rendering | None = rendered(whole)
    except Undecodable:
        says = None
    sys.stdout.buffer.write(_encode((whole, says)))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS), int(SECONDS)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.stack_size(STACK)
    thread = threading.Thread(target=_main, daemon=True)
    thread.start()
    thread.join()
