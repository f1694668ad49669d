"""What somebody said comes out whole, page by page: over REST for themselves, by the command line for the operator."""

import json
from pathlib import Path
from typing import Any

from tests.rest import Rest, rest
from tests.running import madang, running_server


async def pages(of: Rest, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await of.ok("GET", f"/api/me/export?limit={limit}&after={after}")
        assert len(page["messages"]) <= limit
        found += page["messages"]
        if not (after := page.get("next", "")):
            return found


async def test_what_a_user_said_is_exported(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        mina, bora = [await anyone.guest(name, "lobby") for name in ("Mina", "Bora")]
        for room in ("garden", "yard"):
            await mina.ok("POST", "/api/rooms", {"id": room, "title": room, "access": "open"})
        said = [("garden", "one"), ("yard", "two"), ("lobby", "three"), ("garden", "네 번째")]
        for n, (room, text) in enumerate(said):
            await mina.ok("POST", f"/api/rooms/{room}/messages", {"text": text, "cid": f"{n}"})
        await bora.ok("POST", "/api/rooms/lobby/messages", {"text": "Bora's", "cid": "b"})
        await mina.ok("DELETE", "/api/rooms/lobby/members/me")
        expected = sorted(said, key=lambda one: one[0])  # in each room in order
        for limit in (1, 3, 200):
            assert [(m["room"], m["text"]) for m in await pages(mina, limit)] == expected

        done = await madang("user", "export", mina.user, "--data", tmp_path)
        lines = [json.loads(line) for line in done.out.splitlines()]
        assert [(m["room"], m["text"]) for m in lines] == expected
        assert done.err == "4 messages.\n"
        mark = f"{lines[1]['seq']}:{lines[1]['room']}"
        rest_of_it = await madang("user", "export", mina.user, "--after", mark, "--data", tmp_path)
        assert [json.loads(line) for line in rest_of_it.out.splitlines()] == lines[2:]
    nobody = await madang("user", "export", "u-nobody", "--data", tmp_path)
    assert (nobody.status, nobody.out) == (0, ""), "also while no server runs"
