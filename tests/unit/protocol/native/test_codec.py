"""The codec takes strict JSON and nothing else, and what it writes is JSON that says the same."""

import json
import time
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from madang.core.bounds import MAX_DEPTH
from madang.core.events import Event, MessageSent, encode_body
from madang.errors import Limited, Refused
from madang.protocol.native import codec
from madang.protocol.native.answers import JoinAnswer, RoomInfo
from madang.protocol.native.commands import Ping, Read, Send

SEND = '{"op":"send","n":1,"room":"yard","cid":"c-1","text":"hi"}'
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
NUMBER = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
SCALAR = st.one_of(st.none(), st.booleans(), NUMBER, TEXT)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=12,
)
SPACE = st.text(" \t\n\r", max_size=2)


def refusal(text: str | bytes) -> str:
    with pytest.raises(Refused) as refused:
        codec.decode(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return refused.value.code


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, dict | list) and 1 + max(map(depth, inner), default=0)


@st.composite
def written(draw: st.DrawFn, text: str) -> str:
    r"""A JSON string for `text`, some of its characters as \u escapes."""
    out = []
    for c in text:
        if draw(st.integers(0, 3)) == 0:
            units = c.encode("utf-16-be")
            out.append("".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2)))
        else:
            out.append(json.dumps(c, ensure_ascii=False)[1:-1])
    return f'"{"".join(out)}"'


@st.composite
def an_object(draw: st.DrawFn, pairs: list[tuple[str, str]]) -> str:
    """JSON text of an object from keys and values that are JSON text already, with white space anywhere it may stand."""
    parts = []
    for key, value in pairs:
        name = draw(written(key))
        parts.append(f"{draw(SPACE)}{name}{draw(SPACE)}:{draw(SPACE)}{value}{draw(SPACE)}")
    return "{" + ",".join(parts) + "}"


@st.composite
def a_send(draw: st.DrawFn, more: list[tuple[str, str]] | None = None) -> str:
    """A plain send, its fields and `more` in any order."""
    text = json.dumps(draw(TEXT.filter(bool)), ensure_ascii=draw(st.booleans()))
    fields = [("op", '"send"'), ("n", "7"), ("room", '"yard"'), ("cid", '"c-1"'), ("text", text)]
    return draw(an_object(draw(st.permutations(fields + (more or [])))))


@given(a_send())
def test_a_plain_send_is_what_any_json_reader_reads(text: str) -> None:
    command = codec.decode(text.encode())
    assert isinstance(command, Send)
    assert command.text == json.loads(text)["text"]


@given(st.data(), st.sampled_from(["op", "n", "room", "cid", "text"]), JSON)
def test_no_duplicate_key_gets_by(data: st.DataObject, key: str, value: object) -> None:
    text = data.draw(a_send([(key, json.dumps(value))]))
    assert refusal(text) in {"bad_json", "bad_text"}


@given(st.data(), TEXT, SCALAR, SCALAR)
def test_no_duplicate_key_gets_by_in_what_is_ignored(data: st.DataObject, key: str, one: object, two: object) -> None:
    inner = data.draw(an_object([(key, json.dumps(one)), (key, json.dumps(two))]))
    where = data.draw(st.sampled_from(["data", "x"]))
    assert refusal(data.draw(a_send([(where, inner)]))) == "bad_json"


@given(st.data(), JSON)
def test_a_field_nobody_knows_is_ignored(data: st.DataObject, value: object) -> None:
    assume(depth(value) < MAX_DEPTH)
    assert isinstance(codec.decode(data.draw(a_send([("colour", json.dumps(value))])).encode()), Send)


@given(JSON)
def test_data_is_carried_as_it_came(value: object) -> None:
    assume(depth(value) < MAX_DEPTH)
    text = json.dumps(value)
    command = codec.decode(f'{{"op":"send","room":"yard","cid":"c","data":{text}}}'.encode())
    assert isinstance(command, Send)
    assert bytes(command.data) == text.encode()


