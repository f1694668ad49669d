"""Consumers of server keys over a real server: every event of every room, at least once, in each room in order."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from madang.core.consumers import MOST
from madang.services.consuming import WINDOW
from tests.http import http_client
from tests.rest import Rest, admin_client, rest, server_key
from tests.running import Server, running_server
from tests.streams import Reader, Told, refused, stream

PATH = "/api/events"


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("consumers"), "--load-test") as server:
        yield server


@pytest.fixture
async def shop(server: Server) -> AsyncIterator[Rest]:
    """A server key of the test's own."""
    async with rest(server.url) as anyone:
        yield anyone.server(await server_key(server))


async def say(shop: Rest, room: str, *texts: str) -> None:
    wanted = [{"room": room, "text": text, "as": {"id": "shop-1", "name": "Shop"}} for text in texts]
    for at in range(0, len(wanted), 500):
        await shop.ok("POST", "/api/publish", {"messages": wanted[at : at + 500]})


async def room(shop: Rest) -> str:
    return str((await shop.ok("POST", "/api/rooms", {}))["id"])


async def ack(shop: Rest, name: str, *ids: str) -> None:
    await shop.ok("POST", f"/api/consumers/{name}/acks", {"ids": list(ids)})


@asynccontextmanager
async def consuming(server: Server, shop: Rest, name: str) -> AsyncIterator[Reader]:
    async with stream(server.url, PATH, shop.token, consumer=name) as reader:
        yield reader


async def texts(reader: Reader, rooms: set[str], count: int) -> list[Told]:
    """Read that many messages of some rooms; each room's come in order."""
    found = list[Told]()
    async for event in reader:
        if event.data.get("room") in rooms and event.name == "message.sent":
            found.append(event)
        if len(found) == count:
            break
    last = defaultdict[str, int](int)
    for event in found:
        assert event.data["seq"] > last[event.data["room"]], "in order"
        last[event.data["room"]] = event.data["seq"]
    return found


async def test_it_gets_all_that_is_new_of_every_room_and_again_what_it_did_not_acknowledge(
    server: Server, shop: Rest
) -> None:
    rooms = [await room(shop) for _ in range(5)]
    for each in rooms:
        await say(shop, each, "before")
    made = await shop.call("PUT", "/api/consumers/search")
    assert made.status_code == 201
    assert (await shop.call("PUT", "/api/consumers/search")).status_code == 200
    for each in rooms:
        await say(shop, each, "while away")
    async with consuming(server, shop, "search") as reader:
        found = await texts(reader, {*rooms}, 5)
        assert {event.data["text"] for event in found} == {"while away"}
        assert 1000 <= reader.retry_ms < 2000
        new = await room(shop)
        await say(shop, new, "live")
        assert [event.data["text"] for event in await texts(reader, {new}, 1)] == ["live"]
    await ack(shop, "search", *(event.id for event in found[:3]))
    async with consuming(server, shop, "search") as reader:
        again = await texts(reader, {*rooms, new}, 3)
        assert {(event.data["room"], event.data["text"]) for event in again} == {
            *((event.data["room"], "while away") for event in found[3:]),
            (new, "live"),
        }


async def test_it_may_begin_with_all_that_there_is(server: Server, shop: Rest) -> None:
    where = await room(shop)
    await say(shop, where, *(f"{n}" for n in range(450)))
    await shop.ok("PUT", "/api/consumers/archive", {"begin": "start"})
    async with consuming(server, shop, "archive") as reader:
        found = await texts(reader, {where}, 450)
    assert [event.data["text"] for event in found] == [f"{n}" for n in range(450)]


async def test_no_more_is_sent_than_the_window_until_some_is_acknowledged(server: Server, shop: Rest) -> None:
    await shop.ok("PUT", "/api/consumers/slow")
    where = await room(shop)
    await say(shop, where, *(f"{n}" for n in range(WINDOW + 500)))
    async with consuming(server, shop, "slow") as reader:
        ahead = await reader.take(WINDOW)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await reader.take(1)
        await ack(shop, "slow", ahead[-1].id)
    said = sum(event.name == "message.sent" for event in ahead)
    async with consuming(server, shop, "slow") as reader:
        rest_of_it = await texts(reader, {where}, WINDOW + 500 - said)
        await ack(shop, "slow", rest_of_it[-1].id)
        await say(shop, where, "last")
        assert (await texts(reader, {where}, 1))[0].data["text"] == "last"


async def test_the_newest_connection_reads(server: Server, shop: Rest) -> None:
    await shop.ok("PUT", "/api/consumers/one")
    where = await room(shop)
    async with consuming(server, shop, "one") as first, consuming(server, shop, "one") as second:
        told = await first.rest()
        assert (told[-1].name, told[-1].data["code"], told[-1].data["reason"]) == ("bye", 4412, "replaced")
        await say(shop, where, "hello")
        assert (await texts(second, {where}, 1))[0].data["text"] == "hello"


