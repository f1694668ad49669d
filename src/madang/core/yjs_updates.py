"""Whether the library may read an update of Yjs: its structure is walked first, and nothing of it is kept.

The library makes room for what an update announces before it looks whether that comes, and reads values within values by
recursion: 290 bytes took 350 MB. What is walked to its end announces no more than it has. The form is that of updates of version 1
(yjs 13.6, `readClientsStructRefs`, `readDeleteSet`, and lib0's `readAny`): blocks by client, then what is deleted.
"""

from typing import Final

from madang.core.varints import number

DEEPEST: Final = 1_000
"""Arrays and objects within each other in one value."""
_LEFT, _RIGHT, _KEYED, _CONTENT = 0x80, 0x40, 0x20, 0x1F
_SKIPPED: Final = frozenset({0, 1, 10})  # collected, deleted, left out: a length is all there is
_TEXTS: Final = {3: 1, 4: 1, 5: 1, 6: 2}  # binary, text, embedded, format: that many strings
_JSON, _TYPE, _ANY, _DOCUMENT = 2, 7, 8, 9
_NAMED: Final = frozenset({3, 5})  # types that have a name: elements and hooks of XML
_VALUE_BYTES: Final = {127: 0, 126: 0, 124: 4, 123: 8, 122: 8, 121: 0, 120: 0}
_INTEGER, _STRING, _OBJECT, _ARRAY, _OCTETS = 125, 119, 118, 117, 116


def readable(update: bytes) -> bool:
    """Return whether an update is one, has all that it announces, and nests no value deeper than DEEPEST."""
    try:
        return _deleted(update, _blocks(update, 0)) == len(update)
    except (IndexError, ValueError):
        return False


def _past_numbers(data: bytes, at: int, count: int) -> int:
    """Return where that many numbers end."""
    for _ in range(count):
        while data[at] >= 0x80:
            at += 1
        at += 1
    return at


def _past_octets(data: bytes, at: int) -> int:
    """Return where bytes with their length end."""
    size, at = number(data, at)
    if size > len(data) - at:
        raise ValueError
    return at + size


def _blocks(data: bytes, at: int) -> int:
    clients, at = number(data, at)
    for _ in range(clients):
        blocks, at = number(data, at)
        at = _past_numbers(data, at, 2)
        for _ in range(blocks):
            at = _past_block(data, at)
    return at


def _past_block(data: bytes, at: int) -> int:
    info = data[at]
    at += 1
    content = info & _CONTENT
    if content not in (0, 10):
        at = _past_place(data, at, info)
    if content in _SKIPPED:
        return _past_numbers(data, at, 1)
    if content in _TEXTS:
        for _ in range(_TEXTS[content]):
            at = _past_octets(data, at)
        return at
    if content == _TYPE:
        kind, at = number(data, at)
        return _past_octets(data, at) if kind in _NAMED else at
    if content == _DOCUMENT:
        return _past_values(data, _past_octets(data, at), 1)
    if content not in (_JSON, _ANY):
        raise ValueError
    count, at = number(data, at)
    if content == _ANY:
        return _past_values(data, at, count)
    for _ in range(count):
        at = _past_octets(data, at)
    return at


def _past_place(data: bytes, at: int, info: int) -> int:
    """Return where ends what says behind and before which block this one belongs, or in which parent."""
    if info & _LEFT:
        at = _past_numbers(data, at, 2)
    if info & _RIGHT:
        at = _past_numbers(data, at, 2)
    if not info & (_LEFT | _RIGHT):
        root, at = number(data, at)
        at = _past_octets(data, at) if root == 1 else _past_numbers(data, at, 2)
        if info & _KEYED:
            at = _past_octets(data, at)
    return at


def _past_values(data: bytes, at: int, count: int) -> int:
    within: list[tuple[int, bool]] = []  # how many more of those around, and whether they have keys
    keyed = False
    while True:
        while not count:
            if not within:
                return at
            count, keyed = within.pop()
        count -= 1
        if keyed:
            at = _past_octets(data, at)
        tag = data[at]
        at += 1
        if (size := _VALUE_BYTES.get(tag)) is not None:
            at += size
        elif tag == _INTEGER:
            at = _past_numbers(data, at, 1)
        elif tag in (_STRING, _OCTETS):
            at = _past_octets(data, at)
        elif tag in (_OBJECT, _ARRAY):
            within.append((count, keyed))
            if len(within) > DEEPEST:
                raise ValueError
            count, at = number(data, at)
            keyed = tag == _OBJECT
        else:
            raise ValueError


def _deleted(data: bytes, at: int) -> int:
    clients, at = number(data, at)
    for _ in range(clients):
        at = _past_numbers(data, at, 1)
        ranges, at = number(data, at)
        at = _past_numbers(data, at, 2 * ranges)
    return at
