"""What the bytes of papers mean: Yjs documents, by pycrdt. Everything here belongs to one thread, which needs a large stack.

The library reads nested values, and deletes nested types, by recursion, and a stack that overflows ends the process. So who calls
has a stack for the deepest paper there can be (`delivery.papers.thread`), and what a client sends is looked at before the library
reads it (`yjs_updates`).
"""

from collections.abc import Sequence
from typing import Any, Final

from madang.core.varints import number
from madang.core.yjs_updates import readable

EMPTY: Final = b"\x00\x00"
"""An update that changes nothing."""
NOTHING: Final = b"\x00"
"""The state vector of an empty document."""
_COUNT: Final = 5
"""Bytes that the number of clients has at most, with which a state vector begins."""


class Undecodable(Exception):
    """Not an update, or not a state vector, of a Yjs document."""


class Document:
    """One document. Its methods raise Undecodable for what a client may have sent."""

    def __init__(self) -> None:
        from pycrdt import Doc  # takes 60 ms, which a start without papers need not wait for

        self._doc: Doc[Any] = Doc()
        self._changes: list[bytes] = []
        self._observing = self._doc.observe(lambda event: self._changes.append(event.update))

    def apply(self, updates: Sequence[bytes]) -> tuple[bytes, list[int]]:
        """Apply updates as one; return what they have changed, empty for nothing, and which of them could not be decoded.

        What refers to something that is missing changes nothing until that comes.
        """
        wrong: list[int] = []
        self._changes.clear()
        with self._doc.transaction():
            for n, update in enumerate(updates):
                if update == EMPTY:
                    continue
                if not readable(update) or not self._applied(update):
                    wrong.append(n)
        return (self._changes[-1] if self._changes else b""), wrong

    def load(self, updates: Sequence[bytes]) -> None:
        """Apply updates that were stored, and so have been looked at (Undecodable)."""
        with self._doc.transaction():
            if not all(self._applied(update) for update in updates if update != EMPTY):
                raise Undecodable
        self._changes.clear()

    def _applied(self, update: bytes) -> bool:
        try:
            self._doc.apply_update(update)
        except ValueError:
            return False
        return True

    def lacking(self, state: bytes = NOTHING) -> bytes:
        """Return what a document with this state vector lacks."""
        if _overstated(state):
            raise Undecodable
        try:
            return self._doc.get_update(state)
        except ValueError as error:
            raise Undecodable from error

    def state(self) -> bytes:
        """Return the state vector."""
        return self._doc.get_state()


def _overstated(data: bytes) -> bool:
    """Return whether a state vector announces more clients than it has bytes for.

    The library makes room for them first: five bytes took 290 MB and 0.3 s.
    """
    try:
        count, end = number(data, 0)
    except (IndexError, ValueError):
        return True
    return end > _COUNT or count > len(data)


def loaded(snapshot: bytes, updates: Sequence[bytes]) -> Document:
    """Return the document that was stored so. Raise Undecodable where a part of it cannot be read."""
    document = Document()
    document.load([snapshot or EMPTY, *updates])
    return document


def condensed(snapshot: bytes, updates: Sequence[bytes]) -> bytes:
    """Return one update that stands for all of these, read again and compared (Undecodable).

    By a document, because to merge updates takes quadratic time: of 8,000 of them 377 ms, and five times the bytes.
    """
    document = loaded(snapshot, updates)
    whole = document.lacking()
    if loaded(whole, ()).lacking() != whole:
        raise Undecodable
    return whole