async def test_a_room_that_ends_while_it_is_away_is_told(server: Server, shop: Rest) -> None:
    where = await room(shop)
    await shop.ok("PUT", "/api/consumers/end")
    await say(shop, where, "last words")
    await shop.ok("DELETE", f"/api/rooms/{where}")
    async with consuming(server, shop, "end") as reader:
        async for event in reader:
            if event.data.get("room") == where and event.name == "room.deleted":
                break
    await ack(shop, "end", event.id)


async def test_nothing_is_missed_over_kill_9(tmp_path: Path) -> None:
    async with running_server(tmp_path, "--load-test") as server, rest(server.url) as anyone:
        shop = anyone.server(await server_key(server))
        await shop.ok("PUT", "/api/consumers/search")
        rooms = [await room(shop) for _ in range(3)]
        seen: dict[str, list[int]] = {each: [] for each in rooms}

        async def talk() -> None:
            for n in range(300):
                await say(shop, rooms[n % 3], f"{n}")

        async def read(until: int) -> None:
            async with consuming(server, shop, "search") as reader:
                async for event in reader:
                    if event.data.get("room") in seen:
                        seen[event.data["room"]].append(event.data["seq"])
                        if sum(map(len, seen.values())) % 20 == 0:
                            await ack(shop, "search", event.id)
                    if len({(r, seq) for r, seqs in seen.items() for seq in seqs if seq > 1}) >= until:
                        return

        talking = asyncio.create_task(talk())
        await read(100)
        await talking
        await server.kill()
        await server.restart()
        await read(300)
        for seqs in seen.values():
            assert sorted({*seqs} - {1}) == list(range(2, 102)), "each, at least once"


async def test_what_is_refused(server: Server, shop: Rest) -> None:
    """Bad input, each by its code."""
    async with rest(server.url) as anyone:
        mina = await anyone.guest("Mina", "lobby")
        keys = {"Authorization": f"Bearer {shop.token}"}
        assert await refused(server.url, PATH, consumer="x") == "bad_token"
        assert await refused(server.url, PATH, headers=keys) == "bad_field"
        for wrong in ("", "A", "a b", "가", "x" * 65, "-"):
            assert await refused(server.url, PATH, headers=keys, consumer=wrong) == "bad_field", wrong
        assert await refused(server.url, PATH, headers=keys, consumer="nobody") == "not_found"
        assert await refused(server.url, PATH, headers=keys, consumer="x", nope=1) == "bad_field"
        assert await refused(server.url, PATH, headers=keys, consumer="x", ticket="x") == "bad_field"
        assert (
            await refused(server.url, PATH, headers={"Authorization": f"Bearer {mina.token}"}, consumer="x")
            == "forbidden"
        )
        for method, path, json in (
            ("GET", "/api/consumers", None),
            ("PUT", "/api/consumers/x", None),
            ("DELETE", "/api/consumers/x", None),
            ("POST", "/api/consumers/x/acks", {"ids": ["lobby:1:0f"]}),
        ):
            assert await mina.refused(method, path, json) == "forbidden", (method, path)
        assert await shop.refused("PUT", "/api/consumers/x", {"begin": "then"}) == "bad_field"
        assert await shop.refused("DELETE", "/api/consumers/x") == "not_found"
        assert await shop.refused("POST", "/api/consumers/x/acks", {"ids": ["lobby:1:0f"]}) == "not_found"
        await shop.ok("PUT", "/api/consumers/x", {"begin": "start"})
        async with http_client(server.url) as http:
            assert (await http.head(PATH, params={"consumer": "x"}, headers=keys)).status_code == 200
        for ids in ([], ["x"], ["lobby:1"], ["lobby:1:0f"] * 1001, "lobby:1:0f", [1]):
            assert await shop.refused("POST", "/api/consumers/x/acks", {"ids": ids}) in ("bad_field", "too_big"), ids
        await shop.ok("POST", "/api/consumers/x/acks", {"ids": ["lobby:999:0f", "none:1:0f"]})  # of another epoch
        where = await room(shop)
        async with stream(server.url, f"/api/rooms/{where}/events", shop.token) as reader:
            (start,) = await reader.until("start")
        beyond = f"{where}:99:{start.data['epoch']}"
        assert await shop.refused("POST", "/api/consumers/x/acks", {"ids": [beyond]}) == "bad_field"
        reads = await (await admin_client(server)).ask("POST", "/keys", {"label": "Small", "scopes": ["publish"]})
        small: dict[str, Any] = {"Authorization": f"Bearer {reads['key']}"}
        assert await refused(server.url, PATH, headers=small, consumer="x") == "no_scope"


async def test_a_key_has_so_many_and_drops_them(server: Server, shop: Rest) -> None:
    for n in range(MOST):
        await shop.ok("PUT", f"/api/consumers/c{n}")
    assert await shop.refused("PUT", "/api/consumers/more") == "too_many"
    listed = (await shop.ok("GET", "/api/consumers"))["consumers"]
    assert [each["name"] for each in listed] == sorted(f"c{n}" for n in range(MOST))
    async with consuming(server, shop, "c3") as reader:
        await shop.ok("DELETE", "/api/consumers/c3")
        end = (await reader.rest())[-1].data
        assert (end["code"], end["reason"], end["reconnect"]) == (4413, "removed", "never")
    await shop.ok("PUT", "/api/consumers/more")
