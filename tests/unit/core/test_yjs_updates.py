"""Which updates the library is given to read: all that are whole, and none that announces more than it has."""

import random
from collections.abc import Callable
from typing import Any, Final

import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from madang.core.documents import Document
from madang.core.yjs_updates import DEEPEST, readable

VALUES: Final[list[Any]] = [
    1, -70, 2**40, 1.5, True, False, None, "", "v한글u", b"bytes", [], {}, [1, [2, [3]]], {"a": [1, {"b": {}}], "v": "u"},
]  # fmt: skip


def written(seed: int) -> list[bytes]:
    """Return the updates of somebody who has written a bit of everything, and one that stands for all of them."""
    dice, found = random.Random(seed), list[bytes]()
    doc: Doc[Any] = Doc()
    text, page = Text(), XmlFragment()
    map: Map[Any] = Map()
    array: Array[Any] = Array()
    doc["text"], doc["map"], doc["array"], doc["page"] = text, map, array, page
    kept = doc.observe(lambda event: found.append(event.update))
    steps: list[Callable[[], object]] = [
        lambda: text.insert(0, dice.choice(["안녕", "v한글u", "😀", "abc" * 60])),
        lambda: text.insert_embed(0, {"image": "v"}),
        lambda: text.insert(0, "bold", {"bold": True}),
        lambda: map.update({f"k{dice.randrange(3)}": dice.choice(VALUES)}),
        lambda: array.append(dice.choice(VALUES)),
        lambda: array.append(dice.choice([Map({"a": 1}), Text("b"), Array([1])])),
        lambda: array.pop(dice.randrange(len(array))) if len(array) else None,
        lambda: page.children.append(XmlElement("p", {"class": "v"})),
        lambda: page.children.append(XmlText("words")),
        text.clear,
    ]
    for _ in range(60):
        dice.choice(steps)()
    assert kept
    return [*found, doc.get_update()]


@pytest.mark.parametrize("seed", range(10))
def test_what_the_library_writes_is_readable_and_no_part_of_it_is(seed: int) -> None:
    for update in written(seed):
        assert readable(update)
        assert not readable(update + b"\x00")
        assert not any(readable(update[:size]) for size in range(len(update)))


def value(any: bytes) -> bytes:
    """Return an update of one array `a` with one value."""
    return b"\x01\x01\x01\x00\x08\x01\x01a\x01" + any + b"\x00"


def number(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


MUCH: Final = number(1 << 22)


@pytest.mark.parametrize(
    "update",
    [
        value((b"v" + MUCH + b"\x01k") * 40 + b"~"), value((b"u" + MUCH) * 40 + b"~"), value(b"w" + MUCH + b"x"),
        value(b"u\x01" * (DEEPEST + 1) + b"~"), value(b"v\x01\x01k" * (DEEPEST + 1) + b"~"), value(b"s"), value(b"}" + b"\xff" * 20),
        b"\x01" + MUCH + b"\x01\x00\x00\x01\x00", MUCH + b"\x00", b"\x00" + MUCH, b"\x00\x01\x01" + MUCH + b"\x00\x01",
        b"\x01\x01\x01\x00\x0b\x01\x01a\x01\x00", b"\x01\x01\x01\x00\x02\x01\x01a" + MUCH + b"\x011\x00", b"", b"\xff" * 30,
    ],
    ids=["objects", "arrays", "text", "deep arrays", "deep objects", "tag", "number", "blocks", "clients", "clients of deletions",
         "deletions", "kind", "JSON", "nothing", "endless number"],
)  # fmt: skip
def test_what_announces_more_than_it_has_is_not_read(update: bytes) -> None:
    assert not readable(update)
    document = Document()
    assert document.apply([update]) == (b"", [0])


def test_values_may_be_as_deep_as_is_allowed() -> None:
    update = value(b"u\x01" * DEEPEST + b"~")
    assert readable(update)
    changed, wrong = Document().apply([update])
    assert changed and not wrong
