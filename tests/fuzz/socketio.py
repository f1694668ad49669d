"""What Socket.IO clients send, read as payloads: it is refused, or it is commands that the native codec reads or refuses."""

import json

from tests.fuzz.harness import instrumented, run, said

with instrumented():
    from madang.errors import Refused
    from madang.protocol import offsets
    from madang.protocol.native import codec
    from madang.protocol.socketio import commands, engine
    from madang.protocol.socketio.engine import BrokenProtocol
    from madang.protocol.socketio.packets import Connect, Event, Receiver

PLACE = '{"_placeholder":true,"num":0}'
BAD = [
    "4",
    "42[]",
    '452-["x",' + PLACE + "]\x1ebAQI=\x1ebAQI=",
    "42-1[]",
    "4511-[]",
    '40{"pid":"a","offset":"a:1:0"}',
    "41/x",
    '43["x"]',
    "b!",
]
EVENTS = [f"42{i}" + json.dumps([each.get("op", "x"), each]) for i, each in enumerate(map(json.loads, said("sends")))]
SEEDS = [each.encode() for each in [*BAD, *EVENTS]]
CODES = {"bad_json", "unknown_op", "bad_field", "bad_text", "too_big"}


def one(data: bytes) -> None:
    """Read a payload, as the door does."""
    receiver = Receiver()
    try:
        for packet in engine.payload(data.decode()):
            heard = receiver.binary(packet.data) if isinstance(packet.data, bytes) else receiver.text(packet.data)
            if isinstance(heard, Event):
                _event(heard)
            elif isinstance(heard, Connect):
                _connect(heard)
    except (BrokenProtocol, UnicodeDecodeError):
        return


def _event(event: Event) -> None:
    try:
        text = commands.command(event, lambda: "made")
        command = codec.decode(text)
    except Refused as refused:
        assert refused.code in CODES, refused.code
        return
    assert type(command).__name__.lower() == event.name
    assert command.n == commands.number(event)


def _connect(connect: Connect) -> None:
    try:
        text, wanted = commands.hello(connect.auth)
        assert codec.decode(text).n == commands.HELLO
    except Refused as refused:
        assert refused.code in CODES, refused.code
        return
    if wanted is not None and (found := offsets.read(wanted[1], 200)):
        assert offsets.joined(offsets.position(*each) for each in found).decode() == wanted[1]


if __name__ == "__main__":
    run("socketio", one, SEEDS)
