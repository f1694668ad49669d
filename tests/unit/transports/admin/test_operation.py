"""What the operator's page is told: seconds that add up, percentiles that are bounds, what is busy, and who is slow."""

import pytest

from madang.core.actors import Actor
from madang.core.events import MessageSent, draft
from madang.delivery.subscription import Subscription
from madang.services.appender_statistics import TIMES_S
from madang.transports.admin.operation import KEPT, SHOWN, Watch, percentile
from madang.transports.node import Node

MINA = Actor(id="u" + "a" * 16, name="Mina")


def test_percentiles_are_bounds() -> None:
    none = [0] * len(TIMES_S)
    assert percentile(none, 0.99) is None
    assert percentile([99, 1, *none[2:]], 0.99) == TIMES_S[0] * 1000
    assert percentile([98, 2, *none[2:]], 0.99) == TIMES_S[1] * 1000
    assert percentile([*none[:-1], 1], 0.5) == TIMES_S[-1] * 1000


async def test_seconds_add_up(node: Node) -> None:
    watch = Watch(node)
    await node.rooms.enter(MINA, "yard")
    watch.tick()
    for n in range(3):
        await node.appender.append(draft(MessageSent(text=str(n)), "yard", MINA.id, MINA.name))
    watch.tick()
    watch.tick()
    shown = watch.since(0)
    assert sum(each.stored for each in shown.seconds) == 4
    assert [each.stored for each in shown.seconds][-1] == 0
    assert shown.seconds[-1].p99 is not None
    assert sum(count for _, count in shown.batches) == 4
    assert watch.since(shown.seconds[-1].at).seconds == []
    for _ in range(KEPT + 5):
        watch.tick()
    assert len(watch.since(0).seconds) == KEPT


async def test_rooms_are_looked_at_while_somebody_asks(node: Node) -> None:
    watch = Watch(node)
    for n in range(SHOWN + 2):
        await node.rooms.create(MINA, f"room-{n}", f"Room {n}", "open")
        await node.hub.open(f"room-{n}")
    watch.since(0)
    watch.tick()
    for n in range(SHOWN + 2):
        for text in range(n):
            await node.appender.append(draft(MessageSent(text=str(text)), f"room-{n}", MINA.id, MINA.name))
    watch.tick()
    rooms = watch.since(0).rooms
    assert [(each.id, each.title, each.events) for each in rooms] == [
        (f"room-{n}", f"Room {n}", n) for n in range(SHOWN + 1, 1, -1)
    ]


async def test_who_is_behind_is_named(node: Node) -> None:
    watch = Watch(node)
    await node.rooms.enter(MINA, "yard")
    room = await node.hub.open("yard")
    assert room is not None
    slow = Subscription(_Full(), MINA.id, "Mina", "member", 0, 0)  # type: ignore[arg-type]
    room.lagging.add(slow)
    await node.appender.append(draft(MessageSent(text="x"), "yard", MINA.id, MINA.name))
    (shown,) = watch.since(0).slow
    room.lagging.clear()
    assert (shown.room, shown.name, shown.full) == ("yard", "Mina", True)
    assert shown.behind == room.next - 1 > 0


class _Full:
    paused = True


@pytest.mark.parametrize("idle", [True, False])
async def test_it_costs_no_look_at_rooms_while_nobody_asks(node: Node, idle: bool) -> None:
    watch = Watch(node)
    await node.hub.open("yard")
    if not idle:
        watch.since(0)
    watch.tick()
    await node.rooms.enter(MINA, "yard")
    watch.tick()
    assert bool(watch.since(0).rooms) is not idle
