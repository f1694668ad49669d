"""Rules of `check_log` about the audit trail: every deed of a moderator is in it once, and nothing else."""

from typing import Any

import msgspec

from madang.core import events as kinds
from madang.core.audit import Entry
from madang.core.invites import Invite, hash_of
from madang.testing.access import joins
from madang.testing.rules import Scene, Store, new, opened

HOUR_MS = 3_600_000


def told(scene: Scene, entry: Entry) -> dict[str, Any]:
    """Return an entry without its number and time, with names in place of ids, and without what is empty."""
    fields = msgspec.structs.asdict(entry)
    left = {name: value for name, value in fields.items() if value and name not in ("n", "at_ms")}
    return {name: _plain(scene, value) for name, value in left.items()}


def _plain(scene: Scene, value: Any) -> Any:
    return value.removesuffix(f"-{scene.room}") if isinstance(value, str) else value


def deed(what: str, name: str | None = None, by: str = "ann", **more: Any) -> dict[str, Any]:
    """Return what is told of a deed upon a member of this name, if it is upon somebody."""
    upon = {} if name is None else {"user": name, "name": name}
    return {"what": what, "by": by, "by_name": by, **upon, **more}


async def trail(scene: Scene) -> list[dict[str, Any]]:
    """Return what a room's trail says, the oldest first, and check that its numbers have no hole."""
    entries = await scene.store.audit(scene.room, limit=200)
    assert [entry.n for entry in entries] == list(range(len(entries), 0, -1))
    return [told(scene, entry) for entry in reversed(entries)]


async def every_deed_is_noted(store: Store) -> None:
    """Who did what upon whom and why is noted for each deed, with the names of then; nothing else is."""
    scene = await opened(store, "ben", "cho", "dan")
    own = await scene.done(scene.say("mine"))
    bens = await scene.done(scene.say("bens", "ben"))
    sold = await scene.done(scene.say("sold", "customer", server=True, via=scene.id("shop")))
    for d in (
        scene.draft(kinds.RoleGiven, member="ben", role="moderator"),
        scene.draft(kinds.MemberMuted, "ben", member="cho", for_ms=HOUR_MS, reason="noise"),
        scene.draft(kinds.MemberUnmuted, "ben", member="cho"),
        scene.draft(kinds.MemberKicked, member="cho", for_ms=HOUR_MS),
        scene.draft(kinds.MemberKicked, member="dan", banned=True, reason="spam"),
        scene.draft(kinds.MemberUnbanned, member="dan"),
        scene.draft(kinds.MemberKicked, member="eve", banned=True),
        scene.draft(kinds.RoomChanged, title="New", slow_ms=500),
        scene.draft(kinds.MessagePinned, target=own.seq),
        scene.draft(kinds.MessageDeleted, target=own.seq),
        scene.draft(kinds.MessageDeleted, target=bens.seq),
        scene.draft(kinds.MessageDeleted, "shop", target=sold.seq, server=True),
    ):
        await scene.done(d)
    assert await trail(scene) == [
        deed("role", "ben", details={"role": "moderator", "was": "member"}),
        deed("mute", "cho", by="ben", reason="noise", details={"for_ms": HOUR_MS}),
        deed("unmute", "cho", by="ben"),
        deed("kick", "cho", details={"for_ms": HOUR_MS}),
        deed("ban", "dan", reason="spam"),
        deed("unban", "dan"),
        {"what": "ban", "by": "ann", "by_name": "ann", "user": "eve"},
        deed("change", details={"title": "New", "slow_ms": 500}),
        deed("delete", "ben", details={"seq": bens.seq}),
    ]


async def what_is_not_done_is_not_noted(store: Store) -> None:
    """What is refused, changes nothing or is repeated is not noted, whatever else is in its batch."""
    scene = await opened(store, "ben")
    kick = scene.draft(kinds.MemberKicked, member="ben", cid="c")
    await store.append([
        scene.draft(kinds.MemberKicked, "ben", member="ann"),
        scene.draft(kinds.MemberUnmuted, member="ben"),
        scene.draft(kinds.RoleGiven, member="cho", role="owner"),
        scene.draft(kinds.MessageDeleted, target=1),
        kick,
        kick,
        scene.draft(kinds.MemberKicked, member="ben"),
    ])  # fmt: skip
    assert await trail(scene) == [deed("kick", "ben")]


async def invites_are_noted(store: Store) -> None:
    """Making an invite and revoking it are noted, by its id and never by its secret; what is refused is not."""
    scene = await opened(store, "ben")
    invite = Invite(room=scene.room, id="1f", hash=hash_of("secret"), by=scene.id("ann"), until_ms=HOUR_MS + 7, uses=3)
    await store.add_invite(invite, 7, "ann")
    for _ in range(2):
        await store.drop_invite(scene.room, "1f", 9, scene.id("ann"), "ann")
    assert await trail(scene) == [
        deed("invite", details={"invite": "1f", "for_ms": HOUR_MS, "uses": 3}),
        deed("revoke", details={"invite": "1f"}),
    ]
    assert [entry.at_ms for entry in await store.audit(scene.room)] == [9, 7]


async def the_trail_is_paged_from_the_newest(store: Store) -> None:
    """`audit` pages from the newest, below a number; a room has its own trail, and one that there is not has none."""
    scene, other = await opened(store), await opened(store, "ben")
    await store.append([scene.draft(kinds.RoomChanged, slow_ms=n) for n in range(1, 8)])
    await other.done(other.draft(kinds.MemberKicked, member="ben"))
    first = await store.audit(scene.room, limit=3)
    rest = await store.audit(scene.room, before=first[-1].n, limit=9)
    assert [entry.n for entry in first + rest] == [7, 6, 5, 4, 3, 2, 1]
    assert first[0].details == {"slow_ms": 7}
    assert await trail(other) == [deed("kick", "ben")]
    assert await store.audit(scene.room, before=1) == await store.audit(new("room")) == []
    await scene.done(joins(scene, "cho"))
    assert len(await store.audit(scene.room)) == 7


AUDIT_RULES = [
    every_deed_is_noted,
    what_is_not_done_is_not_noted,
    invites_are_noted,
    the_trail_is_paged_from_the_newest,
]
