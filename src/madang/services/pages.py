"""Pages: what of a list fits into one answer, and messages as bytes, encoded once for all who ask for them at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import zip_longest
from typing import Any, Final, TypeVar

import msgspec

from madang.core.bounds import ANSWER_BYTES
from madang.memory import Memory, hold
from madang.ports.log import Page

T = TypeVar("T")

BUSY_BYTES: Final = 2 * ANSWER_BYTES  # for rows and text, while a page is made
_encode: Final = msgspec.json.Encoder().encode


class MessagePage(msgspec.Struct, frozen=True):
    """A page of messages as a JSON array, and whether there are more in the direction asked for.

    Attributes:
        seq: they stand as after the event with this seq: all up to it is in them, and nothing above; but see `personal`.
        newer: of a page around a message: whether there are newer ones; `more` is then about older ones.
    """

    messages: bytes
    more: bool
    seq: int
    newer: bool | None = None


class SharedPage(msgspec.Struct, frozen=True):
    """A page as everybody sees it.

    Attributes:
        texts: of each message, by seq; empty where nobody has reacted, because then all see the same.
        reacted: the emojis on each message that has any, by seq.
    """

    page: MessagePage
    texts: dict[int, bytes]
    reacted: dict[int, tuple[str, ...]]


def encoded(found: Page, memory: Memory, *, newest: bool) -> SharedPage:
    """Encode as many messages as fit into an answer: the newest of them, or the oldest. They are held as `answers`."""
    texts, rest = fitting(found.messages[::-1] if newest else found.messages)
    kept = {m.seq: text for m, text in sorted(texts, key=lambda pair: pair[0].seq)}
    reacted = {m.seq: tuple(m.reactions) for m, _ in texts if m.reactions}
    page = MessagePage(held_array(kept.values(), memory), found.more or rest, found.seq)
    return SharedPage(page, kept if reacted else {}, reacted)


def encoded_around(older: Page, newer: Page, memory: Memory) -> SharedPage:
    """Encode as many messages as fit into an answer of those below a seq and those from it on: the nearest to it."""
    down, up = older.messages[::-1], newer.messages
    nearest = [m for pair in zip_longest(up, down) for m in pair if m is not None]
    texts, _ = fitting(nearest)
    kept = {m.seq: text for m, text in sorted(texts, key=lambda pair: pair[0].seq)}
    reacted = {m.seq: tuple(m.reactions) for m, _ in texts if m.reactions}
    more = older.more or any(m.seq not in kept for m in down)
    beyond = newer.more or any(m.seq not in kept for m in up)
    page = MessagePage(held_array(kept.values(), memory), more, newer.seq, beyond)
    return SharedPage(page, kept if reacted else {}, reacted)


def personal(shared: SharedPage, own: Mapping[int, Set[str]], memory: Memory) -> MessagePage:
    """Return a page as one user sees it, whose own reactions are marked: those of when they were read, which may be later than the page.

    Whoever applies later events does not mind: each of them says whether the reaction is there.
    """
    if not own:
        return shared.page
    texts = dict(shared.texts)
    for seq, emojis in own.items():
        if mine := [emoji for emoji in shared.reacted.get(seq, ()) if emoji in emojis]:
            texts[seq] = texts[seq][:-1] + b',"mine":' + _encode(mine) + b"}"  # the last field
    return MessagePage(held_array(texts.values(), memory), shared.page.more, shared.page.seq, shared.page.newer)


class Rows(msgspec.Struct, frozen=True):
    """Rows of a list as JSON, encoded once, as all doors show them; and whether there are more."""

    text: msgspec.Raw
    more: bool


def array(rows: Sequence[Any], limit: int) -> Rows:
    """Encode as many rows from the front as fit into an answer, at most `limit`, as an array."""
    kept, rest = fitting(rows[:limit])
    return Rows(msgspec.Raw(b"[" + b",".join([text for _, text in kept]) + b"]"), rest or len(rows) > limit)


def mapping(rows: Sequence[tuple[str, str]], limit: int) -> Rows:
    """Encode as many pairs as `array`, as an object."""
    kept, rest = fitting(rows[:limit], lambda pair: _encode(pair[0]) + b":" + _encode(pair[1]))
    return Rows(msgspec.Raw(b"{" + b",".join([text for _, text in kept]) + b"}"), rest or len(rows) > limit)


def fitting(rows: Sequence[T], encode: Callable[[T], bytes] = _encode) -> tuple[list[tuple[T, bytes]], bool]:
    """Return as many rows as fit, each with its text, and whether any is left out. No more are encoded than that."""
    size, kept = 0, list[tuple[T, bytes]]()
    for row in rows:
        text = encode(row)
        size += len(text) + 1
        if size > ANSWER_BYTES and kept:
            return kept, True
        kept.append((row, text))
    return kept, False


def held_array(texts: Iterable[bytes], memory: Memory) -> bytes:
    """Return texts as an array, held as `answers`."""
    return hold(memory, "answers", b"[" + b",".join(texts) + b"]")
