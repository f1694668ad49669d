"""What the store does again and again leaves no reference rings: they would wait for the cycle collector, which comes rarely.

SQLAlchemy's statements are such rings where they hold a list, an alias, or a number beside a column: so those are made once.
`rooms` alone left 230 objects each time, 60 KB, and a storm of them tens of megabytes.
"""

import asyncio
import gc
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from madang.adapters.sql import Store
from madang.core import events as kinds
from madang.core.events import Appended, Body, Draft, draft
from madang.core.invites import Invite
from madang.ports.changes import Known
from tests.contract.conftest import now_ms, opened

TIMES = 10
ROOM, ANN = "yard", "ann"
Do = Callable[["Stage"], Awaitable[object]]


class Stage:
    """A room of Ann's with members, and messages of hers."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.numbers = itertools.count()
        self.members: Iterator[str] = iter(())
        self.messages: Iterator[int] = iter(())

    def new(self) -> str:
        return f"new-{next(self.numbers)}"

    def draft(self, body: Body, user: str = ANN, room: str = ROOM) -> Draft:
        cid = self.new() if isinstance(body, kinds.MessageSent) else None
        return draft(body, room, user, user, cid=cid, origin="o" * 32 if isinstance(body, kinds.MemberJoined) else "")

    async def append(self, body: Body, user: str = ANN, room: str = ROOM) -> int:
        (outcome,) = await self.store.append([self.draft(body, user, room)])
        assert isinstance(outcome, Appended), (body, outcome)
        return outcome.event.seq


def invite(stage: Stage) -> Invite:
    return Invite(room=ROOM, id=stage.new()[-8:], hash="x", by=ANN, uses=1, until_ms=now_ms() + 60_000)


async def joined_and_left(stage: Stage) -> None:
    user = stage.new()
    await stage.append(kinds.MemberJoined(role="member"), user)
    await stage.append(kinds.MemberLeft(), user)


async def made_and_deleted(stage: Stage) -> None:
    room = stage.new()
    await stage.append(kinds.RoomCreated(title="Yard", access="open", slow_ms=0), room=room)
    await stage.append(kinds.RoomDeleted(), room=room)
    await stage.store.erase(room, 50)


async def held_out(stage: Stage) -> None:
    user = next(stage.members)
    await stage.append(kinds.MemberMuted(member=user, for_ms=60_000))
    await stage.append(kinds.MemberUnmuted(member=user))
    await stage.append(kinds.RoleGiven(member=user, role="moderator"))
    await stage.append(kinds.MemberKicked(member=user, for_ms=60_000))
    await stage.append(kinds.MemberKicked(member=user, for_ms=60_000, banned=True))
    await stage.append(kinds.MemberUnbanned(member=user))


async def said_and_changed(stage: Stage) -> None:
    user = next(stage.members)
    seq = await stage.append(kinds.MessageSent(text="x", reply_to=next(stage.messages), mentions=(user,)))
    await stage.append(kinds.MessageEdited(text="y", target=seq))
    await stage.append(kinds.ReactionAdded(target=seq, emoji="x"), user)
    await stage.append(kinds.ReactionAdded(target=seq, emoji="x"))
    await stage.append(kinds.ReactionRemoved(target=seq, emoji="x"))
    await stage.append(kinds.MessagePinned(target=seq))
    await stage.append(kinds.MessageUnpinned(target=seq))
    await stage.append(kinds.MessageDeleted(target=seq))


ALL: dict[str, Do] = {
    "joined and left": joined_and_left,
    "made and deleted": made_and_deleted,
    "held out": held_out,
    "said and changed": said_and_changed,
    "said": lambda s: s.append(kinds.MessageSent(text="x")),
    "room changed": lambda s: s.append(kinds.RoomChanged(title=s.new())),
    "tail": lambda s: s.store.tail(ROOM, 200),
    "read": lambda s: s.store.read(ROOM, 0, 100),
    "heads": lambda s: s.store.heads([ROOM, s.new()]),
    "newest messages": lambda s: s.store.messages(ROOM, ANN),
    "messages before": lambda s: s.store.messages(ROOM, ANN, before=40),
    "messages after": lambda s: s.store.messages(ROOM, ANN, after=2),
    "own reactions": lambda s: s.store.own_reactions(ROOM, ANN, 1, 100),
    "pins": lambda s: s.store.pins(ROOM, ANN),
    "room": lambda s: s.store.room(ROOM),
    "rooms": lambda s: s.store.rooms(),
    "member": lambda s: s.store.member(ROOM, s.new()),
    "reactors": lambda s: s.store.reactors(ROOM, 1, "a"),
    "found members": lambda s: s.store.find_members(ROOM, lambda name: True),
    "members": lambda s: s.store.members(ROOM),
    "memberships": lambda s: s.store.memberships(ANN),
    "memberships, with pointers": lambda s: s.store.memberships(ANN, read={ROOM: 3, "a": 1, "b": 2}),
    "counted": lambda s: s.store.counted(ANN, among=[ROOM], read={ROOM: 3}),
    "joined by": lambda s: s.store.joined_by(s.new()),
    "owned by": lambda s: s.store.owned_by(ANN),
    "set read": lambda s: s.store.set_read([(ROOM, ANN, next(s.messages))]),
    "add invite": lambda s: s.store.add_invite(invite(s), now_ms(), ANN),
    "invite": lambda s: s.store.invite(ROOM, "x"),
    "invites": lambda s: s.store.invites(ROOM, now_ms()),
    "bans": lambda s: s.store.bans(ROOM),
    "mutes": lambda s: s.store.mutes(ROOM),
    "rooms after": lambda s: s.store.rooms_after("", 100),
    "note seen": lambda s: s.store.note_seen([s.new()], now_ms()),
    "members after": lambda s: s.store.members_after(("", ""), 100),
    "note known": lambda s: s.store.note_known([s.new()], now_ms()),
    "users after": lambda s: s.store.users_after("", 100),
    "joined among": lambda s: s.store.joined_among([ANN]),
    "users deleted": lambda s: s.store.users_deleted(now_ms()),
    "changes": lambda s: s.store.changes(Known(now_ms(), (now_ms(), ""), (now_ms(), ""))),
    "profile": lambda s: s.store.profile(s.new()),
    "note sessions": lambda s: s.store.note_sessions([s.new()]),
    "use tickets": lambda s: s.store.use_tickets([(s.new(), now_ms())]),
    "signing keys": lambda s: s.store.signing_keys(),
    "key": lambda s: s.store.key("x"),
    "clock": lambda s: s.store.clock_ms(),
    "holders": lambda s: s.store.holders(),
}


@pytest.fixture
async def stage(sqlite_tables_url: str) -> AsyncIterator[Stage]:
    async with opened(sqlite_tables_url) as store:
        stage = Stage(store)
        await stage.append(kinds.RoomCreated(title="Yard", access="open", slow_ms=0))
        names = [stage.new() for _ in range(3 * TIMES)]
        await store.append([stage.draft(kinds.MemberJoined(role="member"), name) for name in names])
        said = await store.append([stage.draft(kinds.MessageSent(text="x")) for _ in range(3 * TIMES)])
        stage.members, stage.messages = (
            iter(names),
            iter([each.event.seq for each in said if isinstance(each, Appended)]),
        )
        yield stage


@pytest.mark.parametrize("what", ALL)
async def test_nothing_waits_for_the_cycle_collector(stage: Stage, what: str) -> None:
    for _ in range(2):  # what is made once is made
        await ALL[what](stage)
    gc.collect()
    gc.disable()
    try:
        for _ in range(TIMES):
            await ALL[what](stage)
        await asyncio.sleep(0)
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = Counter(
            type(thing).__qualname__ for thing in gc.garbage if type(thing).__module__.startswith("sqlalchemy")
        )
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert {kind: n for kind, n in left.items() if n >= TIMES} == {}
