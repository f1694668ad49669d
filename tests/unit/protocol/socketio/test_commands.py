"""Events that clients emit, as commands; and offsets."""

import msgspec
import pytest

from madang.errors import Refused
from madang.protocol import offsets
from madang.protocol.native import codec
from madang.protocol.native.commands import COMMANDS, Hello, Ping, Send
from madang.protocol.offsets import Position
from madang.protocol.socketio import commands
from madang.protocol.socketio.packets import Event


def _event(name: str, *arguments: bytes, id: int | None = 4, binary: bool = False) -> Event:
    return Event(name, [msgspec.Raw(a) for a in arguments], id, binary)


def _command(event: Event) -> object:
    return codec.decode(commands.command(event, lambda: "made"))


def test_an_event_is_a_command() -> None:
    assert _command(_event("ping")) == Ping(n=5)
    assert _command(_event("ping", b"{ }")) == Ping(n=5)
    assert _command(_event("send", b'{"room":"a","text":"b","cid":"c"}')) == Send(n=5, room="a", text="b", cid="c")
    assert _command(_event("send", b'{ "room":"a","text":"b" }')) == Send(n=5, room="a", text="b", cid="made")
    assert _command(_event("send", b'{"room":"a","text":"\\"cid\\"","data":{"cid":1}}')).cid == "made"  # type: ignore[attr-defined]


def test_how_a_command_is_answered_is_in_its_number() -> None:
    for i, name in enumerate(commands.NAMES):
        assert commands.number(_event(name, id=None)) == commands.UNACKED + i
    assert commands.number(_event("nothing", id=None)) == commands.REJECTED
    assert commands.number(_event("nothing", id=0)) == 1
    assert {*commands.NAMES, "hello"} == set(COMMANDS)


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (_event("hello", b"{}"), "unknown_op"), (_event("__proto__", b"{}"), "unknown_op"), (_event("ping", b"7"), "bad_field"),
        (_event("ping", b"{}", b"{}"), "bad_field"), (_event("ping", b'{"n":1}'), "bad_field"), (_event("ping", b'{"op":"leave"}'), "bad_field"),
        (_event("ping", binary=True), "bad_field"),
    ],
)  # fmt: skip
def test_events_that_are_refused(event: Event, code: str) -> None:
    with pytest.raises(Refused) as refused:
        commands.command(event, lambda: "made")
    assert refused.value.code == code


def test_what_a_client_connects_with() -> None:
    text, wanted = commands.hello('{"token":"t","pid":"p","offset":"o","more":1}')
    assert (codec.decode(text), wanted) == (Hello(token="t"), ("p", "o"))
    assert commands.hello("")[1] is None
    for auth in ('{"pid":7,"offset":"o"}', '{"pid":"p"}', '{"offset":"o"}'):
        assert commands.hello(auth)[1] is None


def test_offsets() -> None:
    parts = [offsets.position("a", 7, "0f"), offsets.position("b_-1", 0, "0f")]
    assert offsets.joined(parts) == b"a:7:0f,b_-1:0:0f"
    assert offsets.read("a:7:0f,b_-1:0:0f", 2) == [Position("a", 7, "0f"), Position("b_-1", 0, "0f")]
    assert offsets.read(offsets.joined([]).decode(), 2) == []
    assert offsets.joined([]), "an empty one would not be kept"
    for text in (
        "",
        "a",
        "a:7",
        "a:07:0f",
        "a:-1:0f",
        "A:7:0f",
        "a:7:0f,",
        "a:7:0f,a:8:0f",
        "a:7:xy",
        "a:7:0f,b:7:0f,c:7:0f",
        "a:" + "9" * 17 + ":0",
    ):
        assert offsets.read(text, 2) is None, text
