"""Frames as the library makes them, and in pieces."""

import pytest
from websockets.frames import Frame, Opcode

from madang.transports.websocket.framing import DEFLATED, PLAIN, Framing

sizes = pytest.mark.parametrize("size", [0, 1, 124, 125, 126, 65_534, 65_535, 65_536, 300_000])


@sizes
def test_a_text_is_framed_as_the_library_frames_it(size: int) -> None:
    text = b"x" * size
    assert PLAIN.text(text) == Frame(Opcode.TEXT, text).serialize(mask=False)


@sizes
@pytest.mark.parametrize("framing", [PLAIN, DEFLATED])
def test_pieces_are_the_frame_of_the_whole(framing: Framing, size: int) -> None:
    text = b"x" * size
    assert b"".join(framing.pieces(text[:3], text[3:9], text[9:])) == framing.text(text)
