"""Renders papers, and finds the way back to versions of them (`core.renderings`, `core.restoring`).

Each in a process of its own, which is killed where it takes too long or too much.
python -m madang.delivery.papers.renderer: reads a paper's log from its input, and writes its snapshot and its rendering; or, with
a version behind the log, the update that leads back to that.
"""

import asyncio
import contextlib
import resource
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from madang.aio import FairTurns
from madang.core.documents import Undecodable, condensed
from madang.core.papers import Rendering
from madang.core.renderings import rendered
from madang.core.restoring import change_back
from madang.errors import Refused

T = TypeVar("T")

SECONDS: Final = 10.0
MEMORY: Final = 2 << 30
STACK: Final = 512 << 20
WAITING: Final = 50
"""Papers that wait to be rendered: one is at a time."""

Log = tuple[bytes, list[bytes], bytes | None]
"""A snapshot, the updates behind it, and the version to go back to, if any."""
Rendered = tuple[bytes, Rendering | None]
"""A snapshot that stands for a log, and what it says: None where that is too deep or too long."""
_encode: Final = msgspec.msgpack.encode
_decode: Final = msgspec.msgpack.Decoder(Rendered).decode
_decode_back: Final = msgspec.msgpack.Decoder(tuple[bytes, bytes] | None).decode


class Renderer:
    """Renders papers of one node, one after the other."""

    def __init__(self) -> None:
        self._turns = FairTurns(1, WAITING)

    async def render(self, room: str, snapshot: bytes, updates: Sequence[bytes]) -> Rendered:
        """Return what a paper's log comes to.

        Raises:
            Refused: overloaded, or too_big where it takes more than a process has.
        """
        return await self._apart(room, (snapshot, list(updates), None), _decode)

    async def back(self, room: str, snapshot: bytes, updates: Sequence[bytes], version: bytes) -> tuple[bytes, bytes]:
        """Return a snapshot of a paper's log, and the update that leads from there back to a version (as `render`)."""
        return await self._apart(room, (snapshot, list(updates), version), _decode_back)

    async def _apart(self, room: str, log: Log, decode: Callable[[bytes], T | None]) -> T:
        try:
            return await self._turns.do(room, lambda: _apart(_encode(log), decode))
        except OverflowError:
            raise Refused("overloaded") from None


async def _apart(log: bytes, decode: Callable[[bytes], T | None]) -> T:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(SECONDS):
            written, _ = await process.communicate(log)
        if (found := decode(written)) is None:
            raise Undecodable
        return found
    except (TimeoutError, msgspec.DecodeError, Undecodable):
        raise Refused("too_big", "The paper is too large or too deep to be shown so.") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _main() -> None:
    snapshot, updates, version = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Log)
    whole = condensed(snapshot, updates)
    sys.stdout.buffer.write(_encode(_rendered(whole) if version is None else _back(whole, version)))
    sys.stdout.buffer.flush()


def _rendered(whole: bytes) -> Rendered:
    try:
        return whole, rendered(whole)
    except Undecodable:
        return whole, None


def _back(whole: bytes, version: bytes) -> tuple[bytes, bytes] | None:
    try:
        return whole, change_back(whole, version)
    except Undecodable:
        return None


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (int(SECONDS), int(SECONDS)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    threading.stack_size(STACK)
    thread = threading.Thread(target=_main, daemon=True)
    thread.start()
    thread.join()
