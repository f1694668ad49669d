"""F7: a torn end of SQLite's write-ahead log: a frame that was being written when the process died.

Some of its bytes are there, or others in their place. Nothing acked is in such a frame, so nothing may be missing
afterwards. Cutting into frames that were acked is damage of the medium, against which no server can keep its acks, so
`madang prove` does not do it; another scenario checks that half a message is never served.
"""

import array
import asyncio
import random
import struct
import sys
from pathlib import Path
from typing import Final

from madang_proof.faults.fault import EMBEDDED, started_again
from madang_proof.testbed.testbed import Testbed

HEADER: Final = 32
FRAME: Final = 24  # head of a frame; a page follows
LONGEST: Final = 4_200  # bytes of the torn frame: a little more than one page
_BIG_ENDIAN: Final = 0x377F0683  # magic number of a log whose checksums are over big-endian words


class Torn:
    """Kill the server, and leave a torn frame at the end of the write-ahead log."""

    name = "torn"
    number = "F7"
    title = "kill -9, and a torn frame at the end of the write-ahead log"
    needs = EMBEDDED

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        await testbed.server.kill()
        note = await asyncio.to_thread(tear, testbed.server.data / "madang.db-wal", dice)
        await started_again(testbed.server, "a torn write-ahead log")
        return note


def tear(wal: Path, dice: random.Random) -> str:
    """Write part of a frame, intact or corrupted, after the last frame that counts, and say what was done."""
    end, page = end_of(wal)
    if end <= HEADER:
        return "the write-ahead log was empty"
    size = dice.randrange(1, LONGEST)
    with wal.open("r+b") as file:
        file.seek(end - FRAME - page)
        last = bytearray((file.read() * 2)[:size])
        how = dice.choice(("copied", "spoilt", "random"))
        if how == "spoilt":
            last[dice.randrange(size)] ^= 1 << dice.randrange(8)
        elif how == "random":
            last = bytearray(dice.randbytes(size))
        file.seek(end)
        file.write(last)
        if dice.random() < 0.5:
            file.truncate()
    return f"{size} {how} bytes behind byte {end} of the log"


def end_of(wal: Path) -> tuple[int, int]:
    """Return where the last frame ends that SQLite will count, by salts and checksums, and the size of a page.

    (0, 0) if there is no log. Source: sqlite.org/fileformat2.html, section 4.
    """
    data = wal.read_bytes() if wal.exists() else b""
    if len(data) < HEADER:
        return 0, 0
    magic, _, page, _, salt1, salt2, *_ = struct.unpack_from(">8I", data)
    order = "big" if magic == _BIG_ENDIAN else "little"
    sums = _checksum(data[:24], (0, 0), order)
    end, at = HEADER, HEADER
    while at + FRAME + page <= len(data):
        _, commit, *salts, sum1, sum2 = struct.unpack_from(">6I", data, at)
        sums = _checksum(data[at : at + 8] + data[at + FRAME : at + FRAME + page], sums, order)
        if salts != [salt1, salt2] or (sum1, sum2) != sums:
            break
        at += FRAME + page
        if commit:
            end = at
    return end, page


def _checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    words = array.array("I", data)
    if order != sys.byteorder:
        words.byteswap()
    a, b = sums
    for n in range(0, len(words), 2):
        a = (a + words[n] + b) & 0xFFFFFFFF
        b = (b + words[n + 1] + a) & 0xFFFFFFFF
    return a, b
