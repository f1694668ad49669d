"""Events carry their body as JSON text from the draft to the wire, and nothing is lost on the way."""

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.core.events import (
    NO_DATA,
    TYPES,
    Body,
    Event,
    MessagePinned,
    MessageSent,
    carried,
    decode_body,
    draft,
    encode_body,
    erased_body,
)
from madang.core.messages import Message
from madang.core.timestamps import moment
from madang.ports import log
from madang.protocol.native.codec import decode
from madang.protocol.native.commands import Send

SEQ = st.integers(1, 2**53)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBER = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBER, TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=20,
)
VALUES = {
    "text": TEXT,
    "data": JSON.map(lambda value: msgspec.Raw(json.dumps(value).encode())) | st.just(NO_DATA),
    "reply_to": SEQ,
    "mentions": st.lists(TEXT, max_size=3).map(tuple),
    "deleted": st.booleans(),
    "expired": st.booleans(),
    "target": SEQ,
    "emoji": TEXT,
    "member": TEXT,
    "for_ms": st.integers(0, 3_600_000),
    "banned": st.booleans(),
    "reason": TEXT,
    "via": TEXT,
    "peer": TEXT,
    "role": TEXT,
    "title": TEXT,
    "picture": TEXT,
    "access": st.sampled_from(["open", "unlisted", "invite"]),
    "slow_ms": st.integers(0, 3_600_000),
    "archived": st.booleans(),
    "write": st.sampled_from(["everyone", "moderators"]),
    "history": st.sampled_from(["all", "joined"]),
    "keep_ms": st.integers(0, 10**12),
    "keep_messages": st.integers(0, 10**9),
    "upto": SEQ,
    "messages": st.booleans(),
    "paper": TEXT,
    "finished": st.booleans(),
}


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    """A body of any type, with any of the fields that may be left out."""
    kind = draw(st.sampled_from(list(TYPES.values())))
    given = [field for field in msgspec.structs.fields(kind) if field.required or draw(st.booleans())]
    return kind(**{field.name: draw(VALUES[field.name]) for field in given})


def plain(body: Body) -> dict[str, object]:
    """A body as Python values, its data decoded."""
    values = msgspec.structs.asdict(body)
    if "data" in values:
        values["data"] = json.loads(bytes(values["data"])) if bytes(values["data"]) else ...
    return values


@given(bodies())
def test_a_body_comes_back_as_it_went(body: Body) -> None:
    event = Event("yard", 1, 1, body.type, "u", "Mina", 0, encode_body(body))
    assert type(event.content()) is type(body)
    assert plain(event.content()) == plain(body)


STORED = {
    "message.sent": [
        b'{"text":"hi"}',
        b'{"text":""}',
        b'{"text":"","data":null}',
        b'{"text":"hi","data":{"a":[1, 2]},"reply_to":3,"mentions":["u1","u2"]}',
        b'{"deleted":true}',
    ],
    "message.edited": [
        b'{"text":"hi","target":3}',
        b'{"text":"","data":[0],"mentions":["u1"],"target":3}',
        b'{"target":3}',
    ],
    "message.deleted": [b'{"target":3}'],
    "reaction.added": ['{"target":3,"emoji":"👍"}'.encode()],
    "reaction.removed": ['{"target":3,"emoji":"👍"}'.encode()],
    "message.pinned": [b'{"target":3}'],
    "message.unpinned": [b'{"target":3}'],
    "member.joined": [b'{"role":"member"}', b'{"role":"member","picture":"https://a.example/p"}'],
    "member.changed": [b"{}", b'{"picture":"https://a.example/p"}'],
    "member.left": [b"{}"],
    "member.kicked": [
        b'{"member":"u1"}',
        b'{"member":"u1","for_ms":600000}',
        b'{"member":"u1","banned":true}',
        b'{"member":"u1","for_ms":600000,"banned":true,"reason":"spam"}',
    ],
    "member.unbanned": [b'{"member":"u1"}'],
    "member.muted": [b'{"member":"u1"}', b'{"member":"u1","for_ms":600000,"reason":"spam"}'],
    "member.unmuted": [b'{"member":"u1"}'],
    "member.role": [b'{"member":"u1","role":"owner"}'],
    "room.created": [
        b'{"title":"The yard","access":"open","slow_ms":0}',
        b'{"title":"The yard","access":"open","slow_ms":0,"picture":"https://a.example/p"}',
        b'{"title":"","access":"direct","slow_ms":0,"peer":"u1"}',
    ],
    "member.erased": [b'{"member":"u1"}', b'{"member":"u1","messages":true}'],
    "room.purged": [b'{"upto":9}'],
    "room.deleted": [b"{}", b'{"expired":true}'],
    "paper.created": [b'{"paper":"card","title":"T"}'],
    "paper.changed": [b'{"paper":"card","title":"T"}', b'{"paper":"card","finished":false}'],
    "paper.deleted": [b'{"paper":"card"}'],
    "room.changed": [
        b'{"title":"T"}',
        b'{"access":"invite"}',
        b'{"slow_ms":0}',
        b'{"title":"T","slow_ms":9}',
        b'{"archived":false}',
        b'{"write":"moderators"}',
        b'{"history":"joined"}',
        b'{"keep_ms":60000,"keep_messages":10}',
    ],
}
"""Bodies as databases hold them. A cid sent again is compared by these bytes, so none of them may ever change."""


