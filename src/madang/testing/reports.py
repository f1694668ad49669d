"""Rules of `check_log` about reports: one of each user and message, open until somebody resolves it."""

from madang.core import events as kinds
from madang.core.reports import MAX_OWN, SHOWN, Report, Reported
from madang.errors import Refused
from madang.testing.rules import Scene, Store, opened


async def reports(
    scene: Scene, seq: int, name: str, reason: str = "", *, at_ms: int = 5, server: bool = False
) -> int | None:
    """Report a message as one user; return how many messages wait."""
    report = Report(user=scene.id(name), name=name, reason=reason, at_ms=at_ms)
    return await scene.store.add_report(scene.room, seq, report, server=server)


async def refused(scene: Scene, code: str, seq: int, name: str) -> None:
    """Report a message, which must be refused."""
    try:
        await reports(scene, seq, name)
    except Refused as error:
        assert error.code == code, f"expected {code}, got {error.code}"
    else:
        raise AssertionError(f"expected {code}")


async def waiting(scene: Scene) -> list[tuple[int, int, bool]]:
    """Return what waits in the queue: seq, reports, and whether its author has deleted it."""
    found = [(each.seq, each.count, each.deleted) for each in await scene.store.reports(scene.room)]
    assert len(found) == await scene.store.reported(scene.room)
    return found


async def resolves(scene: Scene, seq: int) -> int | None:
    """Resolve the reports of a message as ann."""
    return await scene.store.resolve_reports(scene.room, seq, 9, scene.id("ann"), "ann")


async def a_message_is_reported_once_by_each(store: Store) -> None:
    """A second report of a user changes nothing, also after the first was resolved; others' reports of the message are counted with it."""
    scene, other = await opened(store, "ben", "cho", "dan"), await opened(store)
    first, second = [await scene.done(scene.say(text, "ben")) for text in ("one", "two")]
    assert await reports(scene, second.seq, "cho", "spam") == 1
    assert await reports(scene, first.seq, "cho", "noise", at_ms=7) == 2
    assert await reports(scene, first.seq, "dan", at_ms=6) == 2
    assert await reports(scene, first.seq, "cho", "again") is None
    assert await store.reports(scene.room) == [
        Reported(
            seq=first.seq, user=scene.id("ben"), name="ben", count=2,
            reports=[
                Report(user=scene.id("dan"), name="dan", at_ms=6),
                Report(user=scene.id("cho"), name="cho", reason="noise", at_ms=7),
            ],
        ),
        Reported(seq=second.seq, user=scene.id("ben"), name="ben", count=1, reports=[Report(user=scene.id("cho"), name="cho", reason="spam", at_ms=5)]),
    ]  # fmt: skip
    assert [each.seq for each in await store.reports(scene.room, after=first.seq)] == [second.seq]
    assert [each.seq for each in await store.reports(scene.room, limit=1)] == [first.seq]
    assert await waiting(other) == []
    assert await resolves(scene, first.seq) == 1
    assert await resolves(scene, first.seq) is None
    assert await reports(scene, first.seq, "cho") is None
    assert await reports(scene, first.seq, "ann") == 2
    assert await waiting(scene) == [(first.seq, 1, False), (second.seq, 1, False)]


async def reports_are_of_messages_by_members(store: Store) -> None:
    """Members report messages of their room that they may see; a server key needs no membership, and a deleted room has no queue."""
    scene, other = await opened(store, "ben"), await opened(store)
    said, elsewhere = await scene.done(scene.say("one")), [await other.done(other.say(f"{n}")) for n in range(9)][-1]
    gone = await scene.done(scene.say("two"))
    await scene.done(scene.draft(kinds.MessageDeleted, target=gone.seq))
    await refused(scene, "not_found", said.seq, "cho")
    for seq in (0, 1, elsewhere.seq):
        await refused(scene, "not_found", seq, "ben")
    await refused(scene, "gone", gone.seq, "ben")
    assert await reports(scene, said.seq, "key", server=True) == 1
    await scene.done(scene.draft(kinds.RoomChanged, history="joined"))
    await scene.done(scene.draft(kinds.MemberJoined, "dan", role="member"))
    await refused(scene, "not_found", said.seq, "dan")
    await scene.done(scene.draft(kinds.RoomDeleted))
    await refused(scene, "not_found", said.seq, "ben")


async def what_happens_to_a_report(store: Store) -> None:
    """It stays if its user leaves, says so if the author deletes the message, and is resolved if somebody else does."""
    scene = await opened(store, "ben", "cho")
    one, two, three = [await scene.done(scene.say(text, "ben")) for text in ("one", "two", "three")]
    for event in (one, two, three):
        await reports(scene, event.seq, "cho")
    await scene.done(scene.draft(kinds.MemberLeft, "cho"))
    await scene.done(scene.draft(kinds.MessageDeleted, "ben", target=one.seq))
    await scene.done(scene.draft(kinds.MessageDeleted, target=two.seq))
    await scene.done(scene.draft(kinds.MessageEdited, "ben", target=three.seq, text="kind"))
    assert await waiting(scene) == [(one.seq, 1, True), (three.seq, 1, False)]
    assert await resolves(scene, two.seq) is None
    assert await resolves(scene, one.seq) == 1
    (resolved, deleted) = await store.audit(scene.room)
    assert (resolved.what, resolved.user, resolved.details) == (
        "resolve",
        scene.id("ben"),
        {"seq": one.seq, "reports": 1},
    )
    assert deleted.what == "delete"


async def a_user_has_a_bounded_number_of_open_reports(store: Store) -> None:
    """MAX_OWN in a room; resolved ones do not count, nor do other users'. Of a message SHOWN are shown, and all counted."""
    scene = await opened(store, *(f"u{n}" for n in range(SHOWN + 1)))
    said = [await scene.done(scene.say(f"{n}")) for n in range(MAX_OWN + 1)]
    for event in said[:MAX_OWN]:
        await reports(scene, event.seq, "u0")
    await refused(scene, "too_many", said[-1].seq, "u0")
    for n in range(1, SHOWN + 1):
        await reports(scene, said[0].seq, f"u{n}", at_ms=5 + n)
    entry = (await store.reports(scene.room))[0]
    assert (entry.count, [report.at_ms for report in entry.reports]) == (SHOWN + 1, list(range(5, 5 + SHOWN)))
    await resolves(scene, said[0].seq)
    assert await reports(scene, said[-1].seq, "u0") == MAX_OWN


REPORT_RULES = [
    a_message_is_reported_once_by_each,
    reports_are_of_messages_by_members,
    what_happens_to_a_report,
    a_user_has_a_bounded_number_of_open_reports,
]
