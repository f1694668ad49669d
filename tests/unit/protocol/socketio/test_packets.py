"""Packets of Socket.IO: what they say, and which are refused. What becomes of a connection then is in the integration tests."""

import pytest

from madang.core.bounds import MAX_FRAME
from madang.protocol.socketio import engine
from madang.protocol.socketio.engine import BrokenProtocol
from madang.protocol.socketio.packets import Connect, Disconnect, Event, Receiver

PLACE = '{"_placeholder":true,"num":0}'


def test_what_packets_say() -> None:
    receiver = Receiver()
    assert receiver.text("0") == Connect("/", "")
    assert receiver.text('0{"a":1}') == Connect("/", '{"a":1}')
    assert receiver.text('0/admin,{"a":1}') == Connect("/admin", '{"a":1}')
    assert receiver.text("0/admin") == Connect("/admin", "")
    assert receiver.text("1") == Disconnect()
    assert receiver.text("1/admin") is None
    event = receiver.text('27["send",{"a":[1,"]"]}, 2 ]')
    assert isinstance(event, Event)
    assert (event.name, [bytes(a) for a in event.arguments], event.id) == ("send", [b'{"a":[1,"]"]}', b"2"], 7)
    assert receiver.text('2["a-b"]') == Event("a-b", [], None)
    assert receiver.text('37["x"]') is None


def test_an_event_is_whole_with_its_last_attachment() -> None:
    receiver = Receiver()
    assert receiver.text('52-7["x",[{"_placeholder":true,"num":1}],' + PLACE + "]") is None
    assert receiver.binary(b"1") is None
    event = receiver.binary(b"2")
    assert isinstance(event, Event)
    assert (event.name, event.id, event.binary) == ("x", 7, True)
    with pytest.raises(BrokenProtocol):
        receiver.binary(b"3")


def test_attachments_are_not_kept() -> None:
    receiver = Receiver()
    receiver.text(f'52-["x",{PLACE}]')
    receiver.binary(bytes(MAX_FRAME - 100))
    with pytest.raises(BrokenProtocol, match="too large"):
        receiver.binary(bytes(100))


def test_half_an_emoji_is_no_reason_to_end_a_connection() -> None:
    event = Receiver().text('2["send",{"text":"\\ud83d"}]')
    assert isinstance(event, Event)
    assert bytes(event.arguments[0]) == b'{"text":"\\u0000"}', "which is refused as bad_text"


@pytest.mark.parametrize(
    "text", ["", "0{}", "7", "x", "\uff14", "b!", "bAQI", "\x1e", "1:2", "3x", "2x", "6 ", "5probe"]
)
def test_texts_that_are_no_packets_of_engine_io(text: str) -> None:
    with pytest.raises(BrokenProtocol):
        engine.packet(text)


def test_a_payload() -> None:
    assert [packet.data for packet in engine.payload('42["a"]\x1e3\x1ebAQI=')] == ['2["a"]', "", b"\1\2"]
    assert len(engine.payload("\x1e".join(["3"] * engine.MAX_PACKETS))) == engine.MAX_PACKETS
    for payload in ("", "3\x1e", "\x1e".join(["3"] * (engine.MAX_PACKETS + 1))):
        with pytest.raises(BrokenProtocol):
            engine.payload(payload)


def test_data_is_text_until_it_is_known_what_it_may_be() -> None:
    assert engine.packet("4" + "[" * 60_000).data == "[" * 60_000, "the library would parse it, without a bound"
