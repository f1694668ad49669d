"""What heavy neighbours write is legal: within the sizes of the protocol, and each operation of it is among them."""

import itertools
import json
import struct
import zlib

import pytest

from madang.core.bounds import MAX_FRAME
from madang.protocol.native.answers import ANSWERS
from madang_proof.floods.kinds import KINDS, OPERATIONS, framed
from madang_proof.floods.pouring import address


def _text(frame: bytes) -> bytes:
    size = frame[1] & 0x7F
    start = 2 if size < 126 else 4
    if size == 126:
        (size,) = struct.unpack("!H", frame[2:4])
    assert frame[start : start + 4] == bytes(4), "a mask of zeros"
    assert len(frame) == start + 4 + size
    body = frame[start + 4 :]
    return zlib.decompressobj(-12).decompress(body + b"\x00\x00\xff\xff") if frame[0] & 0x40 else body


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if not kind.http])
def test_every_frame_is_legal(name: str) -> None:
    for frame in itertools.islice(KINDS[name].says("flood"), 60):
        text = _text(frame)
        command = json.loads(text)
        assert command["op"] in OPERATIONS and command["n"] > 0
        assert len(text) - len(command.get("text", "").encode()) <= 8_192
        assert len(text) <= MAX_FRAME
        assert text.count(b",") + text.count(b"{") + text.count(b"[") <= 2_048
        assert len(command.get("text", "")) <= 4_000


def test_every_operation_is_tried() -> None:
    assert set(OPERATIONS) == set(ANSWERS) - {"hello", "refresh"}


def test_a_long_frame_says_its_length() -> None:
    assert _text(framed(b"x" * 125)) == b"x" * 125
    assert _text(framed(b"x" * 126)) == b"x" * 126


def test_every_socket_can_have_an_address_of_its_own() -> None:
    assert len({address(number, 500, block) for number in range(500) for block in range(20)}) == 10_000
    assert len({address(number, 1, 3) for number in range(500)}) == 1
