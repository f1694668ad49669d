"""Any story of a log, told to a database and to the model at the same time: both must answer alike, whatever is asked.

Among the steps are restarts, crashes (the files as they lie, copied from under a store that is not closed), folds of the
journal at every other batch, and a clock that steps. Compared is all that can be read; ids and times, which the model
gives by itself, are held to their own rules.
"""

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import hypothesis.strategies as st
import msgspec
import pytest
import uvloop
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection

from madang.adapters.sql import Store
from madang.core import events as kinds
from madang.core.events import Appended, Draft, Event, draft
from madang.core.ids import IdSource
from madang.core.messages import Message
from madang.errors import Refused
from madang.ports.log import Outcome
from madang.testing import FakeClock, ModelStore
from tests.contract.conftest import opened

ROLES = ["owner", "moderator", "member", "viewer"]
replace = msgspec.structs.replace
USERS = ["ann", "ben", "cho", "dan"]
_prefixes = (f"m{n}" for n in itertools.count())

targets = st.integers(1, 9)  # few, so that one message meets edits, reactions and its deletion
users = st.sampled_from(USERS)
texts = st.sampled_from(["하나", "two", "drei", ""])
mentions = st.lists(users, max_size=3, unique=True).map(tuple)
data = st.sampled_from([kinds.NO_DATA, msgspec.Raw(b'{"a":[1,2]}'), msgspec.Raw(b"null")])
slow = st.one_of(st.none(), st.integers(0, 9))
access = st.sampled_from(["open", "unlisted", "invite"])
said = st.builds(kinds.MessageSent, text=texts, data=data, mentions=mentions, reply_to=st.one_of(st.none(), targets))
of_message: list[type[kinds.Body]] = [kinds.MessageDeleted, kinds.MessagePinned, kinds.MessageUnpinned]
papers = st.sampled_from(["card", "pad"])
emoji = st.sampled_from(["👍", "🎉", "x"])
BODIES: dict[type[kinds.Body], st.SearchStrategy[kinds.Body]] = {
    kinds.RoomCreated: st.builds(kinds.RoomCreated, title=st.just("Title"), access=access, slow_ms=st.just(0)),
    kinds.RoomChanged: st.builds(
        kinds.RoomChanged,
        title=st.sampled_from([None, "T"]),
        access=st.none() | access,
        slow_ms=slow,
        archived=st.sampled_from([None, None, None, False, False, True]),
        write=st.sampled_from([None, None, "everyone", "moderators"]),
        history=st.sampled_from([None, None, "all", "joined"]),
        keep_messages=st.sampled_from([None, None, 0, 3]),
    ),
    kinds.MemberErased: st.builds(kinds.MemberErased, member=users, messages=st.booleans()),
    kinds.RoomPurged: st.builds(kinds.RoomPurged, upto=targets),
    kinds.RoomDeleted: st.builds(kinds.RoomDeleted, expired=st.sampled_from([True, True, True, False])),
    kinds.MemberJoined: st.builds(kinds.MemberJoined, role=st.sampled_from(["member", "moderator", "viewer"])),
    kinds.MemberChanged: st.builds(kinds.MemberChanged, picture=st.sampled_from([None, "https://a.example/p"])),
    kinds.MemberLeft: st.just(kinds.MemberLeft()),
    kinds.MemberKicked: st.builds(
        kinds.MemberKicked, member=users, for_ms=st.sampled_from([0, 10**12]), banned=st.booleans()
    ),
    kinds.MemberMuted: st.builds(kinds.MemberMuted, member=users),
    kinds.MemberUnmuted: st.builds(kinds.MemberUnmuted, member=users),
    kinds.MemberUnbanned: st.builds(kinds.MemberUnbanned, member=users),
    kinds.RoleGiven: st.builds(kinds.RoleGiven, member=users, role=st.sampled_from(ROLES)),
    kinds.MessageSent: said,
    kinds.MessageEdited: st.builds(kinds.MessageEdited, target=targets, text=texts, data=data, mentions=mentions),
    kinds.ReactionAdded: st.builds(kinds.ReactionAdded, target=targets, emoji=emoji),
    kinds.ReactionRemoved: st.builds(kinds.ReactionRemoved, target=targets, emoji=emoji),
    **{kind: st.builds(kind, target=targets) for kind in of_message},
    kinds.PaperCreated: st.builds(kinds.PaperCreated, paper=papers, title=st.just("T")),
    kinds.PaperChanged: st.builds(
        kinds.PaperChanged, paper=papers, title=st.sampled_from([None, "T", "U"]), finished=st.none() | st.booleans()
    ),
    kinds.PaperDeleted: st.builds(kinds.PaperDeleted, paper=papers),
}
assert BODIES.keys() == set(kinds.TYPES.values())
COMMON: list[type[kinds.Body]] = [kinds.MessageSent] * 6 + [kinds.MemberJoined] * 3
COMMON += [kinds.ReactionAdded, kinds.MessagePinned, kinds.MessageEdited]


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """One draft of any type, by anybody, perhaps under a cid that has been used."""
    kind = draw(st.sampled_from([*BODIES, *COMMON]))
    cid = draw(st.sampled_from([None, None, "c1", "c2", "c3"]))
    room, user = draw(st.sampled_from(["a", "b", "c"])), draw(users)
    origin = draw(st.sampled_from(["", "home", "office"])) if kind is kinds.MemberJoined else ""
    server = draw(st.integers(0, 9)) == 0
    name = draw(st.sampled_from([user.title(), "Another"])) if kind is kinds.MemberChanged else user.title()
    return draft(draw(BODIES[kind]), room, user, name, cid=cid, server=server, origin=origin)


