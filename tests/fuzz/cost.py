"""What a byte costs: frames made of one shape, again and again, and the worst shapes found by search.

`one(data)` builds a frame from some bytes and holds its work to a bound. Work is counted, not timed: the bytes that the
decoder allocates at most, and the calls it makes of Python's functions. Both are the same on every machine, and every
shape that was ever slow shows in one of them. `python -m tests.fuzz.cost search SECONDS` climbs by the clock instead,
and prints the shapes that cost most: those that did are in SEEDS.
"""

import contextlib
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator

from tests.fuzz.harness import instrumented, run

SEARCHING = sys.argv[1:2] == ["search"]
with contextlib.nullcontext() if SEARCHING else instrumented():  # which makes Python's functions ten times as slow
    from madang.core.bounds import MAX_COMMAND, MAX_DATA, MAX_FRAME, MAX_VALUES
    from madang.errors import Refused
    from madang.protocol.native import codec

HEADS = [
    b'{"op":"ping","n":1,"x":[',
    b'{"op":"ping","n":1,"x":"',
    b'{"op":"send","n":1,"room":"r","cid":"c","text":"x","data":[',
    b'{"op":"send","n":1,"room":"r","cid":"c","text":"',
    b'{"op":"send","n":1,"room":"r","cid":"c","mentions":["',
    b'{"op":"nope","n":1,"x":[',
    b'{"n":',
    b'{"op":"ping","n":1,',
]
TAILS = [b"0]}", b'"}', b'"]}', b'"x":0}', b"}", b""]
SIZES = [MAX_COMMAND, MAX_DATA, MAX_FRAME]
UNITS = [
    b'{"":0},', b'{"\\u0041":0},', b"{},", b"[],", b"[[[]]],", b"0,", b"0.1,", b"1e5,", b"1e95, ", b"1.7976931348623157e308,",
    b"4503599627370497.50000000000000000001,", b'"",', b'"[",', b'"\\u0041",', b"\\u0041", b"\\n", b'\\"', b"\\\\",
    b"\\ud83d\\ude00", b"\\ud800", b"\\u0000", b"\\u003a", b"a", b"9", b"\xea\xb0\x80", b"\xff", b" ", b'"n":1.0,',
    b'"seq":9e15,', b"[" * 15 + b"]" * 15 + b",", b'{"a":' * 12 + b"0" + b"}" * 12 + b",", b"1" * 4000 + b",", b"[", b"-",
]  # fmt: skip
FITTING = [0, 1, 0, 1, 2, 0, 4, 3]
"""For each head, the tail that makes JSON of it."""
STARTS = [(0, 0), (2, 1), (2, 2), (3, 2)]
SEEDS = [bytes([head, FITTING[head], size]) + unit for unit in UNITS for head, size in STARTS]
ALLOCATED = 8
"""Bytes of memory for each byte of a frame, at most: reading makes some copies of it."""
VALUES = 192 * MAX_VALUES
"""Bytes of memory for its values, at most: an object takes up to 232, and a frame full of them took 2 MB."""
CALLS = 5 * MAX_VALUES
"""Calls of Python's functions for a frame, at most. A float takes two, and twice as many where atheris looks on; each of
9,000 objects took three before values were counted."""


def frame_of(data: bytes) -> bytes:
    """Make a frame: a head, a unit again and again, a tail."""
    head, tail, size = HEADS[data[0] % len(HEADS)], TAILS[data[1] % len(TAILS)], SIZES[data[2] % len(SIZES)]
    unit = data[3:] or b"0,"
    return head + unit * ((size - len(head) - len(tail)) // len(unit)) + tail


def read(frame: bytes) -> None:
    """Read a frame as a session does, and look for the number of one that is refused. Bodies of REST are read alike."""
    try:
        codec.decode(frame)
    except (Refused, UnicodeDecodeError):
        codec.number(frame)


def work(frame: bytes) -> tuple[int, int]:
    """Count the work of reading a frame: bytes allocated at most, and calls of Python's functions."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    tracemalloc.start()
    before = sys.getprofile()
    try:
        sys.setprofile(count)
        try:
            read(frame)
        finally:
            sys.setprofile(before)
        return tracemalloc.get_traced_memory()[1], calls
    finally:
        tracemalloc.stop()


def one(data: bytes) -> None:
    """Hold the work for a frame to its size."""
    if len(data) < 4:
        return
    frame = frame_of(data)
    allocated, calls = work(frame)
    assert allocated <= ALLOCATED * len(frame) + VALUES, f"{allocated} bytes for {len(frame)}: {frame[:100]!r}"
    assert calls <= CALLS, f"{calls} calls for {len(frame)} bytes: {frame[:100]!r}"


def search(seconds: float, show: Callable[[str], object] = print) -> Iterator[tuple[float, bytes]]:
    """Climb to the shapes that take the most time a byte; yield the worst, in ns."""
    chance = random.Random()
    best = sorted(((_ns(seed), seed) for seed in SEEDS), reverse=True)[:40]
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        child = _mutated(chance, chance.choice(best)[1], chance.choice(best)[1])
        if (cost := _ns(child)) > best[-1][0] and child not in {seed for _, seed in best}:
            best = sorted([*best[:-1], (max(cost, _ns(child)), child)], reverse=True)
    for cost, seed in best[:15]:
        show(f"{cost:6.1f} ns a byte, {cost * len(frame_of(seed)) / 1000:6.0f} us: {frame_of(seed)[:90]!r}")
    yield from best


def _ns(seed: bytes) -> float:
    frame = frame_of(seed)
    least = 1.0
    for _ in range(3):
        began = time.thread_time()
        read(frame)
        least = min(least, time.thread_time() - began)
    return least / len(frame) * 1e9


def _mutated(chance: random.Random, seed: bytes, other: bytes) -> bytes:
    head, unit = bytearray(seed[:3]), bytearray(seed[3:])
    match chance.randrange(5):
        case 0:
            head[chance.randrange(3)] = chance.randrange(256)
        case 1:
            unit += chance.choice(UNITS)
        case 2:
            unit[chance.randrange(len(unit) + 1) : 0] = other[3:]
        case 3:
            unit = unit * 2
        case _:
            at = chance.randrange(len(unit) + 1)
            unit[at : at + chance.randrange(2)] = bytes([chance.choice(b'[]{},:"\\u0019eE.-+ a')])
    return bytes(head) + bytes(unit[:4096] or b"0,")


if __name__ == "__main__":
    if SEARCHING:
        list(search(float(sys.argv[2])))
    else:
        run("cost", one, SEEDS)
