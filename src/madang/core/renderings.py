"""What a paper says, for whoever has no Yjs: its roots as JSON, as plain text, and as HTML in which nothing of it is markup.

A rolling paper, as the page makes them, is read as its notes, each with its author. Of all other papers:
a root has no kind in its bytes: a client says it when it asks. So each is read as what it has: letters, keys, elements, or else
values. Some of these readings do not end in the library, and others overflow the stack; whoever calls is a process of its own that
may be killed (`delivery.papers.renderer`).
"""

import math
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final, NamedTuple

import msgspec

from madang.core.documents import Undecodable
from madang.core.papers import Rendering

MAX_DEPTH: Final = 64
MAX_RENDERING: Final = 6 << 20
"""Bytes of each of the three."""
_EXACT: Final = 1 << 53

AsText = Callable[[Any, int], Any]


def rendered(data: bytes) -> Rendering:
    """Return what the document says that an update stands for (Undecodable, where it is too deep or too long for it)."""
    from pycrdt import Doc

    document: Doc[Any] = Doc()
    document.apply_update(data)
    roots = roots_of(document)
    notes = _notes(roots)
    found = Rendering(
        json=msgspec.json.encode(roots).decode(),
        text="\n".join(line for root in roots.values() for line in _lines(root))
        if notes is None
        else _notes_text(notes),
        html="".join(f"<section>{_html(root)}</section>" for root in roots.values())
        if notes is None
        else _notes_html(notes),
    )
    if max(map(len, (found.json.encode(), found.text.encode(), found.html.encode()))) > MAX_RENDERING:
        raise Undecodable
    return found


def letters(text: Any, depth: int) -> Any:
    """Return what a text of the library says, without its formats and what is embedded."""
    return "".join(piece for piece, _ in text.diff() if isinstance(piece, str))


def roots_of(document: Any, text: AsText = letters) -> dict[str, Any]:
    """Return the roots of a document of the library as JSON has them (Undecodable, where they are too deep).

    Args:
        text: returns what a text is there, which is so deep in the document.
    """
    return {name: plain(_root(document, name), 0, text) for name in sorted(document.keys())}


def _root(document: Any, name: str) -> Any:
    from pycrdt import Array, Map, Text, XmlFragment

    text = document.get(name, type=Text)
    if str(text):
        return text
    keys = document.get(name, type=Map)
    if len(keys):
        return keys
    elements = document.get(name, type=XmlFragment)
    if any(True for _ in elements.children):
        return elements
    return document.get(name, type=Array) if len(text) else ""


def plain(value: Any, depth: int, text: AsText) -> Any:
    """Return a value as JSON has it: elements as objects, bytes in base64, documents within the document as null."""
    from pycrdt import Array, Map, Text, XmlElement, XmlFragment, XmlText

    if depth > MAX_DEPTH:
        raise Undecodable
    match value:
        case None | bool() | str():
            return value
        case float() if not math.isfinite(value):
            return None
        case float():
            return int(value) if value.is_integer() and abs(value) <= _EXACT else value
        case int():
            return value
        case bytes() | bytearray():
            return b64encode(value).decode()
        case Text() | XmlText():
            return text(value, depth)
        case XmlElement():
            named: Any = value.attributes  # its iterator is typed as an iterable
            attributes = {name: plain(each, depth + 1, text) for name, each in named}
            children = [plain(child, depth + 1, text) for child in value.children]
            return {"tag": value.tag, "attributes": attributes, "children": children}
        case XmlFragment():
            return [plain(child, depth + 1, text) for child in value.children]
        case Map() | dict():
            return {key: plain(value[key], depth + 1, text) for key in sorted(value.keys())}
        case Array() | list():
            return [plain(each, depth + 1, text) for each in value]
        case _:
            return None


class _Note(NamedTuple):
    at: float
    id: str
    name: str
    text: str


def _notes(roots: Mapping[str, Any]) -> list[_Note] | None:
    """Return the notes of a rolling paper, the oldest first, or None of what is none (docs/guides/papers.md says what is one)."""
    about, notes = roots.get("paper"), roots.get("notes") or {}
    if not isinstance(about, dict) or about.get("kind") != "notes" or not isinstance(notes, dict):
        return None
    found = []
    for id, note in notes.items():
        match note:
            case {"text": str(text), **rest}:
                at, name = rest.get("at"), rest.get("name")
                found.append(
                    _Note(at if isinstance(at, int | float) else 0, id, name if isinstance(name, str) else "", text)
                )
    return sorted(found)


def _notes_text(notes: Sequence[_Note]) -> str:
    return "\n\n".join(f"{note.text}\n— {note.name}" for note in notes)


def _notes_html(notes: Sequence[_Note]) -> str:
    return "".join(
        f"<section><blockquote>{_html(note.text)}</blockquote><p>— {escape(note.name)}</p></section>" for note in notes
    )


def _inner(value: Any) -> Any:
    """Return what an element holds in place of the element."""
    if isinstance(value, dict) and value.keys() == {"tag", "attributes", "children"}:
        return value["children"]
    return value


def _lines(value: Any) -> Iterator[str]:
    value = _inner(value)
    if isinstance(value, Mapping):
        for key, each in value.items():
            if isinstance(each, dict | list):
                yield f"{key}:"
                yield from _lines(each)
            else:
                yield f"{key}: {_word(each)}"
    elif isinstance(value, list):
        for each in value:
            yield from _lines(each)
    else:
        yield _word(value)


def _html(value: Any) -> str:
    value = _inner(value)
    if isinstance(value, Mapping):
        return (
            "<dl>" + "".join(f"<dt>{escape(key)}</dt><dd>{_html(each)}</dd>" for key, each in value.items()) + "</dl>"
        )
    if isinstance(value, list):
        return "".join(f"<div>{_html(each)}</div>" for each in value)
    return "".join(f"<p>{escape(line)}</p>" for line in _word(value).split("\n"))


def _word(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
