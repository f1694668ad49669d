"""Packets that are one whole text each go past the library's parser, and mean what they would mean to it."""

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.frames import Frame
from websockets.http11 import Request
from websockets.protocol import OPEN as PARSING
from websockets.server import ServerProtocol

from madang.transports.subscriber import CLOSING, OPEN
from madang.transports.websocket import reader
from madang.transports.websocket.reader import SocketReader
from tests.wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, frame

MOST = 70_000


class Read(SocketReader):
    """Notes what a socket's packets mean."""

    def __init__(self) -> None:
        super().__init__(ServerProtocol(max_size=MOST, state=PARSING))
        self.state = OPEN
        self.session = cast(Any, self)
        self.meant: list[tuple[str, object]] = []
        self.close_at = b"bye"

    def take(self, packet: bytes) -> None:
        self._parse(packet)

    def receive(self, text: bytes) -> None:
        self.meant.append(("text", bytes(text)))
        if bytes(text) == self.close_at:
            self.close(1000, "")

    def _frame(self, frame: Frame) -> None:
        self.meant.append(("frame", frame))
        if frame.opcode.value == CLOSE:
            self.state = CLOSING

    def _flush_protocol(self) -> None:
        self.meant.append(("written", b"".join(self._protocol.data_to_send())))
        if self._protocol.state is not PARSING:
            self.state = CLOSING

    def close(self, code: int, reason: str) -> None:
        if self._protocol.state is PARSING:
            self._protocol.send_close(code, reason)
            self._flush_protocol()

    def close_retryable(self) -> None: ...

    def _handshake(self, request: Request) -> None: ...


def meant(packets: Sequence[bytes]) -> list[tuple[str, object]]:
    read = Read()
    for packet in packets:
        read.take(packet)
    return read.meant


def both(packets: Sequence[bytes]) -> tuple[list[tuple[str, object]], list[tuple[str, object]]]:
    """Return what packets mean to a socket, and to the library alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "whole_text", lambda packet, most: None)
        alone = meant(packets)
    return meant(packets), alone


def longer(text: bytes, width: int) -> bytes:
    """Return a frame whose length takes more bytes than it needs."""
    length = struct.pack("!BH", 0xFE, len(text)) if width == 2 else struct.pack("!BQ", 0xFF, len(text))
    return b"\x81" + length + bytes(4) + text


sizes = st.one_of(st.integers(0, 200), st.sampled_from([125, 126, 127, 128, 65_535, 65_536, MOST, MOST + 1]))
texts = st.one_of(sizes.map(lambda size: b"x" * size), st.binary(max_size=130), st.just(b"bye"))
frames = st.one_of(
    texts.map(lambda text: frame(TEXT, text)),
    st.builds(
        frame,
        st.sampled_from([TEXT, TEXT, CONTINUATION, BINARY, PING, PONG, CLOSE, 0x3]),
        st.binary(max_size=130),
        fin=st.booleans(),
        rsv=st.sampled_from([0, 0, 0, 0, 1, 2, 4]),
        mask=st.sampled_from([True, True, True, False]),
    ),
    st.builds(longer, st.binary(max_size=130), st.sampled_from([2, 8])),
)  # fmt: skip


@given(st.lists(frames, max_size=8), st.lists(st.integers(0, 2_000), max_size=8))
@example([frame(TEXT, b"one"), frame(TEXT, b"two")], [])
@example([frame(TEXT, b"one", fin=False), frame(TEXT, b"two")], [])
@example([frame(TEXT, b"bye"), frame(TEXT, b"two")], [])
def test_they_mean_the_same_to_the_library(whole: list[bytes], cuts: list[int]) -> None:
    """A packet is what came between two cuts; without any cut, each frame is one."""
    stream = b"".join(whole)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    packets = [stream[low:high] for low, high in pairwise(places)] if cuts else whole
    ours, alone = both(packets)
    assert ours == alone


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_frame_torn_anywhere_is_read_on_where_it_was_torn(cut: int) -> None:
    """The second half looks like a whole frame of its own."""
    inner = frame(TEXT, b"in")
    outer = frame(TEXT, b"hello" + inner, mask=True)
    ours, alone = both([frame(TEXT, b"first"), outer[:cut], outer[cut:], frame(TEXT, b"last")])
    assert ours == alone
    assert ours[-1] == ("text", b"last")


def test_only_what_is_not_a_whole_text_reaches_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[bytes] = []
    receive = ServerProtocol.receive_data

    def counted(self: ServerProtocol, data: bytes) -> None:
        given.append(data)
        receive(self, data)

    monkeypatch.setattr(ServerProtocol, "receive_data", counted)
    packets = [frame(PING), frame(TEXT, b"one"), frame(TEXT, b"x" * 300), frame(BINARY, b"b"), frame(TEXT, b"two")]
    meant(packets)
    assert given == [packets[0], packets[3]]
