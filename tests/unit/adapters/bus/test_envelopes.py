"""Envelopes: what one node packs, every other node of the installation reads, and nobody else can make one."""

import hashlib
from typing import Any

import msgspec
import pytest

from madang.adapters.bus.envelopes import MAX_ENVELOPE, SIGNATURE, VERSION, BadSignature, Content, Signer
from madang.core.events import Event, MessageSent
from madang.ports.bus import Signal

SECRET = bytes(range(32))
EVENT = Event("yard", 7, 7 << 22, MessageSent.type, "u", "이름", 1_700_000_000_000, b'{"text":"\\u0000"}')
SIGNAL = Signal("yard", "typing", "u", b"true")
ALL = ("yard", "square")


def here() -> Signer:
    return Signer(SECRET, "here")


def signed(body: Any) -> bytes:
    """An envelope of the node `there`, whatever its body."""
    key = hashlib.blake2b(b"madang bus", key=SECRET, digest_size=32).digest()
    packed = msgspec.msgpack.encode(body)
    return VERSION + hashlib.blake2b(packed, key=key, digest_size=SIGNATURE).digest() + packed


def test_what_was_packed_is_read_as_it_was_and_only_what_is_wanted() -> None:
    square = Content([Event("square", 1, 1, MessageSent.type, "v", "V", 1, b"{}")], [])
    envelope = Signer(SECRET, "there").pack({"yard": Content([EVENT], [SIGNAL], 6), "square": square})
    assert list(here().unpack(envelope, ALL)) == [("yard", Content([EVENT], [SIGNAL], 6)), ("square", square)]
    assert list(here().unpack(envelope, {"square"})) == [("square", square)]
    assert list(Signer(SECRET, "there").unpack(envelope, ALL)) == [], "a node's own"


def test_what_an_earlier_version_did_not_have_is_not_missed() -> None:
    """Before there were heads, a part was events and signals."""
    body: Any = ("there", [("yard", ([], [("typing", "u", b"true")]))])
    assert list(here().unpack(signed(body), ALL)) == [("yard", Content([], [SIGNAL]))]


def test_what_a_later_version_adds_behind_is_passed_over() -> None:
    """While a fleet is upgraded, nodes of both versions hear each other. At each level something unknown is added."""
    event = (7, 7 << 22, MessageSent.type, "u", "이름", 1_700_000_000_000, b'{"text":"\\u0000"}', "new", {"of": [1]})
    part = ([event], [("typing", "u", b"true", 9)], 0, [("beat", 3)], None)
    body = ("there", [("yard", msgspec.Raw(msgspec.msgpack.encode(part)), "new")], {"yard": 7}, 1.5)
    assert list(here().unpack(signed(body), ALL)) == [("yard", Content([EVENT], [SIGNAL]))]


@pytest.mark.parametrize(
    "body",
    [None, [], ["there"], ["there", [["yard"]]], ["there", [["yard", []]]], ["there", [["yard", [[[7]], []]]]]],
    ids=repr,
)
def test_what_is_missing_is_not_made_up(body: Any) -> None:
    with pytest.raises(BadSignature):
        list(here().unpack(signed(body), ALL))


def test_nobody_else_makes_one() -> None:
    envelope = Signer(SECRET, "there").pack({"yard": Content([EVENT], [SIGNAL])})
    other = Signer(b"another secret" * 3, "there").pack({"yard": Content([EVENT], [])})
    flipped = [envelope[:n] + bytes([envelope[n] ^ 1]) + envelope[n + 1 :] for n in range(len(envelope))]
    for forged in (b"", VERSION, envelope[:-1], envelope + b"\x00", other, *flipped, envelope + bytes(MAX_ENVELOPE)):
        with pytest.raises(BadSignature):
            list(here().unpack(forged, ALL))
