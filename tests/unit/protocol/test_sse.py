"""Server-sent events as bytes: what a parser of WHATWG HTML makes of them."""

import json

import pytest

from madang.core.events import Event
from madang.delivery.subscriber import encoded
from madang.protocol import sse
from madang.protocol.native.frames import SkipFrame
from madang.protocol.offsets import position


def fields(text: bytes) -> list[tuple[str, str]]:
    lines = text.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    assert lines[-2:] == ["", ""]
    return [(name, value.removeprefix(" ")) for name, _, value in (line.partition(":") for line in lines[:-2])]


@pytest.mark.parametrize("data", [b'{"a":\n1}', b'{"a":\r\n1}', b'{"a":\r1}', b'{"a":\n\n1}', b'{"a"\r\n\r\n:1}'])
def test_line_breaks_in_stored_json_end_no_event(data: bytes) -> None:
    found = fields(sse.event("x", data, b"a:1:0f"))
    assert found[:2] == [("id", "a:1:0f"), ("event", "x")]
    assert {name for name, _ in found[2:]} == {"data"}
    assert json.loads("\n".join(value for _, value in found[2:])) == {"a": 1}


def test_an_event_is_named_by_its_type_and_a_frame_by_its_op() -> None:
    entry = encoded(Event(room="a", seq=7, type="message.sent", id=1, user="u", name="U\n", at=0, body=b"{}"))
    assert b"\n" not in entry.text
    assert fields(sse.event(entry.event.type, entry.text))[0] == ("event", "message.sent")
    skip = fields(sse.frame(SkipFrame(room="a", from_=1, to=2), position("a", 2, "0f")))
    assert [name for name, _ in skip] == ["id", "event", "data"]
    assert skip[1] == ("event", "skip")


def test_the_last_event_says_what_to_do_then() -> None:
    assert fields(sse.end(4410, "revoked")) == [
        ("event", "bye"),
        ("data", '{"op":"bye","code":4410,"reason":"revoked","reconnect":"never"}'),
    ]
    assert sse.end(1012, "restart", 1400).startswith(b"retry: 1400\n\n")
    assert b'"retry_ms":1400' in sse.end(1012, "restart", 1400)