def bare(event: Event) -> Any:
    """Everything about an event but what the clock gives."""
    return (event.room, event.seq, event.type, event.user, event.name, event.body)


def shown(message: Message) -> Any:
    """Everything about a message but what the clock gives."""
    parts = msgspec.structs.asdict(message)
    data = bytes(parts.pop("data"))
    del parts["id"], parts["at"]
    return {**parts, "data": data, "edited_at": parts["edited_at"] is not None, "order": list(message.reactions)}


def outcomes_of(outcomes: Sequence[Outcome]) -> list[Any]:
    """Everything about outcomes but what the clock gives."""
    told: list[Any] = []
    for outcome in outcomes:
        if isinstance(outcome, Appended):
            told.append((bare(outcome.event), outcome.duplicate))
        else:
            told.append(outcome.code if isinstance(outcome, Refused) else None)
    return told


class LogMachine(RuleBasedStateMachine):
    """A store and a model, step by step."""

    def __init__(self, url: str | None = None) -> None:
        super().__init__()
        self.url = url
        self.prefix = next(_prefixes)
        self.runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self.folders = contextlib.ExitStack()
        # A fold at every second batch, in several slices, and INSERTs of several rows.
        small = mock.patch.multiple("madang.adapters.sql.journal", FOLD=12, SLICE=5, PUT=4, PAD=2)
        self.folders.enter_context(small)
        self.opened = contextlib.AsyncExitStack()
        self.clock = FakeClock()
        self.model = ModelStore(IdSource(1), self.clock)
        self.past: list[Draft] = []
        self.ids: dict[tuple[str, int], tuple[int, int]] = {}  # (room, seq) -> id and time, as first told
        self.epochs: dict[str, str] = {}

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    @initialize()
    def begin(self) -> None:
        self.folder = self.new_folder()
        self.do(self.open())

    def new_folder(self) -> Path:
        return Path(self.folders.enter_context(tempfile.TemporaryDirectory()))

    async def open(self) -> None:
        url = self.url or f"sqlite:///{self.folder}/madang.db"
        self.store: Store = await self.opened.enter_async_context(opened(url, self.clock))

    async def append(self, batch: list[Draft]) -> None:
        mine = [self.named(d) for d in batch]
        outcomes = await self.store.append(mine)
        assert outcomes_of(outcomes) == outcomes_of(await self.model.append(mine))
        for outcome in outcomes:
            if isinstance(outcome, Appended):
                self.know(outcome.event)

    def named(self, d: Draft) -> Draft:
        """A draft with room and paper of this machine: servers are shared."""
        content = d.content
        if isinstance(content, kinds.PaperCreated | kinds.PaperChanged | kinds.PaperDeleted):
            content = msgspec.structs.replace(content, paper=f"{self.prefix}{content.paper}")
            d = msgspec.structs.replace(d, content=content, body=kinds.encode_body(content))
        return msgspec.structs.replace(d, room=f"{self.prefix}{d.room}")

    def know(self, event: Event) -> None:
        """An event has the id and time that it was acked with, forever."""
        first = self.ids.setdefault((event.room, event.seq), (event.id, event.at))
        assert first == (event.id, event.at)

    # -- steps ---------------------------------------------------------------------------------------------------------

    @rule(batch=st.lists(drafts(), min_size=1, max_size=8))
    def appends(self, batch: list[Draft]) -> None:
        self.past += batch
        self.do(self.append(batch))

    @rule(room=st.sampled_from(["a", "b", "c"]), owner=users, others=st.lists(users, max_size=3, unique=True))
    def begins(self, room: str, owner: str, others: list[str]) -> None:
        people = [draft(kinds.MemberJoined(role="member"), room, user, user) for user in others]
        self.do(
            self.append([draft(kinds.RoomCreated(title=room, access="open", slow_ms=0), room, owner, owner), *people])
        )

    @rule(count=st.integers(2, 30), user=users, cids=st.booleans())
    def says_much(self, count: int, user: str, cids: bool) -> None:
        said = len(self.past)
        batch = [
            draft(kinds.MessageSent(text=f"{n}"), "abc"[n % 3], user, user, cid=f"{said}/{n}" if cids else None)
            for n in range(count)
        ]
        self.past += batch[:3]
        self.do(self.append(batch))

    @precondition(lambda self: self.past)
    @rule(chance=st.randoms(use_true_random=False), count=st.integers(1, 4))
    def repeats(self, chance: Any, count: int) -> None:
        self.do(self.append(chance.choices(self.past, k=count)))

    @rule(room=st.sampled_from(["a", "b", "c"]), user=users, seq=st.integers(0, 60))
    def reads(self, room: str, user: str, seq: int) -> None:
        pointers = [(f"{self.prefix}{room}", user, seq)]
        self.do(self.store.set_read(pointers))
        self.do(self.model.set_read(pointers))

    @rule(ms=st.sampled_from([-3_600_000, -5, 1, 1000]))
    def the_clock_steps(self, ms: int) -> None:
        self.clock.step(ms)

    @rule()
    def reopens(self) -> None:
        self.do(self.opened.aclose())
        self.do(self.open())
        self.do(self.compare())

    @precondition(lambda self: self.url is None)
    @rule()
    def crashes(self) -> None:
        """Go on from the files as they lie between two calls; the old store's own closing comes too late for the copy."""
        copy = self.new_folder()

        def copied(c: Connection) -> None:
            for file in self.folder.glob("madang.db*"):
                if not file.name.endswith((".lock", "-shm")):
                    shutil.copy(file, copy)

        self.do(self.store.engine.write(copied))  # in the writer's thread, so that it writes nothing meanwhile
        self.do(self.opened.aclose())
        self.folder = copy
        self.do(self.open())
        self.do(self.compare())

    @rule(
        room=st.sampled_from(["a", "b", "c"]),
        user=users,
        at=st.integers(0, 60),
        limit=st.integers(1, 9),
        way=st.sampled_from(["before", "after"]),
    )
    def looks_at_a_page(self, room: str, user: str, at: int, limit: int, way: str) -> None:
        async def look() -> None:
            pages = [
                await store.messages(f"{self.prefix}{room}", user, **{way: at}, limit=limit)
                for store in (self.store, self.model)
            ]
            assert [shown(m) for m in pages[0].messages] == [shown(m) for m in pages[1].messages]
            assert pages[0].more == pages[1].more
            logs = [await store.read(f"{self.prefix}{room}", at, limit) for store in (self.store, self.model)]
            assert [bare(e) for e in logs[0]] == [bare(e) for e in logs[1]]
            for event in logs[0]:
                self.know(event)

        self.do(look())

    # -- everything at once --------------------------------------------------------------------------------------------

    async def compare(self) -> None:
        store, model = self.store, self.model
        rooms = [f"{self.prefix}{room}" for room in "abc"]
        assert await store.heads(rooms) == await model.heads(rooms)
        for room in rooms:
            log = await store.read(room, 0, 1000)
            assert [bare(e) for e in log] == [bare(e) for e in (await model.read(room, 0, 1000))]
            assert [e.id for e in log] == sorted({e.id for e in log}), "ids do not grow"
            assert [e.at for e in log] == sorted(e.at for e in log), "time falls"
            for event in log:
                self.know(event)
            tail, there = await store.tail(room, 3), await model.tail(room, 3)
            assert (tail is None) is (there is None)
            if tail is not None and there is not None:
                assert (tail.seq, [bare(e) for e in tail.events]) == (there.seq, [bare(e) for e in there.events])
                assert self.epochs.setdefault(room, tail.epoch) == tail.epoch
            assert await store.room(room) == await model.room(room)
            assert await store.members(room) == await model.members(room)
            banned = [await s.bans(room) for s in (store, model)]
            assert [replace(ban, left_ms=0) for ban in banned[0]] == [replace(ban, left_ms=0) for ban in banned[1]]
            muted = [await s.mutes(room) for s in (store, model)]
            assert [replace(mute, left_ms=0) for mute in muted[0]] == [replace(mute, left_ms=0) for mute in muted[1]]
            trails = [await s.audit(room, limit=200) for s in (store, model)]
            assert [replace(entry, at_ms=0) for entry in trails[0]] == [replace(entry, at_ms=0) for entry in trails[1]]
            for user in USERS:
                assert await store.member(room, user) == await model.member(room, user)
                pages = [await s.messages(room, user, limit=200) for s in (store, model)]
                assert [shown(m) for m in pages[0].messages] == [shown(m) for m in pages[1].messages]
                pins = [await s.pins(room, user) for s in (store, model)]
                assert [shown(m) for m in pins[0].messages] == [shown(m) for m in pins[1].messages]
                assert {page.seq for page in (*pages, *pins)} == {(await model.heads([room])).get(room, 0)}
        listed = [room for room in await store.rooms(after=f"{self.prefix}", limit=3) if room.id in rooms]
        assert listed == await model.rooms()
        for user in USERS:
            mine = [m for m in await store.memberships(user, after=self.prefix, limit=200) if m.room in rooms]
            assert mine == await model.memberships(user)

    def teardown(self) -> None:
        try:
            if hasattr(self, "store"):
                self.do(self.compare())
        finally:
            self.do(self.opened.aclose())
            self.runner.close()
            self.folders.close()


def test_sqlite_tells_the_models_story() -> None:
    count = settings().max_examples // 6
    run_state_machine_as_test(LogMachine, settings=settings(max_examples=count, stateful_step_count=30))


@pytest.mark.postgres
def test_postgresql_tells_the_models_story(postgres_url: str) -> None:
    count = settings().max_examples // 20

    class OnPostgres(LogMachine):
        def __init__(self) -> None:
            super().__init__(postgres_url)

    run_state_machine_as_test(OnPostgres, settings=settings(max_examples=count, stateful_step_count=30))
