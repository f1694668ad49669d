"""Two real nodes whose bus dies, and what they know of each other: a kick and a message come through the log, limits are one."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.http import http_client
from tests.redis import RedisServer, run_redis
from tests.rest import Rest, admin_client, rest
from tests.running import Server, madang, running_server
from tests.scenario.fleet.two_nodes import (
    follower,
    heard,
    known,
    metric,
    there_is_nothing_more,
    two_nodes,
    until,
)

pytestmark = [pytest.mark.postgres, pytest.mark.redis]


async def test_with_redis_dead_what_one_node_takes_away_the_other_takes_away_too(
    tmp_path: Path, postgres_url: str
) -> None:
    """A kick, a role, slow mode, the way in and a key: nothing that a node keeps in memory outlives what was stored elsewhere."""
    with run_redis() as redis:
        async with (
            two_nodes(tmp_path, database=postgres_url, bus=redis.url, user_rate="0") as (one, two),
            rest(one.url) as here,
            rest(two.url) as there,
        ):
            owner = await here.guest("Ara")
            await owner.ok("POST", "/api/rooms", {"id": "yard", "title": "Yard", "access": "open"})
            victim, mate = [await there.guest(name, "yard") for name in ("Bora", "Mina")]
            key = await (await admin_client(one)).ask("POST", "/keys", {"label": "Shop"})
            await there.server(key["key"]).ok("GET", "/api/rooms/yard")
            async with follower(two, victim, "yard") as out, follower(two, mate, "yard") as stays:
                redis.kill()

                said = await owner.ok("POST", "/api/rooms/yard/messages", {"text": "before", "cid": "1"})
                kick = await owner.ok("DELETE", f"/api/rooms/yard/members/{victim.user}")
                after = await owner.ok("POST", "/api/rooms/yard/messages", {"text": "after", "cid": "2"})
                assert await heard(stays, after["seq"]) == list(range(said["seq"], after["seq"] + 1))
                assert await heard(out, kick["seq"]) == [said["seq"], kick["seq"]]
                assert (await out.ask(op="send", n=9, room="yard", cid="x", text="still?"))["code"] == "not_member"
                await there_is_nothing_more(out)

                async def pins() -> str:
                    answer: dict[str, str] = await stays.ask(op="pin", n=8, room="yard", seq=after["seq"])
                    return answer.get("code", answer["op"])

                role = f"/api/rooms/yard/members/{mate.user}"
                await owner.ok("PATCH", role, {"role": "moderator"})
                await until(pins, lambda answer: answer == "ok")
                await owner.ok("PATCH", role, {"role": "member"})
                await until(pins, lambda answer: answer == "forbidden")

                cids = (f"new-{n}" for n in itertools.count())  # one that is stored is acked again whatever the mode

                async def sends() -> str:
                    answer: dict[str, str] = await stays.ask(op="send", n=7, room="yard", cid=next(cids), text="hello")
                    return answer.get("code", answer["op"])

                await owner.ok("PATCH", "/api/rooms/yard", {"slow_ms": 3_600_000})
                await until(sends, lambda answer: answer == "slow_mode")

                await owner.ok("PATCH", "/api/rooms/yard", {"access": "invite"})
                stranger = await there.guest("Chul")
                assert await stranger.refused("PUT", "/api/rooms/yard/members/me") == "not_found"

                await (await admin_client(one)).ask("DELETE", f"/keys/{key['id']}")
                shop = there.server(key["key"])
                await until(lambda: shop.call("GET", "/api/rooms/yard"), lambda answer: answer.status_code == 401)

                assert await metric(two, "madang_bus_deaf") == 1
                redis.start()
                await until(lambda: metric(two, "madang_bus_deaf"), lambda deaf: deaf == 0)
                await until(lambda: known(two), lambda nodes: list(nodes.values()) == ["heard"])
            await one.kill()
            await until(lambda: known(two), lambda nodes: list(nodes.values()) == ["unheard"])


@pytest.mark.parametrize("kind", ["redis", "postgresql"])
async def test_a_user_has_one_rate_over_both_nodes_and_who_leaves_is_forgotten(
    tmp_path: Path, postgres_url: str, redis_server: RedisServer, kind: str
) -> None:
    bus = redis_server.url if kind == "redis" else postgres_url
    settings = {"database": postgres_url, "bus": bus, "user_rate": "0.001", "user_burst": "5"}
    async with two_nodes(tmp_path, **settings) as (one, two), rest(one.url) as here, rest(two.url) as there:
        flooder = await here.guest("Flooder", "lobby")
        cids = (f"c-{n}" for n in range(100))
        passed = 1  # Bora has joined
        while (await flooder.call("POST", "/api/rooms/lobby/messages", {"text": "x", "cid": next(cids)})).is_success:
            passed += 1
        assert passed == 5
        await until(lambda: metric(two, 'madang_limits_charged_total{limit="user"}'), lambda charged: charged >= passed)
        elsewhere = Rest(there.http, there.document, flooder.token)
        message = {"text": "x", "cid": "elsewhere"}
        assert await elsewhere.refused("POST", "/api/rooms/lobby/messages", message) == "rate_limited"
        neighbour = await there.guest("Neighbour", "lobby")
        await neighbour.ok("POST", "/api/rooms/lobby/messages", message)
        assert list((await known(two)).values()) == ["heard"]
        await one.stop()
        nodes = await until(lambda: known(two), lambda nodes: list(nodes.values()) != ["heard"])
        assert nodes == {}, "it has said goodbye"


@pytest.mark.slow  # in virtual time: `unit/delivery/test_heartbeat.py`; who disagrees: `madang.testing.leases`
async def test_nodes_that_hear_no_one_say_so_and_those_that_disagree_refuse(
    tmp_path: Path, postgres_url: str, redis_server: RedisServer
) -> None:
    """Another Redis cannot be seen before, other channels can."""
    with run_redis() as elsewhere:
        for name in ("one", "two", "three"):
            (tmp_path / name).mkdir()
        shared = {"database": postgres_url, "user_rate": "0"}
        async with (
            running_server(tmp_path / "one", settings={**shared, "bus": redis_server.url}) as one,
            running_server(tmp_path / "two", settings={**shared, "bus": elsewhere.url}) as two,
            rest(one.url) as here,
            rest(two.url) as there,
        ):
            said = await here.guest("Ara", "lobby")
            hears = await there.guest("Bora", "lobby")
            async with follower(two, hears, "lobby") as raw:
                sent = await said.ok("POST", "/api/rooms/lobby/messages", {"text": "across", "cid": "1"})
                await heard(raw, sent["seq"])
            for node in (one, two):
                await until(lambda node=node: ready(node), lambda state: state == {"status": "ready", "unheard": 1})  # type: ignore[misc]
                assert "was never heard" in node.log.read_text()
            done = await madang(
                "serve", "--port", "0", "--admin-port", "0", "--data", tmp_path / "three",
                MADANG_DATABASE=postgres_url, MADANG_BUS=redis_server.url, MADANG_BUS_CHANNELS="all",
            )  # fmt: skip
            assert done.status == 2 and "redis:all" in done.err and "redis:partition" in done.err, done.err


async def ready(node: Server) -> Any:
    async with http_client() as http:
        return (await http.get(f"{node.url}/readyz")).json()
