"""F1: kill -9 in the middle of many people's bursts, again and again. What was acked is there, once, in order, forever."""

import asyncio
import random
from pathlib import Path

from madang.client import connect
from tests.running import running_server
from tests.scenario.crowd import Person, person

ROUNDS = 4
SENDERS = 8


async def _burst(someone: Person, round: int, who: int) -> None:
    """Send until the connection breaks."""
    try:
        for i in range(100_000):
            await someone.send(f"{round}-{who}-{i}", f"{who} says {i} in round {round}")
            if not i % 50:
                await asyncio.sleep(0)
    except Exception:  # the kill
        return


async def test_nothing_acked_is_lost_doubled_or_reordered_by_kill_9(tmp_path: Path) -> None:
    dice = random.Random(7)
    acked: dict[str, int] = {}
    async with running_server(tmp_path, "--load-test") as server:
        for round in range(ROUNDS):
            people = [await person(server, f"P{who}") for who in range(SENDERS)]
            bursts = [asyncio.create_task(_burst(p, round, who)) for who, p in enumerate(people)]
            enough = dice.randrange(50, 600)
            await people[0].hears(lambda: len(people[0].acks) >= enough)  # noqa: B023  # awaited in this round
            await server.kill()
            await asyncio.gather(*bursts)
            for p in people:
                await p.closed()
                assert p.sees_all(), "live events skip or repeat"
                assert not acked.keys() & p.acks.keys()
                acked |= p.acks
            await server.restart()
        async with connect(server.direct_url, guest="Reader") as yard:
            room = await yard.join("lobby")
            stored: dict[int, str] = {}
            before = None
            while True:
                page = await room.history(before=before, limit=200)
                assert all(m.seq not in stored for m in page.messages)
                stored |= {m.seq: m.text for m in page.messages}
                if not page.more:
                    break
                before = page.messages[0].seq
    assert len(set(acked.values())) == len(acked), "two acks name one seq"
    for cid, seq in acked.items():
        round_of, sender, i = cid.split("-")
        assert stored.get(seq) == f"{sender} says {i} in round {round_of}"
    assert len(set(stored.values())) == len(stored), "a message is stored twice"
    for who in range(SENDERS):  # program order of each sender
        mine = [text for _, text in sorted(stored.items()) if text.startswith(f"{who} says")]
        assert mine == sorted(mine, key=lambda text: (int(text.split()[-1]), int(text.split()[2])))