def test_stored_bodies_are_read_and_written_as_ever() -> None:
    assert STORED.keys() == TYPES.keys()
    for type, texts in STORED.items():
        for text in texts:
            assert encode_body(decode_body(TYPES[type], text)) == text


def test_a_type_of_a_later_version_is_carried_and_has_no_fields() -> None:
    event = Event("yard", 1, 1, "message.sung", "u", "Mina", 0, b'{"melody":"la"}')
    assert event.content() == Body()
    assert event.subject() == "u"


def test_every_type_says_what_it_is() -> None:
    assert list(TYPES) == [body.type for body in TYPES.values()]
    for body in TYPES.values():
        assert re.fullmatch(r"(message|reaction|member|room|paper)\.[a-z]+", body.type)
        assert body.__doc__


def test_every_type_has_its_row_in_the_contract_of_the_log() -> None:
    rows = re.findall(r"^\| ([a-z]+\.[a-z]+) \|", log.__doc__ or "", re.MULTILINE)
    assert sorted(rows) == sorted(TYPES)


def test_a_deletion_erases_what_gave_a_message_content() -> None:
    assert erased_body("message.sent", 3) == b'{"deleted":true}'
    assert erased_body("message.edited", 3) == b'{"target":3}'
    assert {type for type in TYPES if erased_body(type, 3)} == {"message.sent", "message.edited"}


def test_a_draft_has_its_body_encoded() -> None:
    made = draft(MessageSent(text="hi"), "yard", "u1", "Mina", cid="c-1")
    assert (made.type, made.body, made.target, made.cid, made.server) == (
        "message.sent", b'{"text":"hi"}', None, "c-1", False,
    )  # fmt: skip
    assert draft(MessagePinned(target=7), "yard", "u1", "Mina").target == 7


@pytest.mark.parametrize(
    ("ms", "written"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_795_338_000_123, "2026-11-22T09:00:00.123Z"),
        (1_795_338_000_999, "2026-11-22T09:00:00.999Z"),
    ],
)
def test_how_a_moment_is_written(ms: int, written: str) -> None:
    assert moment(ms) == written


def test_data_that_was_left_out_stays_out_wherever_it_comes_from() -> None:
    sent = decode(b'{"op":"send","room":"yard","cid":"c","text":"hi"}')
    assert isinstance(sent, Send)
    stored = encode_body(MessageSent(text="hi", data=sent.data))
    assert stored == b'{"text":"hi"}'
    read = decode_body(MessageSent, stored)
    shown = msgspec.json.encode(Message(seq=1, id="1", user="u", name="Mina", at=moment(0), text="hi", data=read.data))
    assert b"data" not in shown
    assert encode_body(MessageSent(data=carried(b""))) == b"{}"
