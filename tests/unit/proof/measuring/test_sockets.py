"""Counting without parsing: exact, however the stream is cut, whatever the texts say."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.uri import parse_uri

from madang.core.events import Event, MessageSent
from madang.errors import Refused
from madang.protocol.native import codec
from madang.protocol.native.answers import AppendAnswer
from madang.protocol.native.frames import SkipFrame
from madang.transports.websocket.framing import PLAIN
from madang_proof.measuring.clients import LoadClients, Target
from madang_proof.measuring.sockets import Received, Socket

URI = parse_uri("ws://127.0.0.1:8400/ws")


def message(seq: int, text: str) -> bytes:
    body = msgspec.json.encode({"text": text})
    return codec.event(Event(room="r", seq=seq, type=MessageSent.type, id=seq, user="u", name="Mina", at=0, body=body))


def ack(n: int, id: int, seq: int) -> bytes:
    return codec.answer(n, AppendAnswer(id=str(id), seq=seq, ack="stored"))


HOSTILE = (
    '"type":"message.sent"',
    '\\"op":"ok"',
    '"op":"error"',
    '{"op":"event","type":"message.sent"}',
    "방 🎉",
    "x" * 70_000,
)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40))
frames = st.one_of(
    texts.map(lambda text: ("message", message(7, text))),
    texts.map(lambda text: ("refusal", codec.error(9, Refused("bad_text", text)))),
    st.just(("answer", ack(300, 382817522920980480, 43))),
    st.just(("other", codec.frame(SkipFrame(room="r", from_=1, to=2)))),
)


def counting() -> Socket:
    socket = Socket(URI, lambda *_: None)
    socket.count()
    return socket


@given(st.lists(frames, max_size=8), st.data())
def test_counts_are_exact_however_the_stream_is_cut(said: list[tuple[str, bytes]], data: st.DataObject) -> None:
    stream = b"".join(PLAIN.text(text) for _, text in said)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12).map(sorted))
    socket = counting()
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        socket.data_received(stream[start:end])
    kinds = [kind for kind, _ in said]
    assert socket.messages == kinds.count("message")
    assert socket.answers == kinds.count("answer")
    assert socket.refusals == kinds.count("refusal")


@pytest.mark.parametrize("step", [1, 2, 7, 20, 21, 22])
def test_counts_are_exact_in_small_pieces(step: int) -> None:
    stream = b"".join(PLAIN.text(message(n, "hello")) + PLAIN.text(ack(n, n, n)) for n in range(1, 30))
    socket = counting()
    for start in range(0, len(stream), step):
        socket.data_received(stream[start : start + step])
    assert (socket.messages, socket.answers, socket.refusals) == (29, 29, 0)


def test_a_parsed_socket_tells_doubles_and_disorder() -> None:
    clients = LoadClients(Target(URI), 1, 1)
    socket = Socket(URI, clients.receive)
    socket.state = clients.members[0]
    for seq in (5, 6, 6, 5, 8):
        clients.receive(socket, Received(op="event", seq=seq, type="message.sent", text="@ hello"))
    assert socket.messages == 5
    assert clients.disorder == 2


def test_what_others_say_in_the_room_is_not_counted() -> None:
    clients = LoadClients(Target(URI), 1, 1)
    socket = Socket(URI, clients.receive)
    socket.state = clients.members[0]
    clients.receive(socket, Received(op="event", seq=1, type="message.sent", text="buy this"))
    clients.receive(socket, Received(op="event", seq=2, type="member.joined"))
    assert socket.messages == 0
