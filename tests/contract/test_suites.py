"""The contract suites themselves: each of these adapters breaks one promise, and its suite must say which."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import msgspec
import pytest

from madang.adapters.bus.memory.bus import MemoryBroker, MemoryBus
from madang.adapters.bus.memory.presence import MemoryPresence
from madang.core.events import Appended, Draft, Event, MemberKicked, MemberMuted, MemberUnmuted, MessageSent, draft
from madang.ports.bus import Bus, Receiver, Signal
from madang.ports.changes import Changes, Known
from madang.ports.leases import Lease
from madang.ports.log import Outcome, Page, Tail
from madang.testing import (
    check_accounts,
    check_bus,
    check_changes,
    check_directory,
    check_leases,
    check_log,
    check_presence,
    check_profiles,
    check_tickets,
)
from tests.contract.conftest import opened

change = msgspec.structs.replace


class Broken:
    """A store that keeps all promises but those that a subclass breaks."""

    def __init__(self, store: Any) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


class ForgetsCids(Broken):
    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        return list(await self.store.append([change(d, cid=None) for d in drafts]))


class ForgetsOrigins(Broken):
    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        return list(await self.store.append([change(d, origin="") for d in drafts]))


class TakesBansForKicks(Broken):
    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        bans = [isinstance(d.content, MemberKicked) and d.content.banned for d in drafts]
        kicks = [
            change(d, content=change(d.content, banned=False)) if ban else d
            for d, ban in zip(drafts, bans, strict=True)
        ]
        return list(await self.store.append(kicks))


class ForgetsMutes(Broken):
    """Says of everybody that their mute was lifted."""

    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        outcomes: list[Outcome] = await self.store.append(drafts)
        muted = [d.content.member for d in drafts if isinstance(d.content, MemberMuted)]
        for user in muted:
            lifting = drafts[0].room, drafts[0].user, drafts[0].name
            await self.store.append([draft(MemberUnmuted(member=user), *lifting, server=True)])
        return outcomes


class NotesAtOnce(Broken):
    """Notes a deed before it is known whether it is done."""

    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        for d in drafts:
            if isinstance(d.content, MemberKicked):
                other = change(d.content, member="nobody", banned=True)
                await self.store.append([draft(other, d.room, d.user, d.name, server=True)])
        return list(await self.store.append(drafts))


class OverlooksConflicts(Broken):
    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        outcomes: list[Outcome] = await self.store.append(drafts)
        first = next((o for o in outcomes if isinstance(o, Appended)), None)
        return [first if getattr(o, "code", "") == "conflict" else o for o in outcomes]


class AnswersOutOfOrder(Broken):
    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        return list(await self.store.append(drafts))[::-1]


class SkipsEvents(Broken):
    async def read(self, room: str, after: int, limit: int) -> list[Event]:
        return [event for event in await self.store.read(room, after, limit) if event.seq != 7]


class DoublesEvents(Broken):
    async def read(self, room: str, after: int, limit: int) -> list[Event]:
        return list(await self.store.read(room, max(0, after - 1), limit))


class SwapsEvents(Broken):
    async def read(self, room: str, after: int, limit: int) -> list[Event]:
        return sorted(await self.store.read(room, after, limit), key=lambda event: event.body)


class ShowsOldTails(Broken):
    async def tail(self, room: str, limit: int) -> Tail | None:
        tail: Tail | None = await self.store.tail(room, limit)
        return change(tail, events=tail.events[:-1]) if tail and tail.seq > 3 else tail


class ChangesEpochs(Broken):
    epochs = 0

    async def tail(self, room: str, limit: int) -> Tail | None:
        tail: Tail | None = await self.store.tail(room, limit)
        ChangesEpochs.epochs += 1
        return change(tail, epoch=f"{ChangesEpochs.epochs}") if tail else tail


class RemembersErased(Broken):
    said: ClassVar[dict[tuple[str, int], bytes]] = {}

    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        outcomes: list[Outcome] = await self.store.append(drafts)
        for o in outcomes:
            if isinstance(o, Appended) and not o.duplicate:
                self.said[o.event.room, o.event.seq] = o.event.body
        return outcomes

    async def read(self, room: str, after: int, limit: int) -> list[Event]:
        events = await self.store.read(room, after, limit)
        return [change(event, body=self.said.get((room, event.seq), event.body)) for event in events]


class PagesTooMuch(Broken):
    async def messages(self, room: str, user: str, **where: Any) -> Page:
        page: Page = await self.store.messages(room, user, **where)
        return change(page, more=False)


class ShowsFirstTexts(Broken):
    async def messages(self, room: str, user: str, **where: Any) -> Page:
        page: Page = await self.store.messages(room, user, **where)
        bodies = {event.seq: event.content() for event in await self.store.read(room, 0, 1000)}
        sent = {seq: body.text or "" for seq, body in bodies.items() if isinstance(body, MessageSent)}
        return change(page, messages=[change(m, text=sent[m.seq]) for m in page.messages])


class PinsUnordered(Broken):
    async def pins(self, room: str, user: str) -> Page:
        page: Page = await self.store.pins(room, user)
        return change(page, messages=page.messages[::-1])


class ReadsItsHeadFirst(Broken):
    async def messages(self, room: str, user: str, **where: Any) -> Page:
        head = (await self.store.heads([room])).get(room, 0)
        return change(await self.store.messages(room, user, **where), seq=head)


class ReadsAroundInTurn(Broken):
    async def around(self, room: str, user: str, seq: int, **much: Any) -> tuple[Page, Page]:
        older = (await self.store.around(room, user, seq, **much))[0]
        return older, change((await self.store.around(room, user, seq, **much))[1], seq=older.seq)


class UsesTicketsTwice(Broken):
    async def use_tickets(self, tickets: Sequence[tuple[str, int]]) -> set[str]:
        await self.store.use_tickets(tickets)
        return {id for id, _ in tickets}


class KeepsWhatWasErased(Broken):
    async def delete_user(self, user: str, now_ms: int) -> bool:
        return bool(await self.store.delete_user(f"{user}-", now_ms) or True)


class TellsNoErasure(Broken):
    async def changes(self, known: Known) -> Changes:
        found: Changes = await self.store.changes(known)
        return found._replace(erasing=False)


class TellsOldChanges(Broken):
    async def changes(self, known: Known) -> Changes:
        found: Changes = await self.store.changes(known._replace(named=(0, "")))
        return found


class ForgetsNames(Broken):
    async def named_after(self, after: tuple[int, str], limit: int) -> Any:
        return (await self.store.named_after(after, limit))[1:]


class LetsPointersFall(Broken):
    async def set_read(self, pointers: Sequence[tuple[str, str, int]]) -> None:
        pass


class PagesMembersByInsertion(Broken):
    async def members(self, room: str, **where: Any) -> Any:
        return sorted(await self.store.members(room, **where), key=lambda member: member.user.lower())


class GivesOneNumber(Broken):
    async def acquire(self, *args: Any) -> Lease:
        lease: Lease = await self.store.acquire(*args)
        return change(lease, node=5)


class ForgetsFloors(Broken):
    async def acquire(self, *args: Any) -> Lease:
        lease: Lease = await self.store.acquire(*args)
        return change(lease, floor_ms=0)


class RenewsTheLost(Broken):
    async def renew(self, lease: Lease, now_ms: int, ttl_ms: int, used_ms: int) -> Lease:
        return await self.store.renew(lease, now_ms, ttl_ms, used_ms) or lease


class PromisesMoreThanItKeeps(Broken):
    async def renew(self, lease: Lease, now_ms: int, ttl_ms: int, used_ms: int) -> Lease | None:
        renewed: Lease | None = await self.store.renew(lease, now_ms, ttl_ms, used_ms)
        return change(renewed, until_ms=renewed.until_ms + 1) if renewed else None


class NamesTheDead(Broken):
    async def holders(self) -> list[str]:
        return [*await self.store.holders(), "ara"]


class LetsAWrongClockTake(Broken):
    async def acquire(self, holder: str, now_ms: int, ttl_ms: int, common: str = "") -> Lease:
        lease: Lease = await self.store.acquire(holder, now_ms, ttl_ms, common)
        return change(lease, node=lease.node - 1) if holder == "ahead" else lease


class HearsNoDisagreement(Broken):
    async def acquire(self, holder: str, now_ms: int, ttl_ms: int, common: str = "") -> Lease:
        lease: Lease = await self.store.acquire(holder, now_ms, ttl_ms)
        return lease


class TellsOfNoEnd(Broken):
    async def sessions_ended(self, after: Any, limit: int) -> list[Any]:
        return []


class LetsOldPasswordsIn(Broken):
    async def begin_session(self, session: str, user: str, hash: str) -> Any:
        account = await self.store.account_of(user)
        return await self.store.begin_session(session, user, account.hash if account and hash else hash)


class LeavesSessionsOpen(Broken):
    async def set_password(self, user: str, before: str, hash: str, keep: str) -> Any:
        if await self.store.set_password(user, before, hash, keep) is None:
            return None
        return []


class TakesCodesTwice(Broken):
    used: ClassVar[dict[str, str]] = {}

    async def use_code(self, login: str, code: str, hash: str, session: str) -> Any:
        ended = await self.store.use_code(login, code, hash, session)
        if ended is not None:
            self.used[login] = code
        return [] if ended is None and code and self.used.get(login) == code else ended


class EndsSessionsOfOthers(Broken):
    async def end_sessions(self, user: str, session: str | None = None) -> Any:
        for account in await self.store.accounts(limit=200) if session else []:
            if ended := await self.store.end_sessions(account.user, session):
                return ended
        return await self.store.end_sessions(user, session)


class KeepsAccountsOfTheDeleted(Broken):
    async def account(self, login: str) -> Any:
        return await self.store.account(login) or self.kept.get(login)

    kept: ClassVar[dict[str, Any]] = {}

    async def add_account(self, account: Any) -> bool:
        added = bool(await self.store.add_account(account))
        if added:
            self.kept[account.login] = account
        return added


@pytest.mark.parametrize(
    ("check", "broken", "rule"),
    [
        (check_accounts, TellsOfNoEnd, "ends all sessions but one"),
        (check_accounts, LetsOldPasswordsIn, "begins by the hash"),
        (check_accounts, LeavesSessionsOpen, "ends all sessions but one"),
        (check_accounts, TakesCodesTwice, "a code sets the password once"),
        (check_accounts, EndsSessionsOfOthers, "ended by its own user"),
        (check_accounts, KeepsAccountsOfTheDeleted, "deletion of a user"),
        (check_changes, TellsNoErasure, "not done"),
        (check_changes, TellsOldChanges, "above what is known"),
        (check_log, ForgetsCids, "repeat|1,000"),
        (check_log, ForgetsOrigins, "where a banned guest came"),
        (check_log, ForgetsMutes, "muted"),
        (check_log, NotesAtOnce, "audit|noted|ends the subject"),
        (check_log, TakesBansForKicks, "banned is not let in"),
        (check_log, OverlooksConflicts, "conflict"),
        (check_log, AnswersOutOfOrder, "order of the drafts"),
        (check_log, SkipsEvents, "Seq is 1, 2, 3"),
        (check_log, DoublesEvents, "Seq is 1, 2, 3"),
        (check_log, SwapsEvents, "Seq is 1, 2, 3"),
        (check_log, ShowsOldTails, "newest events up to seq"),
        (check_log, ChangesEpochs, "newest events up to seq"),
        (check_log, RemembersErased, "deletion"),
        (check_log, PagesTooMuch, "`more` in the asked direction"),
        (check_log, ShowsFirstTexts, "newest counts"),
        (check_log, PinsUnordered, "in order of their seq"),
        (check_log, ReadsItsHeadFirst, "while others append"),
        (check_log, ReadsAroundInTurn, "while others append"),
        (check_directory, LetsPointersFall, "set_read"),
        (check_directory, PagesMembersByInsertion, "by its bytes"),
        (check_tickets, UsesTicketsTwice, "others do not"),
        (check_profiles, KeepsWhatWasErased, "erases it"),
        (check_profiles, ForgetsNames, "each user once"),
        (check_leases, GivesOneNumber, "different numbers"),
        (check_leases, NamesTheDead, "is named"),
        (check_leases, ForgetsFloors, "floor"),
        (check_leases, LetsAWrongClockTake, "clock is an hour ahead"),
        (check_leases, HearsNoDisagreement, "states other settings"),
        (check_leases, RenewsTheLost, "newest id|learns it"),
        (check_leases, PromisesMoreThanItKeeps, "heir starts above"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
async def test_a_broken_store_is_caught(check: Any, broken: type[Broken], rule: str, sqlite_tables_url: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Any]:
        async with opened(sqlite_tables_url) as store:
            yield broken(store)

    with pytest.raises(AssertionError) as caught:
        await check(make)
    notes = " ".join(caught.value.__notes__)
    assert re.search(rule, notes, re.IGNORECASE), f"caught by another rule: {notes}"


class AlteringBus(MemoryBus):
    def publish(self, events: Sequence[Event]) -> None:
        super().publish([change(event, body=event.body.replace(b" ", b"")) for event in events])


class SmallBus(MemoryBus):
    def publish(self, events: Sequence[Event]) -> None:
        super().publish([event for event in events if len(event.body) < 8000])


class GossipingBus(MemoryBus):
    async def subscribe(self, room: str) -> None:
        self._rooms = _Everything()  # type: ignore[assignment]


class _Everything:
    def __contains__(self, room: str) -> bool:
        return True

    def discard(self, room: str) -> None:
        pass


class UnstoppableBus(MemoryBus):
    async def stop(self) -> None:
        pass


class SilentBus(MemoryBus):
    def signal(self, signal: Any) -> None:
        pass


class SelfishBus(MemoryBus):
    def signal(self, signal: Signal) -> None:
        assert self._broker is not None
        self._broker.buses.remove(self)
        super().signal(signal)
        self._broker.buses.append(self)


class UncountingBus(MemoryBus):
    def publish(self, events: Sequence[Event]) -> None:
        super().publish(events)
        self.statistics.published = 0


class DeadBus(MemoryBus):
    async def probe(self) -> bool:
        return False

    async def start(self, receiver: Receiver) -> None:
        await super().start(receiver)


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (AlteringBus, "unaltered|as it was"),
        (SmallBus, "too large"),
        (GossipingBus, "nobody else"),
        (UnstoppableBus, "stop has returned"),
        (SilentBus, "signal"),
        (SelfishBus, "its sender, too"),
        (UncountingBus, "counts what went out"),
        (DeadBus, "probe"),
    ],
)
async def test_a_broken_bus_is_caught(broken: type[MemoryBus], rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[Sequence[Bus]]:
        broker = MemoryBroker()
        yield [broken(broker) for _ in range(2)]

    monkeypatch.setattr("madang.testing.bus.PATIENCE_S", 0.2)
    with pytest.raises(AssertionError) as caught:
        await check_bus(make)
    assert re.search(rule, " ".join(caught.value.__notes__))


class EndlessPresence(MemoryPresence):
    def __init__(self, ttl_s: float) -> None:
        super().__init__(ttl_s=1e9)


class EdgyPresence(MemoryPresence):
    def _forget(self, key: tuple[str, str, str]) -> bool:
        return True


class StalePresence(MemoryPresence):
    def _touch(self, key: tuple[str, str, str], now: float) -> None:
        self._seen.setdefault(key, now)


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (EndlessPresence, "swept out"),
        (EdgyPresence, "edges"),
        (StalePresence, "swept out"),
    ],
)
async def test_a_broken_presence_is_caught(broken: type[MemoryPresence], rule: str) -> None:
    @asynccontextmanager
    async def make() -> AsyncIterator[MemoryPresence]:
        yield broken(ttl_s=60)

    with pytest.raises(AssertionError) as caught:
        await check_presence(make, ttl_s=60)
    assert re.search(rule, " ".join(caught.value.__notes__))
