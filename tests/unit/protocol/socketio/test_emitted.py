"""Packets of Socket.IO's emitter: what becomes a message, and what is dropped before it costs anything."""

import datetime
import json
import tracemalloc
from typing import Any

import msgspec
import pytest

from madang.protocol.socketio.emitted import Message, Unreadable, read

pack = msgspec.msgpack.Encoder().encode


def packet(*data: Any, rooms: Any = ("yard",), type: Any = 2, nsp: Any = "/", **options: Any) -> bytes:
    return pack(["emitter", {"type": type, "data": data, "nsp": nsp}, {"rooms": rooms, "flags": {}, **options}])


def test_a_text_or_an_object_is_a_message() -> None:
    assert read(packet("message", "안녕")) == Message(["yard"], '{"text":"안녕"}'.encode())
    fields = {"text": "Hello", "data": {"x": [1, 2.5, None, True]}, "as": {"id": "shop"}}
    found = read(packet("message", fields, rooms=["a", "b"], **{"except": []}))
    assert (found.rooms, json.loads(found.body)) == (["a", "b"], fields)


@pytest.mark.parametrize(
    "wrong",
    [
        b"", b"\xc1", b"{}", pack([]), pack(["emitter"]), pack({"a": 1}), packet("message", "x")[:-1], packet("message", "x") + b"\x00",
        packet(), packet("message"), packet("message", "x", "y"), packet("chat", "x"), packet(7, "x"), packet("message", 7),
        packet("message", ["x"]), packet("message", "x", type=3), packet("message", "x", nsp="/admin"), packet("message", "x", rooms=[]),
        packet("message", "x", rooms="yard"), packet("message", "x", rooms=[7]), packet("message", "x", rooms=["r"] * 1001),
        packet("message", "x", **{"except": ["b"]}), packet("message", {"data": b"\x00"}), packet("message", {"data": [{"a": [b""]}]}),
        packet("message", {1: "x"}), packet("message", {"data": datetime.datetime(2026, 11, 30, tzinfo=datetime.UTC)}),
        packet("message", {"data": msgspec.msgpack.Ext(5, b"x")}), packet("message", b"x"),
        b"\x93\xa7emitter" + b"\x91" * 60_000, packet("message", "x" * 65_536), packet("message", "\ud800".encode("utf-8", "surrogatepass")),
    ],
    ids=lambda wrong: f"{len(wrong)} bytes",
)  # fmt: skip
def test_all_else_is_dropped(wrong: bytes) -> None:
    with pytest.raises(Unreadable):
        read(wrong)


@pytest.mark.parametrize("head", [b"\xdd", b"\xdf", b"\xc6", b"\xdb", b"\xc9"])
def test_a_length_that_is_only_said_makes_nothing(head: bytes) -> None:
    whole = packet("message", "x")
    at = whole.index(b"\xa1x")
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable):
            read(whole[:at] + head + b"\x7f\xff\xff\xff")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
