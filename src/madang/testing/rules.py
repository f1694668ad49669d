"""What the contract suites share: running rules one by one, and `Scene`, a room with short ways to append to it."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from typing import Any, Protocol, TypeVar

import msgspec

from madang.core import events as kinds
from madang.core.events import Appended, Body, Draft, Event, draft
from madang.errors import Refused
from madang.ports.directory import Directory
from madang.ports.log import Log, Outcome

T = TypeVar("T")
Make = Callable[[], AbstractAsyncContextManager[T]]


class Store(Log, Directory, Protocol):
    """A log together with the directory that its effects write."""


async def run_rules(make: Make[T], rules: Sequence[Callable[[T], Awaitable[None]]]) -> None:
    """Check every rule with an object newly made; an error gets a note that names the rule."""
    for rule in rules:
        async with make() as subject:
            await named(rule, subject)


async def run_together(make: Make[T], rules: Sequence[Callable[[T], Awaitable[None]]]) -> None:
    """Check every rule with the same object: to open a store on a database server takes longer than most rules."""
    async with make() as subject:
        for rule in rules:
            await named(rule, subject)


async def named(rule: Callable[..., Awaitable[None]], *args: Any) -> None:
    """Check one rule, and name it in a note of what it raises."""
    try:
        await rule(*args)
    except Exception as error:
        error.add_note(f"rule: {rule.__doc__ or rule.__name__}")
        raise


def new(kind: str) -> str:
    """Return a name that is not in use: "room-5f1c09ab"."""
    return f"{kind}-{secrets.token_hex(4)}"


class Scene:
    """One new room. `ann` owns it; other users are whoever a rule names.

    Users are new in each scene: `scene.id("ben")` is ben's id here.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.room = new("room")

    def id(self, name: str) -> str:
        return f"{name}-{self.room}"

    def draft(
        self, kind: type[Body], name: str = "ann", *, cid: str | None = None, server: bool = False, **body: Any
    ) -> Draft:
        """Return a draft by one user; `member` and `mentions` of the body are names, `data` is JSON text."""
        if kind is kinds.RoomCreated:
            body = {"access": "open", "slow_ms": 0} | body
        if "data" in body:
            body["data"] = msgspec.Raw(body["data"])
        if "member" in body:
            body["member"] = self.id(body["member"])
        if "mentions" in body:
            body["mentions"] = tuple(self.id(mentioned) for mentioned in body["mentions"])
        return draft(kind(**body), self.room, self.id(name), name, cid=cid, server=server)

    def any_draft(self, kind: type[Body], name: str, target: int | None) -> Draft:
        """Return a draft of any type; those about a message have this target."""
        values: dict[str, Any] = {
            "target": target,
            "upto": target,
            "text": "x",
            "emoji": "x",
            "member": "ann",
            "role": "member",
            "title": "T",
            "picture": "https://a.example/p",
            "paper": "no-such-paper",
        }
        return self.draft(kind, name, **{field: values[field] for field in kind.__struct_fields__ if field in values})

    def say(self, text: str, name: str = "ann", **more: Any) -> Draft:
        return self.draft(kinds.MessageSent, name, text=text, **more)

    async def outcome(self, d: Draft) -> Outcome:
        return (await self.store.append([d]))[0]

    async def done(self, d: Draft) -> Event:
        """Append a draft that must be stored as a new event."""
        return new_event(await self.outcome(d))

    async def refused(self, code: str, d: Draft) -> None:
        """Append a draft that must be refused, and check that nothing was stored."""
        before = await self.store.heads([self.room])
        assert_refused(await self.outcome(d), code)
        assert await self.store.heads([self.room]) == before, "a refused draft was stored"

    async def nothing(self, d: Draft) -> None:
        """Append a draft that must change nothing."""
        before = await self.store.heads([self.room])
        outcome = await self.outcome(d)
        assert outcome is None, f"expected no event, got {outcome}"
        assert await self.store.heads([self.room]) == before

    async def log(self) -> list[Event]:
        """Return the whole log of the room, read in small steps and checked for holes."""
        found: list[Event] = []
        while page := await self.store.read(self.room, len(found), 7):
            assert len(page) <= 7
            found += page
            assert [event.seq for event in found] == list(range(1, len(found) + 1)), "the log has a hole or a double"
        ids = [event.id for event in found]
        assert all(a < b for a, b in pairwise(ids)), "ids do not grow with seq"
        return found

    async def texts(self) -> list[str]:
        return [text_of(event.content()) for event in await self.log() if event.type == kinds.MessageSent.type]


async def opened(store: Store, *joined: str) -> Scene:
    """Return a scene whose room exists, with ann and some other members."""
    scene = Scene(store)
    await scene.done(scene.draft(kinds.RoomCreated, title="Scene"))
    for name in joined:
        await scene.done(scene.draft(kinds.MemberJoined, name, role="member"))
    return scene


def text_of(body: Body) -> str:
    """Return the text of a message; empty once it is deleted."""
    assert isinstance(body, kinds.MessageSent)
    return body.text or ""


def new_event(outcome: Outcome) -> Event:
    """Return the event of an append, which must be new."""
    assert isinstance(outcome, Appended), f"expected a new event, got {outcome!r}"
    assert not outcome.duplicate, f"expected a new event, got a duplicate of seq {outcome.event.seq}"
    return outcome.event


def assert_repeat(outcome: Outcome, first: Event) -> None:
    """Check that a draft was treated as a repeat of `first`."""
    assert isinstance(outcome, Appended) and outcome.duplicate, f"expected a duplicate, got {outcome!r}"
    assert outcome.event == first, f"expected {first}, got {outcome.event}"


def assert_refused(outcome: Outcome, code: str) -> None:
    """Check that a draft was refused with this code."""
    assert isinstance(outcome, Refused), f"expected {code}, got {outcome!r}"
    assert outcome.code == code, f"expected {code}, got {outcome.code}"
