"""Mutants: changes of a few records of a good history, as a broken server or network would have caused.

Each finds a place where the change is certainly wrong, and returns False where there is none. It names the invariant
that must report it; others may as well.
"""

import random
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import msgspec

from madang_proof.history import Record
from madang_proof.history import records as r

MUTANTS: dict[str, tuple[Callable[["Copy", random.Random], bool], str]] = {}
R = TypeVar("R", bound=Record)


class Copy:
    """A history that may be changed."""

    def __init__(self, records: list[Record]) -> None:
        self.records = [msgspec.structs.replace(record) for record in records]
        for page in self.of(r.Page):
            page.messages = [msgspec.structs.replace(message) for message in page.messages]
        self.calls = {record.call: record for record in self.of(r.Invoke)}

    def of(self, kind: type[R], **fields: object) -> list[R]:
        """Return the records of a type that have these values, in order."""
        found = [record for record in self.records if isinstance(record, kind)]
        return [x for x in found if all(getattr(x, name) == value for name, value in fields.items())]

    def at(self, record: Record) -> int:
        """Return the index of this very record."""
        return next(i for i, other in enumerate(self.records) if other is record)

    def drop(self, record: Record) -> None:
        """Take a record out."""
        del self.records[self.at(record)]

    def put(self, record: Record, after: Record) -> None:
        """Put a record behind another, at the same time."""
        record.t = after.t
        self.records.insert(self.at(after) + 1, record)

    def of_room(self, conn: int, room: str) -> list[Record]:
        """Return what moves the position of a connection in a room, in order."""
        kinds = (r.Joined, r.Event, r.Skip, r.Reset)
        return [x for x in self.records if isinstance(x, kinds) and (x.conn, x.room) == (conn, room)]

    def pairs(self) -> list[tuple[r.Event, r.Event]]:
        """Return live events that follow one another on a connection."""
        found = []
        for follow in sorted({(event.conn, event.room) for event in self.of(r.Event)}):
            moves = self.of_room(*follow)
            for a, b in pairwise(moves):
                if isinstance(a, r.Event) and isinstance(b, r.Event) and a.via == b.via == "live":
                    found.append((a, b))
        return found

    def acked(self, op: str = "send") -> list[tuple[r.Invoke, r.Ok]]:
        """Return commands with their first acks."""
        return [
            (self.calls[ok.call], ok)
            for ok in self.of(r.Ok, duplicate=False)
            if ok.seq and self.calls[ok.call].op == op
        ]

    def final(self, room: str) -> list[r.Page]:
        """Return the final pages of a room, the newest messages first."""
        return self.of(r.Page, final=True, room=room)

    def everywhere(self, room: str, seq: int) -> list[r.Event | r.Message]:
        """Return all that shows one seq."""
        pages = [message for page in self.of(r.Page, room=room) for message in page.messages]
        return [*self.of(r.Event, room=room, seq=seq), *(message for message in pages if message.seq == seq)]


def mutant(caught_by: str) -> Callable[[Callable[[Copy, random.Random], bool]], Callable[[Copy, random.Random], bool]]:
    """Enter a mutant in the table."""

    def enter(spoil: Callable[[Copy, random.Random], bool]) -> Callable[[Copy, random.Random], bool]:
        MUTANTS[spoil.__name__] = (spoil, caught_by)
        return spoil

    return enter


def one(dice: random.Random, places: list[R]) -> R | None:
    """Choose a place."""
    return dice.choice(places) if places else None
