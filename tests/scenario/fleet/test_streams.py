"""Streams over two real nodes on PostgreSQL: kill -9 of a reader's node, kicks on the other one, and proxies in front."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from tests.proxies import RUN
from tests.rest import Rest, rest, server_key
from tests.scenario.fleet.two_nodes import two_nodes
from tests.streams import EPHEMERAL, Told, stream

pytestmark = pytest.mark.postgres

PATH = "/api/rooms/yard/events"
IN_ALL = 400


async def talk(who: Rest) -> None:
    for n in range(IN_ALL):
        await who.ok("POST", "/api/rooms/yard/messages", {"text": f"{n}"})


async def test_a_reader_whose_node_is_killed_goes_on_at_the_other(tmp_path: Path, postgres_url: str) -> None:
    settings = {"database": postgres_url, "bus": postgres_url, "load_test": "1"}
    async with two_nodes(tmp_path, **settings) as (one, two), rest(two.url) as there:
        owner = await there.guest("Ara")
        await owner.ok("POST", "/api/rooms", {"id": "yard"})
        talking, told, last_id = asyncio.create_task(talk(owner)), list[Told](), ""
        server, killed = one, False
        while not (told and told[-1].data.get("text") == f"{IN_ALL - 1}"):
            try:
                async with stream(server.url, PATH, owner.token, last_id) as reader:
                    async for event in reader:
                        told += [event] if event.name == "message.sent" else []
                        last_id = event.id
                        if len(told) == 100 and not killed:
                            killed = True
                            await one.kill()
                        if told and told[-1].data["text"] == f"{IN_ALL - 1}":
                            break
            except httpx2.TransportError:  # the kill
                server = two
        await talking
        assert killed
        assert [event.data["text"] for event in told] == [f"{n}" for n in range(int(told[0].data["text"]), IN_ALL)]


async def test_what_ends_on_one_node_ends_streams_on_the_other_in_a_second(tmp_path: Path, postgres_url: str) -> None:
    async with (
        two_nodes(tmp_path, database=postgres_url, bus=postgres_url, load_test="1") as (one, two),
        rest(one.url) as here,
        rest(two.url) as there,
    ):
        owner = await here.guest("Ara")
        await owner.ok("POST", "/api/rooms", {"id": "yard"})
        for end in ("members", "bans", "me"):
            mina = await there.guest("Mina", "yard")
            async with stream(two.url, PATH, mina.token) as reader:
                await reader.until("start")
                if end == "members":
                    await owner.ok("DELETE", f"/api/rooms/yard/members/{mina.user}")
                elif end == "bans":
                    await owner.ok("PUT", f"/api/rooms/yard/bans/{mina.user}", {})
                else:
                    await Rest(here.http, here.document, mina.token).ok("DELETE", "/api/me")
                done = time.monotonic()
                after = await owner.ok("POST", "/api/rooms/yard/messages", {"text": "after"})
                rest_of_it = [each for each in await reader.rest() if each.name not in EPHEMERAL]
                took_s = time.monotonic() - done
            assert rest_of_it[-1].data["code"] == 4410
            assert after["seq"] not in [each.data.get("seq") for each in rest_of_it]
            print(f"{end}: {took_s:.3f} s")


@pytest.mark.parametrize("kind", RUN)
async def test_proxies_pass_events_on_as_they_come(kind: str, tmp_path: Path, postgres_url: str) -> None:
    async with two_nodes(tmp_path, database=postgres_url, bus=postgres_url, load_test="1") as (one, two):
        with RUN[kind]([one.port, two.port]) as proxy:
            async with rest(proxy.http) as anyone:
                mina = await anyone.guest("Mina", "lobby")
                async with stream(proxy.http, "/api/rooms/lobby/events", mina.token) as reader:
                    await reader.until("start")
                    for n in range(3):
                        await mina.ok("POST", "/api/rooms/lobby/messages", {"text": f"{n}"})
                        assert (await reader.until("message.sent"))[-1].data["text"] == f"{n}"


async def test_the_newest_stream_of_a_consumer_is_the_one_that_reads_on_whatever_node(
    tmp_path: Path, postgres_url: str
) -> None:
    settings = {"database": postgres_url, "bus": postgres_url}
    async with two_nodes(tmp_path, **settings) as (one, two), rest(one.url) as here:
        key = await server_key(two)
        shop = here.server(key)
        await shop.ok("PUT", "/api/consumers/search")
        async with (
            stream(one.url, "/api/events", key, consumer="search") as first,
            stream(two.url, "/api/events", key, consumer="search") as second,
        ):
            assert (await first.rest())[-1].data["code"] == 4412
            await shop.ok("DELETE", "/api/consumers/search")
            assert (await second.rest())[-1].data["code"] == 4413


async def test_a_consumer_misses_nothing_of_two_nodes_when_its_own_is_killed(tmp_path: Path, postgres_url: str) -> None:
    settings = {"database": postgres_url, "bus": postgres_url, "load_test": "1"}
    async with two_nodes(tmp_path, **settings) as (one, two), rest(one.url) as here, rest(two.url) as there:
        key = await server_key(two)
        shops = here.server(key), there.server(key)
        await shops[1].ok("PUT", "/api/consumers/search")
        rooms = [str((await shops[1].ok("POST", "/api/rooms", {}))["id"]) for _ in range(4)]
        seen: dict[str, list[int]] = {room: [] for room in rooms}
        server, killed = one, False

        async def speak(shop: Rest, first: int) -> None:
            for n in range(first, IN_ALL // 2, 2):
                if shop is shops[0] and killed:
                    return
                message = {"room": rooms[n % 4], "text": f"{n}", "as": {"id": "shop-1", "name": "Shop"}}
                with suppress(httpx2.TransportError):
                    await shop.ok("POST", "/api/publish", {"messages": [message]})

        async def speak_all() -> None:
            await asyncio.gather(speak(shops[0], 0), speak(shops[1], 1))
            ends = [{"room": room, "text": "end", "as": {"id": "shop-1", "name": "Shop"}} for room in rooms]
            await shops[1].ok("POST", "/api/publish", {"messages": ends})

        talking, ended = asyncio.create_task(speak_all()), set[str]()
        while ended != {*rooms}:
            try:
                async with stream(server.url, "/api/events", key, consumer="search") as reader:
                    last = dict[str, int]()
                    async for event in reader:
                        if (room := event.data.get("room", "")) not in seen:
                            continue
                        assert event.data["seq"] == last.get(room, event.data["seq"] - 1) + 1, "in order, no gap"
                        last[room] = event.data["seq"]
                        seen[room].append(event.data["seq"])
                        count = sum(map(len, seen.values()))
                        if count % 10 == 0:  # through the other node
                            await shops[1].ok("POST", "/api/consumers/search/acks", {"ids": [event.id]})
                        if count >= 60 and not killed:
                            killed = True
                            await one.kill()
                        if event.data.get("text") == "end":
                            ended.add(room)
                        if ended == {*rooms}:
                            break
            except httpx2.TransportError:
                server = two
        for seqs in seen.values():
            assert {*seqs} == {*range(1, max(seqs) + 1)}, "each, at least once"
        await talking
