"""Events carry their body as JSON text from the draft to the wire, and nothing is lost on the way."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core import events
from madang.core.events import Body, Event, Message, draft, encode_body
from madang.core.timestamps import moment
from madang.protocol.native.codec import decode

SEQ = st.integers(1, 2**53)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBER = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBER, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=20,
)
BODY = st.builds(
    Body,
    text=st.none() | TEXT,
    data=JSON.map(lambda value: msgspec.Raw(json.dumps(value).encode())) | st.just(msgspec.Raw()),
    reply_to=st.none() | SEQ,
    mentions=st.lists(TEXT, max_size=3).map(tuple),
    target=st.none() | SEQ,
    emoji=st.none() | TEXT,
    member=st.none() | TEXT,
    role=st.none() | TEXT,
    slow_ms=st.none() | st.integers(0, 3_600_000),
    deleted=st.booleans(),
)


def plain(body: Body) -> dict[str, object]:
    """A body as Python values, its data decoded."""
    values = msgspec.structs.asdict(body)
    values["data"] = json.loads(bytes(body.data)) if bytes(body.data) else ...
    return values


@given(BODY)
def test_a_body_comes_back_as_it_went(body: Body) -> None:
    event = Event("yard", 1, 1, events.SENT, "u", "Mina", 0, encode_body(body))
    assert plain(event.content()) == plain(body)


def test_fields_that_are_not_set_are_not_sent() -> None:
    assert encode_body(Body()) == b"{}"
    assert encode_body(Body(text="hi")) == b'{"text":"hi"}'
    assert encode_body(Body(text="")) == b'{"text":""}'
    assert encode_body(Body(data=msgspec.Raw(b"null"))) == b'{"data":null}'


def test_a_draft_has_its_body_encoded() -> None:
    made = draft(events.SENT, "yard", "u1", "Mina", Body(text="hi"), cid="c-1")
    assert (made.body, made.content.text, made.cid, made.server) == (b'{"text":"hi"}', "hi", "c-1", False)


def test_types_are_all_the_names_of_the_module() -> None:
    named = {value for name, value in vars(events).items() if name.isupper() and isinstance(value, str)}
    assert named == events.TYPES
    assert events.ENDS_ACCESS <= events.TYPES


@pytest.mark.parametrize(
    ("ms", "written"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_338_000_123, "2026-11-22T09:00:00.123Z"),
        (1_795_338_000_999, "2026-11-22T09:00:00.999Z"),
    ],
)
def test_moments(ms: int, written: str) -> None:
    assert moment(ms) == written


def test_data_that_was_left_out_stays_out_wherever_it_comes_from() -> None:
    sent = decode(b'{"op":"send","room":"yard","cid":"c","text":"hi"}')
    stored = encode_body(Body(text="hi", data=sent.data))
    assert stored == b'{"text":"hi"}'
    read = Event("yard", 1, 1, events.SENT, "u", "Mina", 0, stored).content()
    shown = msgspec.json.encode(Message(seq=1, id="1", user="u", name="Mina", at=moment(0), text="hi", data=read.data))
    assert b"data" not in shown
    assert encode_body(Body(data=msgspec.Raw())) == b"{}"
