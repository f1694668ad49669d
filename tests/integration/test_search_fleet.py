"""Searching on two nodes of a fleet, on each database server: whoever asks whichever node finds what a scan finds."""

import random
from pathlib import Path

import pytest

from tests.integration.test_search import QUERIES, TEXTS, all_of, scan, search
from tests.redis import RedisServer
from tests.rest import Rest, rest
from tests.scenario.fleet.two_nodes import two_nodes

pytestmark = pytest.mark.redis


async def test_both_nodes_find_what_was_acked_by_either(
    tmp_path: Path, server_url: str, redis_server: RedisServer
) -> None:
    chance = random.Random(14)
    said: dict[tuple[str, int], tuple[int, str]] = {}
    settings = {"database": server_url, "bus": redis_server.url, "load_test": "1"}
    async with two_nodes(tmp_path, **settings) as (one, two), rest(one.url) as here, rest(two.url) as there:
        ann = await here.guest("Ann")
        doors = [ann, Rest(there.http, there.document, ann.token)]
        rooms = ["one", "two"]
        for room in rooms:
            await ann.ok("POST", "/api/rooms", {"id": room, "title": room})
        for _ in range(15):
            door, room = chance.choice(doors), chance.choice(rooms)
            known = [seq for where, seq in said if where == room]
            kind = chance.choice(["send", "send", "edit", "delete"]) if known else "send"
            text = chance.choice(TEXTS)
            if kind == "send":
                stored = await door.ok("POST", f"/api/rooms/{room}/messages", {"text": text})
                said[room, stored["seq"]] = int(stored["id"]), text
            elif kind == "edit":
                seq = chance.choice(known)
                await door.ok("PATCH", f"/api/rooms/{room}/messages/{seq}", {"text": text})
                said[room, seq] = said[room, seq][0], text
            else:
                seq = chance.choice(known)
                await door.ok("DELETE", f"/api/rooms/{room}/messages/{seq}")
                del said[room, seq]
            q = chance.choice(QUERIES)
            told = [(m["room"], m["seq"]) for m in await all_of(chance.choice(doors), q, chance.choice([2, 50]))]
            assert told == scan(said, q, rooms), q
        await one.kill()
        left = doors[1]
        await left.ok("POST", "/api/rooms/one/messages", {"text": "혼자 남은 회의"})
        assert (await search(left, "혼자 남은"))["complete"]
        assert [(m["room"], m["seq"]) for m in (await all_of(left, "회의"))[1:]] == scan(said, "회의", rooms)
