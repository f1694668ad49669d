"""A process that floods: `python -m madang_proof.floods KIND PORT SOCKETS ADDRESSES SECONDS [BLOCK [RATE]]`.

A process of its own, at the lowest priority, so that it takes nothing from those that are measured. Prints a line when all
sockets have tried to connect, floods for the seconds after it, and prints in the end what became of it, as JSON.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections import Counter

import uvloop

from madang_proof.floods.kinds import KINDS
from madang_proof.floods.pouring import pour
from madang_proof.load.open_files import allow_open_files

OPENING_S = 6.0  # at most, before the flood counts as begun
FILES = 200  # open besides the sockets


async def _flood(name: str, port: int, sockets: int, addresses: int, seconds: float, block: int, rate: float) -> None:
    counted: Counter[str] = Counter()
    opened = asyncio.Event()
    pouring = asyncio.create_task(
        pour(KINDS[name], port, sockets, addresses, counted, opened, block=block, rate=rate or None)
    )
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(OPENING_S):
            await opened.wait()
    before = counted.copy()
    _say("flooding")
    await asyncio.wait([pouring], timeout=seconds)
    if pouring.done():
        pouring.result()  # raise what went wrong
    pouring.cancel()
    await asyncio.wait([pouring])
    during = {what: count - before[what] for what, count in counted.items() if count > before[what]}
    _say(json.dumps({**during, "connections": counted["connections"]}))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Flood for some seconds."""
    name, port, sockets, addresses, seconds, *more = sys.argv[1:]
    block, rate = [*more, "0", "0"][:2]
    os.nice(19)
    allow_open_files(int(sockets) + FILES)
    uvloop.run(_flood(name, int(port), int(sockets), int(addresses), float(seconds), int(block), float(rate)))


if __name__ == "__main__":
    main()
