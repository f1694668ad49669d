"""Envelopes: what one node packs, every other node of the installation reads, and nobody else can make one."""

import hashlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.adapters.bus.envelopes import (
    FRESH_MS,
    MAX_ENVELOPE,
    SIGNATURE,
    VERSION,
    WINDOW,
    BadSignature,
    Content,
    Signer,
    Stale,
)
from madang.core.events import Event, MessageSent
from madang.core.signing import Keyring, SigningKey, SigningKeys, lone_keyring
from madang.ports.bus import Signal

SECRET = bytes(range(32))
KEYS = lone_keyring(SECRET)
EVENT = Event("yard", 7, 7 << 22, MessageSent.type, "u", "이름", 1_700_000_000_000, b'{"text":"\\u0000"}')
SIGNAL = Signal("yard", "typing", "u", b"true")
ALL = ("yard", "square")


CHANNEL = "madang:x"
NO_TEXT = msgspec.Raw(b"\xa1\xff")  # as text would be packed, but not UTF-8
NOW_MS = 1_800_000_000_000


def here() -> Signer:
    return Signer(KEYS, "here", clock_ms=lambda: NOW_MS)


def there(keys: Keyring = KEYS, epoch: bytes = b"", at_ms: int = NOW_MS) -> Signer:
    return Signer(keys, "there", epoch, lambda: at_ms)


def signed(body: Any) -> bytes:
    """An envelope of the node `there`, whatever its body."""
    key = hashlib.blake2b(b"madang bus", key=SECRET, digest_size=32).digest()
    packed = msgspec.msgpack.encode(body)
    channel = CHANNEL.encode() + b"\0"
    return VERSION + hashlib.blake2b(channel + packed, key=key, digest_size=SIGNATURE).digest() + packed


def numbered(rest: Any, number: int = 1) -> Any:
    return ("there", number, NOW_MS, *rest)


def test_what_was_packed_is_read_as_it_was_and_only_what_is_wanted() -> None:
    square = Content([Event("square", 1, 1, MessageSent.type, "v", "V", 1, b"{}")], [])
    envelope = there().pack({"yard": Content([EVENT], [SIGNAL], 6), "square": square}, CHANNEL)
    assert list(here().unpack(envelope, CHANNEL, ALL)) == [("yard", Content([EVENT], [SIGNAL], 6)), ("square", square)]
    assert list(here().unpack(envelope, CHANNEL, {"square"})) == [("square", square)]
    assert list(there().unpack(envelope, CHANNEL, ALL)) == [], "a node's own"


def test_what_an_earlier_version_did_not_have_is_not_missed() -> None:
    """Before there were heads, a part was events and signals."""
    body: Any = numbered([[("yard", ([], [("typing", "u", b"true")]))]])
    assert list(here().unpack(signed(body), CHANNEL, ALL)) == [("yard", Content([], [SIGNAL]))]


def test_what_a_later_version_adds_behind_is_passed_over() -> None:
    """While a fleet is upgraded, nodes of both versions hear each other. At each level something unknown is added."""
    event = (7, 7 << 22, MessageSent.type, "u", "이름", 1_700_000_000_000, b'{"text":"\\u0000"}', "new", {"of": [1]})
    part = ([event], [("typing", "u", b"true", 9)], 0, [("beat", 3)], None)
    body = numbered([[("yard", msgspec.Raw(msgspec.msgpack.encode(part)), "new")], {"yard": 7}, 1.5])
    assert list(here().unpack(signed(body), CHANNEL, ALL)) == [("yard", Content([EVENT], [SIGNAL]))]


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        ["there"],
        ["there", []],
        numbered([]),
        *(numbered([each]) for each in ([["yard"]], [["yard", []]], [["yard", [[[7]], []]]])),
        pytest.param(["there", 1, NOW_MS, [[NO_TEXT, [[], []]]]], id="not UTF-8"),
    ],
    ids=repr,
)
def test_what_is_missing_is_not_made_up(body: Any) -> None:
    with pytest.raises(BadSignature):
        list(here().unpack(signed(body), CHANNEL, ALL))


