"""Protections of the storage, of numbering and of identity, each switched off."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from madang.adapters.sql import appending, journal, sqlite_file
from madang.adapters.sql.journal import Journal
from madang.adapters.sql.rows import Head, number
from madang.adapters.sql.sqlite_writer import Writer
from madang.core.events import Appended
from madang.core.ids import EPOCH_MS, IdSource
from madang.delivery.joining import Joined, Joiner, Start
from madang.errors import StorageFull
from madang.services import tokens

LAZY: Final = 40  # batches that one late commit is for


def no_sync() -> None:
    """Commits are not synced: they stand in the kernel's memory."""
    sqlite_file.WRITER_PRAGMAS = tuple(p.replace("FULL", "NORMAL") for p in sqlite_file.WRITER_PRAGMAS)  # type: ignore[misc, assignment]


def early_ack() -> None:
    """Acks are given before the commit that they speak of."""
    write, between, waiting = Writer.write, Writer.between_calls, [0]

    def commit(self: Writer) -> None:
        assert self._raw is not None
        if self._raw.in_transaction:
            self._raw.execute("COMMIT")
        waiting[0] = 0

    def append(self: Writer, drafts: Sequence[Any], ids: IdSource, now_ms: int) -> Any:
        assert self._raw is not None
        if not self._raw.in_transaction:
            self._raw.execute("BEGIN IMMEDIATE")
        outcomes = self.journal.append_plain(drafts, ids, now_ms)
        waiting[0] += 1
        if outcomes is None:
            commit(self)
            return self.write(lambda c: appending.append(c, drafts, ids, now_ms, self.journal))
        if waiting[0] >= LAZY:
            commit(self)
        return outcomes

    def late(self: Writer, work: Any) -> Any:
        commit(self)
        return write(self, work)

    def at_rest(self: Writer, resting: bool) -> float | None:
        if resting:
            commit(self)
        return between(self, resting) if not waiting[0] else 1.0

    Writer.append, Writer.write, Writer.between_calls = append, late, at_rest  # type: ignore[assignment]


def no_dedupe() -> None:
    """A cid is not known again."""

    def nameless(d: Any, *more: Any) -> Any:
        event, row, head = number(d, *more)
        return event, (*row[:6], None, *row[7:]), head

    journal.number = appending.number = nameless  # type: ignore[attr-defined, assignment]


def counted_seq() -> None:
    """Seqs come from a counter of its own, which is durable before the message is.

    In the fault's own room alone: a hole in the others lets their readers wait forever, and the run with them.
    """
    recover, plain = Journal.recover, Journal.append_plain

    def recovered(self: Journal, c: Any) -> None:
        recover(self, c)
        self._raw.execute("CREATE TABLE IF NOT EXISTS counter (room PRIMARY KEY, seq, id)")
        for room, seq, id in self._raw.execute("SELECT * FROM counter"):
            self.heads[room] = max(self.heads.get(room, Head()), Head(seq, id, self.heads.get(room, Head()).messages))

    def appended(self: Journal, drafts: Sequence[Any], *more: Any) -> Any:
        for room in {d.room for d in drafts if d.room in self.heads and d.room.startswith("probe-")}:
            head, step = self.heads[room], sum(d.room == room for d in drafts)
            self._raw.execute("REPLACE INTO counter VALUES (?, ?, ?)", (room, head.seq + step, head.id))
        return plain(self, drafts, *more)

    Journal.recover, Journal.append_plain = recovered, appended  # type: ignore[method-assign, assignment]


def goes_on() -> None:
    """A failed fsync is tried again and believed."""
    sqlite_file.is_fatal = lambda error: False


def acks_on_full() -> None:
    """A full disk is nobody's business."""
    append = Writer.append

    def lying(self: Writer, drafts: Sequence[Any], ids: IdSource, now_ms: int) -> Any:
        try:
            return append(self, drafts, ids, now_ms)
        except StorageFull:
            heads = self.journal.heads
            return [Appended(number(d, heads.get(d.room, Head()), 0, ids, now_ms)[0]) for d in drafts]

    Writer.append = lying  # type: ignore[method-assign]


def clock_ids() -> None:
    """Ids are the clock's milliseconds, whatever was given before."""

    def next(self: Any, now_ms: int, above: int = 0) -> int:
        self._sequence = (self._sequence + 1) % 4096
        return (now_ms - EPOCH_MS) << 22 | self._node | self._sequence

    IdSource.next = next  # type: ignore[method-assign]


def young_tokens() -> None:
    """A token from a time that is still to come is refused."""
    tokens.CHECKS = {**tokens.CHECKS, "verify_iat": True}  # type: ignore[misc]


def no_fill() -> None:
    """Who resumes is told where the room is, and not what it missed."""
    join = Joiner.join

    async def forgetful(self: Any, subscriber: Any, actor: Any, room: str, start: Start, **named: Any) -> Joined:
        joined = await join(self, subscriber, actor, room, start, **named)
        return joined if start.since is None or joined.reset else msgspec.structs.replace(joined, events=[])

    Joiner.join = forgetful  # type: ignore[method-assign]


PROTECTIONS: Final[dict[str, Callable[[], None]]] = {
    f.__name__.replace("_", "-"): f
    for f in (
        no_sync, early_ack, no_dedupe, counted_seq, goes_on, acks_on_full, clock_ids, young_tokens, no_fill,
    )
}  # fmt: skip
