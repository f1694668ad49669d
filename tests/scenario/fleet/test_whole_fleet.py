"""The whole fleet in one run: S0's load on three nodes behind the real nginx, while everything that can die, dies.

20 people send 80 messages each, and each of them must be told of all 1,600, once and in order: 32,000 receipts. Meanwhile a
node is killed, and Redis, and the database; then all nodes are restarted in turn. What they saw is judged as `madang prove`
judges it. The servers are under their usual limits.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
import pytest

from madang_proof.history import HistoryWriter, check
from madang_proof.history.records import Setup, now
from madang_proof.load.command import Command
from madang_proof.load.crowd import Crowd
from madang_proof.load.recorder import Recorder
from madang_proof.plan import Plan, RoomPlan, UserPlan
from madang_proof.testbed.server import Server
from madang_proof.testbed.testbed import run_fleet
from tests.proxies import run_nginx
from tests.redis import run_redis
from tests.servers import run_postgres

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

ROOM: Final = "talk"
USERS: Final = [f"User {n}" for n in range(20)]
SENDS: Final = 80
SHARE: Final = 10  # of each of them while one thing goes wrong; the first and the last in peace
PACE_S: Final = 0.12  # between two messages of one person: below the 10 a second that are allowed
PRESENCE_S: Final = 150  # a node that was killed is believed for a minute, and its last lists are some time under way


async def test_s0_while_everything_dies(tmp_path: Path) -> None:
    with run_postgres() as postgres, run_redis() as redis:
        shared = {"database": postgres.create_database("fleet"), "bus": redis.url, "trusted_proxies": '["127.0.0.1"]'}
        async with run_fleet(tmp_path, settings=shared) as testbed:
            with run_nginx([server.port for server in testbed.servers]) as nginx:
                plan = Plan(1, 0, (), (RoomPlan(ROOM, "open", USERS[0], USERS[1]),), tuple(map(_user, USERS)), (), {})
                async with _recorder(tmp_path / "history.jsonl") as recorder:
                    crowd = Crowd(plan, nginx.url, recorder)
                    disturbances: dict[str, Callable[[], Awaitable[None]]] = {
                        "kill -9 of a node": lambda: _killed(testbed.servers[0]),
                        "kill -9 of Redis": lambda: _again(redis.kill, redis.start),
                        "kill -9 of the database": lambda: _again(postgres.kill, postgres.start),
                        **{f"restart of {testbed.name(s)}": lambda s=s: _restarted(s) for s in testbed.servers},  # type: ignore[misc]
                    }
                    await crowd.connect()
                    shares = [range(SENDS)[start : start + SHARE] for start in range(0, SENDS, SHARE)]
                    await _talk(crowd, shares[0])
                    for said, (name, disturb) in zip(shares[1:], disturbances.items(), strict=False):
                        recorder.begin(name)
                        await asyncio.gather(disturb(), _talk(crowd, said))
                        assert await crowd.reconnected(), f"not everybody was back a minute after {name}"
                        recorder.end(name)
                    await _talk(crowd, shares[-1])
                    assert await crowd.settle() is None
                    await crowd.read_everything()
                    await crowd.close()
    verdict = await asyncio.to_thread(check, tmp_path / "history.jsonl")
    assert verdict.held, str(verdict.violation)
    told = await asyncio.to_thread(_told, tmp_path / "history.jsonl")
    assert len(told) == len(USERS)
    assert set(map(len, told.values())) == {len(USERS) * SENDS}, "32,000 receipts"
    assert not recorder.anomalies and not recorder.refusals["internal"], (recorder.anomalies, recorder.refusals)


def _user(name: str) -> UserPlan:
    return UserPlan(name, clients=1, rooms=(ROOM,))


async def _talk(crowd: Crowd, numbers: Sequence[int]) -> None:
    """Let everybody send, without waiting for acks; what is not acked is sent again."""
    for number in numbers:
        for name, user in crowd.users.items():
            cid = f"{name.replace(' ', '-')}-{number}"
            user.clients[0].send(Command(op="send", room=ROOM, cid=cid, text=f"{name} says {number}", keep=True))
            await asyncio.sleep(PACE_S / len(USERS))


async def _killed(server: Server) -> None:
    await server.kill()
    await server.start()


async def _again(kill: Callable[[], None], start: Callable[[], None]) -> None:
    await asyncio.sleep(PACE_S)  # in the middle of what is said
    await asyncio.to_thread(kill)
    await asyncio.to_thread(start)


async def _restarted(server: Server) -> None:
    assert await server.stop() == 0
    await server.start()


@asynccontextmanager
async def _recorder(history: Path) -> AsyncIterator[Recorder]:
    recorder = Recorder(HistoryWriter(history))
    recorder.note(Setup(now(), presence_ttl=PRESENCE_S * 1_000_000))
    keeping = asyncio.create_task(recorder.keep())
    try:
        yield recorder
    finally:
        keeping.cancel()
        await asyncio.wait([keeping])
        await recorder.close()


def _told(history: Path) -> dict[str, set[int]]:
    """Return the messages that each was told of by an event, by their seqs; being told twice on one connection fails."""
    clients: dict[int, str] = {}
    told: dict[str, set[int]] = defaultdict(set)
    times: Counter[tuple[int, int]] = Counter()
    for line in history.read_bytes().splitlines():
        record = msgspec.json.decode(line)
        if record["is"] == "opened":
            clients[record["conn"]] = record["client"]
        elif record["is"] == "event" and record["type"] == "message.sent":
            told[clients[record["conn"]]].add(record["seq"])
            times[record["conn"], record["seq"]] += 1
    assert max(times.values()) == 1
    return told