def test_nobody_else_makes_one() -> None:
    envelope = there().pack({"yard": Content([EVENT], [SIGNAL])}, CHANNEL)
    other = there(lone_keyring(b"another secret" * 3)).pack({"yard": Content([EVENT], [])}, CHANNEL)
    restored = there(epoch=b"of the restored").pack({"yard": Content([EVENT], [])}, CHANNEL)
    flipped = [envelope[:n] + bytes([envelope[n] ^ 1]) + envelope[n + 1 :] for n in range(len(envelope))]
    for forged in (
        b"",
        VERSION,
        envelope[:-1],
        envelope + b"\x00",
        other,
        restored,
        *flipped,
        envelope + bytes(MAX_ENVELOPE),
    ):
        with pytest.raises(BadSignature):
            list(here().unpack(forged, CHANNEL, ALL))


ONE = {"yard": Content([EVENT], [])}


def taken(signer: Signer, envelope: bytes, channel: str = CHANNEL) -> bool:
    try:
        return bool(list(signer.unpack(envelope, channel, ALL)))
    except BadSignature:
        return False


def test_what_was_heard_cannot_be_said_again() -> None:
    sender, reader = there(), here()
    envelopes = [sender.pack(ONE, CHANNEL) for _ in range(50)]
    assert all(taken(reader, envelope) for envelope in envelopes)
    assert not any(taken(reader, envelope) for envelope in envelopes), "not on its channel"
    assert not taken(reader, sender.pack(ONE, CHANNEL), "madang:y"), "nor on another"
    assert taken(there(), here().pack({"": Content([], [SIGNAL])}, CHANNEL)) is False, "not of these rooms"


@given(st.permutations(range(40)))
def test_in_any_order_each_is_taken_once(order: list[int]) -> None:
    sender, reader = there(), here()
    envelopes = [sender.pack(ONE, CHANNEL) for _ in order]
    assert [taken(reader, envelopes[n]) for n in [*order, *order]] == [True] * 40 + [False] * 40


def test_what_is_old_is_not_taken_even_by_a_node_that_has_just_started() -> None:
    for age_ms in (0, FRESH_MS, -FRESH_MS):
        assert taken(here(), there(at_ms=NOW_MS - age_ms).pack(ONE, CHANNEL))
    for age_ms in (FRESH_MS + 1, -FRESH_MS - 1, 86_400_000):
        with pytest.raises(Stale):
            list(here().unpack(there(at_ms=NOW_MS - age_ms).pack(ONE, CHANNEL), CHANNEL, ALL))


def test_far_behind_the_newest_nothing_is_taken() -> None:
    sender, reader = there(), here()
    late = [sender.pack(ONE, CHANNEL) for _ in range(2)]
    for _ in range(WINDOW - 2):
        sender.pack({}, CHANNEL)
    newest = sender.pack(ONE, CHANNEL)
    assert taken(reader, newest)
    assert [taken(reader, envelope) for envelope in late] == [False, True]


def test_senders_that_are_gone_are_forgotten() -> None:
    clock = [NOW_MS]
    reader = Signer(KEYS, "here", clock_ms=lambda: clock[0])
    for n in range(1000):
        clock[0] += 1000
        assert taken(reader, Signer(KEYS, f"node-{n}", clock_ms=lambda: clock[0]).pack(ONE, CHANNEL))
    assert reader.senders <= 2 * FRESH_MS // 1000 + 2


def test_while_keys_are_rotated_those_of_all_are_believed_and_afterwards_of_one() -> None:
    """Whichever of them a sender signs with: nothing is lost while nodes hear of a new key one after another."""
    old, new = KEYS.keys[0], SigningKey("2000", bytes(range(32, 64)), NOW_MS)

    def ring(*keys: SigningKey) -> Keyring:
        return Keyring(SigningKeys(KEYS.name, b"", keys), lambda: NOW_MS)

    sending, reading = ring(old), ring(old)
    sender, reader = there(sending), Signer(reading, "here", clock_ms=lambda: NOW_MS)
    assert taken(reader, sender.pack(ONE, CHANNEL))
    reading.keys = (old, new)
    assert taken(reader, sender.pack(ONE, CHANNEL)), "of a node that knows the old one alone"
    sending.keys = (old, new)
    assert taken(reader, sender.pack(ONE, CHANNEL))
    signed_by_new = sender.pack(ONE, CHANNEL)
    reading.keys = (old,)
    assert not taken(reader, signed_by_new), "the new one signs as soon as it may"
    reading.keys = (new,)
    assert taken(reader, signed_by_new)
    sending.keys = (old,)
    assert not taken(reader, sender.pack(ONE, CHANNEL))