@given(st.binary(max_size=60) | st.text(max_size=60).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises((Refused, UnicodeDecodeError)):
        codec.decode(noise)
    codec.number(noise)


@given(st.data())
def test_a_frame_with_one_byte_changed_is_read_or_refused(data: st.DataObject) -> None:
    frame = bytearray(SEND.encode())
    frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    try:
        codec.decode(frame)
    except (Refused, UnicodeDecodeError):
        codec.number(frame)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "hello",
        "[]",
        "1",
        "null",
        '"op"',
        '\ufeff{"op":"ping"}',
        "{'op':'ping'}",
        '{"op":"ping"',
        '{"op":"ping",}',
        '{"op":"ping"} {"op":"ping"}',
        '{"op":"ping"}/**/',
        '{"op":"ping","op":"ping"}',
        '{"op":"ping","\\u006fp":"ping"}',
        '{"op":"ping","x":{"a":1,"a" :1}}',
        '{"op":"ping","n":NaN}',
        '{"op":"ping","x":Infinity}',
        '{"op":"ping","x":-Infinity}',
        '{"op":"ping","x":1e999}',
        '{"op":"ping","x":-1e999}',
        '{"op":"ping","x":01}',
        '{"op":"ping","x":"\x01"}',
        '{"op":"read","room":"yard","seq":' + "9" * 4400 + "}",
        "[" * 60_000,
        '{"op":"ping","x":' + "[" * 60_000,
        '{"op":"ping","x":' + "[" * 16 + "]" * 16 + "}",
        '{"op":"ping","x":' + '{"a":' * 16 + "1" + "}" * 16 + "}",
        b'{"op":"ping"}\0',
    ],
)
def test_what_is_not_one_strict_json_object(text: str | bytes) -> None:
    assert refusal(text) == "bad_json"


@pytest.mark.parametrize("text", [b'{"op":"ping","x":"\xff"}', b'{"op":"ping","x":"\xed\xa0\x80"}', b"\xff\xfe"])
def test_what_is_not_utf8_is_the_frames_fault_not_the_commands(text: bytes) -> None:
    with pytest.raises(UnicodeDecodeError):
        codec.decode(text)


@pytest.mark.parametrize(
    "text",
    [
        SEND.replace("hi", "\\ud800"),
        SEND.replace("hi", "\\ud800 \\udc00"),
        SEND.replace("hi", "\\u0000"),
        SEND.replace("c-1", "\\u0000"),
        SEND.replace("c-1", "\\udfff"),
        '{"op":"ping","x":"\\u0000"}',
        '{"op":"ping","\\ud800":1}',
        '{"op":"send","room":"yard","cid":"c","data":[["\\udc00"]]}',
    ],
)
def test_what_is_not_text(text: str) -> None:
    assert refusal(text) == "bad_text"


@pytest.mark.parametrize(
    "text", ["{}", '{"op":"nope"}', '{"op":"Ping"}', '{"op":""}', '{"op":[]}', '{"op":1}', '{"n":1}']
)
def test_unknown_operations(text: str) -> None:
    assert refusal(text) == "unknown_op"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("room", '{"$ne":null}'),
        ("room", "[]"),
        ("room", "1"),
        ("room", "true"),
        ("room", "null"),
        ("room", '""'),
        ("room", f'"{"a" * 65}"'),
        ("seq", "1.5"),
        ("seq", "1.0"),
        ("seq", "true"),
        ("seq", '"1"'),
        ("seq", "-1"),
        ("seq", "null"),
        ("seq", "9007199254740993"),
        ("n", "-1"),
        ("n", "1.5"),
        ("n", '"1"'),
        ("n", "null"),
        ("n", "9007199254740993"),
    ],
)
def test_fields_of_the_wrong_type_or_range(field: str, value: str) -> None:
    fields = {"room": '"yard"', "seq": "1", field: value}
    text = ",".join(f'"{k}":{v}' for k, v in fields.items())
    with pytest.raises(Refused, match=rf"^{field}\b") as refused:
        codec.decode(f'{{"op":"read",{text}}}'.encode())
    assert refused.value.code == "bad_field"


