"""The store: every port that a database is behind, over one that an `Engine` of this package runs.

One class for eight ports, because they share one engine, and memberships and rooms are changed by appends. All SQL is in
the modules called here, as plain functions over one connection; threads, pools, locks and errors are in the engine. So
this file only maps names to names.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection

from madang.adapters.sql import (
    accounts,
    audit,
    dialects,
    directory,
    leases,
    messages,
    profiles,
    reading,
    reports,
    sanctions,
    signing,
    tables,
    unread,
    upkeep,
    used_tickets,
    user_messages,
    words,
)
from madang.adapters.sql import people as people_rows
from madang.adapters.sql.numbering import number_stretch
from madang.adapters.sql.rows import EventRow, Head
from madang.aio import Batcher
from madang.core.accounts import Account, AccountSession
from madang.core.audit import Entry
from madang.core.events import Draft, Event
from madang.core.ids import IdSource
from madang.core.invites import Invite
from madang.core.messages import Message
from madang.core.people import Person
from madang.core.profiles import NO_PROFILE, Profile
from madang.core.reports import Report, Reported
from madang.core.rooms import Member, Membership, Room
from madang.core.sanctions import Ban, Mute
from madang.core.signing import SigningKey, SigningKeys
from madang.core.words import Words
from madang.errors import LeaseExceeded, Refused, StorageError
from madang.ports.accounts import Ended
from madang.ports.directory import NOTHING, ServerKey
from madang.ports.leases import Lease
from madang.ports.log import Outcome, Page, Tail, UserMessages
from madang.ports.profiles import Named, Said
from madang.ports.signing import LEAD_MS
from madang.ports.upkeep import StoredRoom, StoredUser

T = TypeVar("T")

LOOKED_UP: Final = 200  # memberships in one read
PAUSE_S: Final = 0.02  # between two stretches of old messages, so that appends get most of the time
RETRY_S: Final = 10.0
log = logging.getLogger("madang.sql")


class Unstorable(Exception):
    """The database cannot store a value of this batch at all; nothing was stored."""


class Engine(Protocol):
    """Runs work over a connection, in one transaction each. Raises StorageFull, StorageFailed or Unstorable."""

    lanes: int

    async def append(self, drafts: Sequence[Draft], ids: IdSource) -> list[Outcome]:
        """Run `appending.append`."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work that writes, and commit. When this returns, it is on disk. `work` may run again after a deadlock."""

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work that only reads; it sees every commit acked before, all as of one moment."""

    def reading_s(self) -> float:
        """Return the seconds of the processor that reads have taken in threads of their own so far."""

    async def fold_all(self) -> None:
        """Move every event into the table that is not there yet. No append may run meanwhile."""

    def recent(self, room: str) -> Sequence[EventRow]:
        """Return events of a room that may not be in the table yet. Call it before reading the table, in any thread."""

    def waiting(self) -> Mapping[str, Sequence[EventRow]]:
        """Return what `recent` returns, of all rooms; call it as `recent`."""

    def heads(self) -> Mapping[str, Head]:
        """Return heads of rooms that may be above those in the table; call it as `recent`."""

    async def forget(self, rooms: Sequence[str]) -> None:
        """Forget what is kept in memory of rooms that are no longer in the database."""

    async def close(self) -> None:
        """Finish pending calls, and close."""


class Store:
    """Log, Directory, Upkeep, AccountStore, ProfileStore, SigningStore, TicketStore and Leases in one database.

    Made by `open_store`; appends from `use_ids` on.
    """

    ack = "stored"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ids: IdSource | None = None
        self._prolong: Callable[[], Awaitable[None]] | None = None
        # Every join looks up its membership. One by one they were 40 % of the cost of a mass reconnect.
        self._members = Batcher(self._find_members, LOOKED_UP)
        self._joined = Batcher(self._count_joined, LOOKED_UP)
        self._profiles = Batcher(self._find_profiles, LOOKED_UP)

    def use_ids(self, ids: IdSource, prolong: Callable[[], Awaitable[None]] | None = None) -> None:
        """Number events from this source, of a lease that the node holds. The store becomes its only user.

        Args:
            prolong: renews the lease, for ids that it does not cover; raises StorageError on failure.
        """
        self._ids, self._prolong = ids, prolong

    async def close(self) -> None:
        """Finish pending calls, and close the database."""
        await self._engine.close()

    async def number(self) -> None:
        """Number what versions before 0004 stored (`numbering.py`): a stretch at a time, with pauses, until all is done."""
        while True:
            try:
                if not await self._engine.write(number_stretch):
                    return
            except StorageError as error:
                log.warning("old messages are not numbered yet: %s", error)
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(PAUSE_S)

    def reading_s(self) -> float:
        """Return the seconds of the processor that reads have taken in threads so far."""
        return self._engine.reading_s()

    # Log

    @property
    def lanes(self) -> int:
        return self._engine.lanes

    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        if self._ids is None:
            raise RuntimeError("call use_ids() with the source of a leased node number before the first append")
        try:
            return await self._append(drafts, self._ids)
        except Unstorable:
            if len(drafts) == 1:
                return [Refused("bad_field")]
            return [(await self.append([d]))[0] for d in drafts]  # so that the others are stored

    async def _append(self, drafts: Sequence[Draft], ids: IdSource) -> list[Outcome]:
        try:
            return await self._engine.append(drafts, ids)
        except LeaseExceeded:  # nothing was stored
            if self._prolong is None:
                raise
            await self._prolong()
            return await self._engine.append(drafts, ids)

    async def tail(self, room: str, limit: int) -> Tail | None:
        return await self._engine.read(lambda c: reading.tail(c, room, limit, self._engine.recent(room)))

    async def read(self, room: str, after: int, limit: int) -> list[Event]:
        return await self._engine.read(lambda c: reading.read(c, room, after, limit, self._engine.recent(room)))

    async def heads(self, rooms: Sequence[str]) -> dict[str, int]:
        return await self._engine.read(lambda c: reading.heads(c, rooms, self._engine.heads()))

    async def messages(
        self, room: str, user: str, *, before: int | None = None, after: int | None = None, limit: int = 50, above: int = 0,
    ) -> Page:  # fmt: skip
        return await self._engine.read(
            lambda c: messages.page(c, room, user, before, after, limit, self._engine.recent(room), above)
        )

    async def seq_at(self, room: str, at_ms: int) -> int:
        return await self._engine.read(lambda c: reading.seq_at(c, room, at_ms, self._engine.recent(room)))

    async def own_reactions(self, room: str, user: str, first: int, last: int) -> dict[int, set[str]]:
        return await self._engine.read(lambda c: messages.own_reactions(c, room, user, first, last))

    async def pins(self, room: str, user: str) -> list[Message]:
        return await self._engine.read(lambda c: messages.pinned(c, room, user))

    async def messages_of(self, user: str, *, after: tuple[str, int] = ("", 0), limit: int = 50) -> UserMessages:
        waiting = self._engine.waiting()
        return await self._engine.read(lambda c: user_messages.page(c, user, after, limit, waiting))

    # Directory

    async def room(self, room: str) -> Room | None:
        return await self._engine.read(lambda c: directory.room(c, room))

    async def rooms(self, *, after: str = "", limit: int = 50, hidden: bool = False) -> list[Room]:
        return await self._engine.read(lambda c: directory.listed_rooms(c, after, limit, hidden))

    async def member(self, room: str, user: str) -> Member | None:
        return await self._members.get((room, user))

    async def _find_members(self, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Member]:
        return await self._engine.read(lambda c: directory.some_members(c, wanted))

    async def members(self, room: str, *, after: str = "", limit: int = 50) -> list[Member]:
        return await self._engine.read(lambda c: directory.members_of(c, room, after, limit))

    async def memberships(
        self, user: str, *, after: str = "", limit: int = 50, read: Mapping[str, int] = NOTHING
    ) -> list[Membership]:
        return await self._engine.read(
            lambda c: unread.memberships(c, user, after, limit, read, self._engine.waiting())
        )

    async def joined_by(self, user: str) -> int:
        return await self._joined.get(user) or 0

    async def _count_joined(self, users: Sequence[str]) -> dict[str, int]:
        return await self._engine.read(lambda c: directory.memberships_of(c, users))

    async def owned_by(self, user: str) -> int:
        return await self._engine.read(lambda c: directory.owned_by(c, user))

    async def set_read(self, pointers: Sequence[tuple[str, str, int]]) -> None:
        await self._engine.write(lambda c: directory.set_read(c, pointers, self._engine.heads()))

    async def add_invite(self, invite: Invite, now_ms: int, name: str, *, server: bool = False) -> None:
        heads = self._engine.heads
        await self._engine.write(lambda c: directory.add_invite(c, invite, now_ms, name, server, heads()))

    async def invite(self, room: str, id: str) -> Invite | None:
        return await self._engine.read(lambda c: directory.one_invite(c, room, id))

    async def invites(self, room: str, now_ms: int) -> list[Invite]:
        return await self._engine.read(lambda c: directory.invites_of(c, room, now_ms))

    async def drop_invite(self, room: str, id: str, now_ms: int, by: str, name: str) -> bool:
        return await self._engine.write(lambda c: directory.drop_invite(c, room, id, now_ms, by, name))

    async def bans(self, room: str, *, after: str = "", limit: int = 50) -> list[Ban]:
        return await self._engine.read(lambda c: sanctions.in_force(c, tables.bans, Ban, room, after, limit))

    async def mutes(self, room: str, *, after: str = "", limit: int = 50) -> list[Mute]:
        return await self._engine.read(lambda c: sanctions.in_force(c, tables.mutes, Mute, room, after, limit))

    async def audit(self, room: str, *, before: int | None = None, limit: int = 50) -> list[Entry]:
        return await self._engine.read(lambda c: audit.entries(c, room, before, limit))

    async def add_report(self, room: str, seq: int, report: Report, *, server: bool = False) -> int | None:
        recent = self._engine.recent
        return await self._engine.write(lambda c: reports.add(c, room, seq, report, server, recent(room)))

    async def reports(self, room: str, *, after: int = 0, limit: int = 50) -> list[Reported]:
        return await self._engine.read(lambda c: reports.queue(c, room, after, limit))

    async def resolve_reports(self, room: str, seq: int, now_ms: int, by: str, name: str) -> int | None:
        return await self._engine.write(lambda c: reports.resolve(c, room, seq, now_ms, by, name))

    async def reported(self, room: str) -> int:
        return await self._engine.read(lambda c: reports.waiting(c, room))

    async def set_words(self, room: str, new: Words, now_ms: int, by: str, name: str, *, server: bool = False) -> int:
        return await self._engine.write(lambda c: words.put(c, room, new, now_ms, by, name, server))

    async def words(self, room: str) -> tuple[int, Words]:
        return await self._engine.read(lambda c: words.one(c, room))

    async def word_lists(self) -> dict[str, int]:
        return await self._engine.read(words.versions)

    # Upkeep

    async def rooms_after(self, after: str, limit: int) -> list[StoredRoom]:
        return await self._engine.read(lambda c: upkeep.rooms_after(c, after, limit, self._engine.heads()))

    async def erase(self, room: str, limit: int) -> int:
        return await self._engine.write(lambda c: upkeep.erase(c, room, limit))

    async def forget_audit(self, before_ms: int, limit: int) -> int:
        return await self._engine.write(lambda c: audit.forget(c, before_ms, limit))

    async def forget_reports(self, before_ms: int, limit: int) -> int:
        return await self._engine.write(lambda c: reports.forget(c, before_ms, limit))

    async def due(self, room: str, before_ms: int) -> int:
        return await self._engine.read(lambda c: upkeep.due(c, room, before_ms))

    async def forget_rooms(self, rooms: Sequence[str]) -> int:
        gone = await self._engine.write(lambda c: upkeep.forget_rooms(c, rooms))
        if gone:
            await self._engine.forget(gone)
        return len(gone)

    async def note_seen(self, users: Sequence[str], now_ms: int) -> None:
        await self._engine.write(lambda c: upkeep.note_seen(c, users, now_ms))

    async def members_after(self, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
        return await self._engine.read(lambda c: upkeep.members_after(c, after, limit))

    async def note_known(self, users: Sequence[str], now_ms: int) -> None:
        await self._engine.write(lambda c: upkeep.note_known(c, users, now_ms))

    async def users_after(self, after: str, limit: int) -> list[StoredUser]:
        return await self._engine.read(lambda c: upkeep.users_after(c, after, limit))

    async def joined_among(self, users: Sequence[str]) -> set[str]:
        return await self._engine.read(lambda c: upkeep.joined_among(c, users))

    async def delete_user(self, user: str, now_ms: int) -> bool:
        return await self._engine.write(lambda c: upkeep.delete_user(c, user, now_ms))

    async def users_deleted(self, since_ms: int) -> list[StoredUser]:
        return await self._engine.read(lambda c: upkeep.users_deleted(c, since_ms))

    async def forget_users(self, users: Sequence[str]) -> None:
        await self._engine.write(lambda c: upkeep.forget_users(c, users))

    # Accounts

    async def add_account(self, account: Account) -> bool:
        return await self._engine.write(lambda c: accounts.add(c, account))

    async def add_first_account(self, account: Account) -> bool:
        return await self._engine.write(lambda c: accounts.add_first(c, account))

    async def account(self, login: str) -> Account | None:
        return await self._engine.read(lambda c: accounts.one(c, login))

    async def account_of(self, user: str) -> Account | None:
        return await self._engine.read(lambda c: accounts.of_user(c, user))

    async def accounts(self, *, after: str = "", limit: int = 50) -> list[Account]:
        return await self._engine.read(lambda c: accounts.listed(c, after, limit))

    async def begin_session(self, session: str, user: str, hash: str) -> list[str] | None:
        return await self._engine.write(lambda c: accounts.begin_session(c, session, user, hash))

    async def set_password(self, user: str, before: str, hash: str, keep: str) -> list[str] | None:
        return await self._engine.write(lambda c: accounts.set_password(c, user, before, hash, keep))

    async def put_hash(self, user: str, before: str, hash: str) -> bool:
        return await self._engine.write(lambda c: accounts.put_hash(c, user, before, hash))

    async def set_code(self, login: str, code: str, for_ms: int) -> bool:
        return await self._engine.write(lambda c: accounts.set_code(c, login, code, for_ms))

    async def use_code(self, login: str, code: str, hash: str, session: str) -> list[str] | None:
        return await self._engine.write(lambda c: accounts.use_code(c, login, code, hash, session))

    async def sessions_of(self, user: str) -> list[AccountSession]:
        return await self._engine.read(lambda c: accounts.sessions_of(c, user))

    async def end_sessions(self, user: str, session: str | None = None) -> list[str]:
        return await self._engine.write(lambda c: accounts.end_sessions(c, user, session))

    async def sessions_ended(self, after: Ended, limit: int) -> list[Ended]:
        return await self._engine.read(lambda c: accounts.ended(c, after, limit))

    async def note_sessions(self, sessions: Sequence[str]) -> None:
        await self._engine.write(lambda c: accounts.note(c, sessions))

    async def forget_sessions(self, unseen_ms: int, ended_ms: int, limit: int) -> int:
        return await self._engine.write(lambda c: accounts.forget(c, unseen_ms, ended_ms, limit))

    # Profiles

    async def profile(self, user: str) -> Profile:
        return await self._profiles.get(user) or NO_PROFILE

    async def _find_profiles(self, users: Sequence[str]) -> dict[str, Profile]:
        return await self._engine.read(lambda c: profiles.some(c, users))

    async def set_profile(
        self, user: str, *, name: str | None = None, picture: str | None = None, locale: str | None = None
    ) -> Profile:
        return await self._engine.write(lambda c: profiles.change(c, user, name, picture, locale))

    async def named_after(self, after: tuple[int, str], limit: int) -> list[Named]:
        return await self._engine.read(lambda c: profiles.named_after(c, after, limit))

    async def keep_said(self, said: Sequence[Said]) -> set[str]:
        return await self._engine.write(lambda c: profiles.keep_said(c, said))

    async def joined(self, user: str, *, after: str = "", limit: int = 100) -> list[str]:
        return await self._engine.read(lambda c: profiles.joined(c, user, after, limit))

    # People

    async def put_people(self, people: Sequence[Person], now_ms: int) -> tuple[set[str], set[str]]:
        return await self._engine.write(lambda c: people_rows.put(c, people, now_ms))

    async def people(self, ids: Collection[str]) -> dict[str, str]:
        return await self._engine.read(lambda c: people_rows.names(c, ids))

    # Signing keys, tickets and server keys

    async def signing_keys(self) -> SigningKeys:
        found: SigningKeys | None = await self._engine.read(signing.stored)
        if found is None:
            found = await self._engine.write(signing.make)
        return found

    async def add_signing_key(self, lead_ms: int = LEAD_MS) -> SigningKey:
        return await self._engine.write(lambda c: signing.add(c, lead_ms))

    async def retire_signing_keys(self) -> int:
        return await self._engine.write(signing.retire)

    async def use_tickets(self, tickets: Sequence[tuple[str, int]]) -> set[str]:
        return await self._engine.write(lambda c: used_tickets.use(c, tickets))

    async def add_key(self, key: ServerKey) -> None:
        await self._engine.write(lambda c: directory.add_key(c, key))

    async def key(self, id: str) -> ServerKey | None:
        return await self._engine.read(lambda c: directory.one_key(c, id))

    async def keys(self) -> list[ServerKey]:
        return await self._engine.read(directory.keys)

    async def drop_key(self, id: str) -> bool:
        return await self._engine.write(lambda c: directory.drop_key(c, id))

    # What nodes share besides

    async def epoch(self) -> bytes:
        """Return random bytes of this installation, created now if there are none; others after each restore."""
        return await self._engine.write(directory.epoch)

    async def clock_ms(self) -> int:
        """Return the time by the database's clock, in Unix milliseconds."""
        return await self._engine.read(dialects.clock_ms)

    # Leases

    async def acquire(self, holder: str, now_ms: int, ttl_ms: int, common: str = "") -> Lease:
        return await self._engine.write(lambda c: leases.acquire(c, holder, now_ms, ttl_ms, common))

    async def renew(self, lease: Lease, now_ms: int, ttl_ms: int, used_ms: int) -> Lease | None:
        return await self._engine.write(lambda c: leases.renew(c, lease, now_ms, ttl_ms, used_ms))

    async def release(self, lease: Lease, used_ms: int) -> None:
        await self._engine.write(lambda c: leases.release(c, lease, used_ms))

    async def holders(self) -> list[str]:
        return await self._engine.read(leases.holders)
