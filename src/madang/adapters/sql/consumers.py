"""Consumers and their positions: `ports.consumers` over one connection."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Insert, and_, bindparam, case, delete, func, or_, select, update
from sqlalchemy.dialects import mysql, postgresql, sqlite

from madang.adapters.sql.dialects import MYSQL, insert_new
from madang.adapters.sql.lookups import padded
from madang.adapters.sql.tables import consumer_positions, consumers, rooms, server_keys
from madang.core.consumers import MOST, Consumer
from madang.errors import Refused
from madang.ports.consumers import Reached
from madang.ports.followers import Position

_at: Final = consumer_positions.c
_REACHED: Final = (  # made once: a list in a statement is a reference ring
    select(rooms.c.id, rooms.c.epoch, _at.epoch, _at.seq)
    .select_from(
        rooms.outerjoin(
            consumer_positions,
            and_(_at.room == rooms.c.id, _at.key == bindparam("of_key"), _at.name == bindparam("called")),
        )
    )
    .where(rooms.c.id.in_(bindparam("ids", expanding=True)))
)


def add(c: Connection, consumer: Consumer) -> bool:
    """See `ConsumerStore.add_consumer`. The key is locked, so that two cannot both be the last that there may be."""
    c.execute(select(server_keys.c.id).where(server_keys.c.id == consumer.key).with_for_update())
    if consumer.name in {each.name for each in of_key(c, consumer.key)}:
        return False
    count = select(func.count()).select_from(consumers).where(consumers.c.key == consumer.key)
    if c.execute(count).scalar_one() >= MOST:
        raise Refused("too_many", f"A server key has at most {MOST} consumers.")
    return insert_new(c, consumers, msgspec.structs.asdict(consumer))


def one(c: Connection, key: str, name: str) -> Consumer | None:
    """See `ConsumerStore.consumer`."""
    found = c.execute(select(consumers).where(*_is(key, name))).one_or_none()
    return None if found is None else Consumer(*found)


def of_key(c: Connection, key: str) -> list[Consumer]:
    """See `ConsumerStore.consumers`."""
    found = c.execute(select(consumers).where(consumers.c.key == key).order_by(consumers.c.name))
    return [Consumer(*row) for row in found]


def next_reader(c: Connection, key: str, name: str) -> Consumer | None:
    """See `ConsumerStore.next_reader`."""
    raised = update(consumers).where(*_is(key, name), consumers.c.seen_ms > 0)
    c.execute(raised.values(reader=consumers.c.reader + 1))
    found = one(c, key, name)
    return found if found and found.seen_ms else None


def note(c: Connection, key: str, name: str, now_ms: int, making: bool) -> bool:
    """See `ConsumerStore.note_consumer`."""
    seen = consumers.c.seen_ms
    here = update(consumers).where(*_is(key, name), seen < now_ms, *(() if making else (seen > 0,)))
    c.execute(here.values(seen_ms=now_ms))
    return one(c, key, name) is not None


def unseen(c: Connection, before_ms: int, limit: int) -> list[Consumer]:
    """See `ConsumerStore.unseen_consumers`."""
    old = and_(consumers.c.seen_ms < before_ms, consumers.c.made_ms < before_ms)
    found = c.execute(select(consumers).where(old).order_by(consumers.c.seen_ms).limit(limit))
    return [Consumer(*row) for row in found]


def reached(c: Connection, key: str, name: str, some: Sequence[str]) -> dict[str, Reached]:
    """See `ConsumerStore.reached`."""
    found = c.execute(_REACHED, {"of_key": key, "called": name, "ids": padded(some)}) if some else ()
    return {room: Reached(epoch, None if seq is None else Position(said, seq)) for room, epoch, said, seq in found}


def reach(c: Connection, key: str, name: str, positions: Mapping[str, Position], making: bool) -> None:
    """See `ConsumerStore.reach`."""
    seen_ms = _locked(c, key, name)
    if seen_ms is None or (making and seen_ms):
        return
    rows = [
        {"key": key, "name": name, "room": room, "epoch": position.epoch, "seq": position.upto}
        for room, position in sorted(positions.items())
    ]
    if rows:
        c.execute(_rises(c.dialect.name), rows)


@cache
def _rises(dialect: str) -> Insert:
    """Return what puts a position, made once, unless a later one of its epoch is there."""
    if dialect in MYSQL:
        there = mysql.insert(consumer_positions)
        new = there.inserted
        seq = case((or_(_at.epoch != new.epoch, _at.seq < new.seq), new.seq), else_=_at.seq)
        return there.on_duplicate_key_update([("seq", seq), ("epoch", new.epoch)])  # in order: seq by the old epoch
    here = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(consumer_positions)
    behind = or_(_at.epoch != here.excluded.epoch, _at.seq < here.excluded.seq)
    return here.on_conflict_do_update(
        index_elements=consumer_positions.primary_key.columns,
        set_={"epoch": here.excluded.epoch, "seq": here.excluded.seq},
        where=behind,
    )


def drop(c: Connection, key: str, name: str, limit: int) -> bool:
    """See `ConsumerStore.drop_consumer`."""
    c.execute(update(consumers).where(*_is(key, name)).values(seen_ms=0))
    theirs = and_(_at.key == key, _at.name == name)
    some = c.execute(select(_at.room).where(theirs).order_by(_at.room).limit(limit)).scalars().all()
    if some:
        c.execute(delete(consumer_positions).where(theirs, _at.room.in_(some)))
    if len(some) == limit:
        return True
    c.execute(delete(consumers).where(*_is(key, name)))
    return False


def _locked(c: Connection, key: str, name: str) -> int | None:
    """Return when a consumer was seen, None if there is none. Who writes its positions or removes it goes one at a time."""
    return c.execute(select(consumers.c.seen_ms).where(*_is(key, name)).with_for_update()).scalar_one_or_none()


def _is(key: str, name: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return consumers.c.key == key, consumers.c.name == name


def forget_room(c: Connection, room: str) -> None:
    """Forget how far consumers were in a room that is not there any longer."""
    c.execute(delete(consumer_positions).where(_at.room == room))