def test_a_missing_field_is_named() -> None:
    with pytest.raises(Refused, match="room: missing") as refused:
        codec.decode(b'{"op":"join"}')
    assert refused.value.code == "bad_field"


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('{"op":"ping"}', Ping()),
        (' { "op" : "ping" , "n" : 3 } ', Ping(n=3)),
        ('{"n":3,"op":"read","seq":0,"room":"yard"}', Read(n=3, room="yard", seq=0)),
        ('{"op":"read","room":"yard","seq":5,"user":"u1","sender":"u2","id":"9"}', Read(room="yard", seq=5)),
        ('{"op":"ping","x":' + "[" * 15 + "]" * 15 + "}", Ping()),
        ('{"op":"ping","x":"' + "[{" * 40 + '"}', Ping()),
        ('{"op":"ping","x":["\\"[","\\\\"' + ",[],{}" * 40 + "]}", Ping()),
    ],
)
def test_what_is_read(text: str, command: object) -> None:
    assert codec.decode(text.encode()) == command
    assert codec.decode(bytearray(text.encode())) == command


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ('{"op":"nope","n":7}', 7),
        ('{"n":0,"op":"join"}', 0),
        ('{"op":"nope"}', 0),
        ('{"op":"nope","n":"7"}', None),
        ('{"op":"nope","n":7.5}', None),
        ('{"op":"nope","n":true}', None),
        ('{"op":"nope","n":-1}', None),
        ('{"op":"nope","n":9007199254740993}', None),
        ("[]", None),
        ('{"n":7', None),
    ],
)
def test_the_number_of_a_frame_that_is_refused(text: str, n: int | None) -> None:
    assert codec.number(text.encode()) == n


@pytest.mark.parametrize(
    "frame",
    [
        '{"op":"ping","x":[' + "[]," * 15_000 + "1]}",
        '{"op":"ping","x":"' + '\\"' * 30_000 + '","y":' + "[" * 17 + "]" * 17 + "}",
        '\\"' * 30_000,
        "{" * 60_000,
        '{"op":"send","text":"' + "\\u0041" * 10_000 + '"}',
        '{"op":"send","room":"yard","cid":"c","data":[' + "1.7976931348623157e308," * 700 + "0]}",
        '{"op":"send","room":"yard","cid":"c","data":[' + ("1" * 4000 + ",") * 4 + "0]}",
        "{" + ",".join(f'"k{i}":{i}' for i in range(5000)) + "}",
    ],
)
def test_no_frame_costs_much(frame: str) -> None:
    costs = []
    for _ in range(5):
        started = time.thread_time()
        with suppress(Refused):
            codec.decode(frame.encode())
        costs.append(time.thread_time() - started)
    # CPU time of this thread, so a busy machine makes no difference: 0.001 s at most, and a square would take seconds.
    assert min(costs) < 0.5


EVENTS = st.builds(
    Event,
    room=st.just("yard"),
    seq=st.integers(1, 2**53),
    id=st.integers(1, 2**63 - 1),
    type=st.just("message.sent"),
    user=TEXT,
    name=TEXT,
    at=st.integers(0, 2**42),
    body=st.builds(MessageSent, text=st.none() | TEXT, reply_to=st.none() | st.integers(1, 99)).map(encode_body),
)


@given(EVENTS)
def test_an_event_is_its_head_and_its_body(event: Event) -> None:
    read = json.loads(codec.event(event))
    assert read.pop("at").endswith("Z")
    head = {"op": "event", "room": "yard", "seq": event.seq, "type": event.type, "id": str(event.id)}
    assert read == head | {"user": event.user, "name": event.name} | json.loads(event.body)


@given(st.lists(EVENTS, max_size=3))
def test_the_answer_to_join_holds_events(events: list[Event]) -> None:
    held = codec.array(codec.event(e) for e in events)
    answer = JoinAnswer(
        room=RoomInfo(id="yard", title="Yard", access="open", slow_ms=0), role="member", seq=9, epoch="e", events=held
    )
    read = json.loads(codec.answer(4, answer))
    assert (read["op"], read["n"], read["seq"]) == ("ok", 4, 9)
    assert read["events"] == [json.loads(codec.event(e)) for e in events]


def test_an_error_carries_number_code_wait_and_message() -> None:
    assert json.loads(codec.error(5, Refused("gone")))["n"] == 5
    assert "n" not in json.loads(codec.error(None, Refused("bad_json")))
    limited = json.loads(codec.error(9, Limited("rate_limited", 800)))
    assert (limited["code"], limited["retry_ms"]) == ("rate_limited", 800)
    assert msgspec.json.decode(codec.error(1, Refused("bad_field", 'a "quoted" word')))["message"] == 'a "quoted" word'
