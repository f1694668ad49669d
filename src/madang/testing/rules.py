"""What the contract suites share: running rules one by one, and a room with short words for what people do in it."""

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
    """Hold every rule to something newly made; an error gets a note that names the rule."""
    for rule in rules:
        async with make() as subject:
            await named(rule, subject)


async def named(rule: Callable[..., Awaitable[None]], *args: Any) -> None:
    """Hold one rule, and name it in what it raises."""
    try:
        await rule(*args)
    except Exception as error:
        error.add_note(f"rule: {rule.__doc__ or rule.__name__}")
        raise


def new(kind: str) -> str:
    """A name that nobody has used: "room-5f1c09ab"."""
    return f"{kind}-{secrets.token_hex(4)}"


class Scene:
    """One new room. `ann` owns it; every other name is whoever a rule brings in.

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
        """A draft of one person; `member` and `mentions` of the body are names, `data` is JSON text."""
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
        """A draft of any type, about a message where it is about one."""
        values: dict[str, Any] = {
            "target": target,
            "text": "x",
            "emoji": "x",
            "member": "ann",
            "role": "member",
            "title": "T",
        }
        return self.draft(kind, name, **{field: values[field] for field in kind.__struct_fields__ if field in values})

    def say(self, text: str, name: str = "ann", **more: Any) -> Draft:
        return self.draft(kinds.MessageSent, name, text=text, **more)

    async def outcome(self, d: Draft) -> Outcome:
        return (await self.store.append([d]))[0]

    async def done(self, d: Draft) -> Event:
        """Append what must succeed, as something new."""
        return new_event(await self.outcome(d))

    async def refused(self, code: str, d: Draft) -> None:
        """Append what must be refused, and see that nothing was stored."""
        before = await self.store.heads([self.room])
        assert_refused(await self.outcome(d), code)
        assert await self.store.heads([self.room]) == before, "a refused draft was stored"

    async def nothing(self, d: Draft) -> None:
        """Append what must change nothing."""
        before = await self.store.heads([self.room])
        outcome = await self.outcome(d)
        assert outcome is None, f"expected no event, got {outcome}"
        assert await self.store.heads([self.room]) == before

    async def log(self) -> list[Event]:
        """The whole log of the room, read in small steps, checked for holes."""
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
    """A scene whose room exists, with some people in it beside ann."""
    scene = Scene(store)
    await scene.done(scene.draft(kinds.RoomCreated, title="Scene"))
    for name in joined:
        await scene.done(scene.draft(kinds.MemberJoined, name, role="member"))
    return scene


def text_of(body: Body) -> str:
    """The text of a message; empty once it is deleted."""
    assert isinstance(body, kinds.MessageSent)
    return body.text or ""


def new_event(outcome: Outcome) -> Event:
    """The event of an append that must have stored something new."""
    assert isinstance(outcome, Appended), f"expected a new event, got {outcome!r}"
    assert not outcome.duplicate, f"expected a new event, got a duplicate of seq {outcome.event.seq}"
    return outcome.event


def assert_repeat(outcome: Outcome, first: Event) -> None:
    """The draft was taken for a repeat of `first`."""
    assert isinstance(outcome, Appended) and outcome.duplicate, f"expected a duplicate, got {outcome!r}"
    assert outcome.event == first, f"expected {first}, got {outcome.event}"


def assert_refused(outcome: Outcome, code: str) -> None:
    """The draft was refused with this code."""
    assert isinstance(outcome, Refused), f"expected {code}, got {outcome!r}"
    assert outcome.code == code, f"expected {code}, got {outcome.code}"
