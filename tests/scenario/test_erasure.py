"""kill -9 in the middle of an erasure: the next start, or another node, goes on. In the end nothing is left, and each room was told once."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from tests.redis import run_redis
from tests.rest import Rest, rest, server_key
from tests.running import running_server
from tests.scenario.fleet.two_nodes import follower, told, two_nodes
from tests.waiting import PATIENCE_S

ROOMS = ("attic", "barn", "yard")
EACH = 400
SLOWLY = ("tests.scenario.erasing_slowly",)
SECRET = "what-nobody-shall-read"
TAKEN_OVER_S = 30.0  # until the number of a node that was killed is free
ERASURE = "/api/users/bora/erasure"


async def talk(anyone: Rest, key: str) -> tuple[Rest, Rest]:
    """Let Bora, a user of a product, say much in three rooms of Ara's; return clients of the product and of Ara."""
    shop, ara = anyone.server(key), await anyone.guest("Ara")
    await shop.ok("PUT", "/api/users/bora", {"name": "Bora"})
    for room in ROOMS:
        await ara.ok("POST", "/api/rooms", {"id": room})
        await shop.ok("PUT", f"/api/rooms/{room}/members/bora", {})
        messages = [{"room": room, "text": f"{SECRET} {n}", "as": {"id": "bora"}} for n in range(EACH)]
        results = (await shop.ok("POST", "/api/publish", {"messages": messages}))["results"]
        assert not any("error" in each for each in results)
    return shop, ara


async def until_in_the_middle(shop: Rest) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not (state := await shop.ok("GET", ERASURE))["events"]:
            await asyncio.sleep(0.01)
    assert state["done_at"] is None


async def until_done(shop: Rest, seconds: float = PATIENCE_S) -> None:
    async with asyncio.timeout(seconds):
        while (state := await shop.ok("GET", ERASURE))["done_at"] is None:
            await asyncio.sleep(0.1)
    assert (state["rooms"], state["events"]) == (len(ROOMS), len(ROOMS) * (EACH + 2)), (
        "each once, with joins and leaves"
    )


async def nothing_is_left(ara: Rest) -> None:
    for room in ROOMS:
        messages, before = 0, ""
        while True:
            page = await ara.ok("GET", f"/api/rooms/{room}/messages?limit=200{before}")
            assert all((m["text"], m["name"], m["deleted"]) == ("", "", True) for m in page["messages"])
            messages += len(page["messages"])
            if not page["more"]:
                break
            before = f"&before={page['messages'][0]['seq']}"
        assert messages == EACH


async def test_what_a_kill_interrupts_the_next_start_finishes(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path, "--load-test", launcher=SLOWLY) as server,
        rest(server.url) as anyone,
    ):
        shop, ara = await talk(anyone, await server_key(server))
        await shop.ok("DELETE", "/api/users/bora?said=erase")
        await until_in_the_middle(shop)
        server.launcher = ()
        await server.restart()
        await until_done(shop)
        await nothing_is_left(ara)
        await server.stop()
    with sqlite3.connect(tmp_path / "madang.db") as c:
        for (table,) in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in c.execute(f'SELECT * FROM "{table}"'):  # a name of the schema
                assert SECRET not in str(row) and "Bora" not in str(row), table
        for room in ROOMS:
            rows = c.execute("SELECT seq, type, body FROM events WHERE room = ? ORDER BY seq", (room,)).fetchall()
            assert [seq for seq, _, _ in rows] == list(range(1, EACH + 5))
            assert [json.loads(body) for _, type, body in rows if type == "member.erased"] == [
                {"member": "bora", "messages": True}
            ]


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.redis
async def test_what_a_node_leaves_another_finishes(tmp_path: Path, server_url: str) -> None:
    with run_redis() as redis:
        settings = {"database": server_url, "bus": redis.url, "user_rate": "0", "room_rate": "0"}
        async with (
            two_nodes(tmp_path, *SLOWLY, **settings) as (one, two),
            rest(one.url) as here,
            rest(two.url) as there,
        ):
            key = await server_key(one)
            shop, ara = await talk(here, key)
            shop, ara = there.server(key), Rest(there.http, there.document, ara.token)
            async with follower(two, ara, "yard") as follows:
                await shop.ok("DELETE", "/api/users/bora?said=erase")
                await until_in_the_middle(shop)
                await one.kill()
                await until_done(shop, TAKEN_OVER_S + PATIENCE_S)
                while (frame := await told(follows))["op"] != "event" or frame["type"] != "member.erased":
                    pass
                assert (frame["member"], frame["messages"]) == ("bora", True)
                answer = await follows.ask(op="join", n=9, room="yard", limit=200)
                assert SECRET not in json.dumps(answer) and len(answer["events"]) == 200
            await nothing_is_left(ara)
