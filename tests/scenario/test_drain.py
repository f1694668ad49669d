"""F36: SIGTERM under load. What was taken is stored and acked, sockets are told when to come back, and the process ends."""

import asyncio
from pathlib import Path

import httpx2

from tests.running import running_server
from tests.scenario.crowd import deaf, person


async def test_a_restart_in_order_loses_nothing_and_says_goodbye(tmp_path: Path) -> None:
    async with running_server(tmp_path, "--load-test") as server:
        people = [await person(server, f"P{i}") for i in range(5)]
        silent = deaf(server)

        async def chatter(who: int) -> None:
            try:
                for i in range(1_000_000):
                    await people[who].send(f"{who}-{i}", "x" * 500)
                    if not i % 20:
                        await asyncio.sleep(0)
            except Exception:  # closed, as it should be
                return

        tasks = [asyncio.create_task(chatter(who)) for who in range(5)]
        await people[0].hears(lambda: len(people[0].acks) > 200)
        assert await asyncio.wait_for(server.stop(), 10.0) == 0
        await asyncio.gather(*tasks)
        for p in people:
            assert await p.closed() == 1012
            assert p.notices[-1] == "bye"
        silent.close()
        await server.start()
        reader = await person(server, "Reader")
        again = {cid: seq for p in people for cid, seq in p.acks.items()}
        await reader.leave()
        stored = await _stored_seqs(server.url, max(again.values()))
        assert set(again.values()) <= stored
        assert await server.stop() == 0


async def _stored_seqs(url: str, last: int) -> set[int]:
    """Read the seqs of all messages up to `last` over REST."""
    async with httpx2.AsyncClient(base_url=url) as http:
        token = (await http.post("/api/guests", json={"name": "Auditor"})).json()["token"]
        http.headers["Authorization"] = f"Bearer {token}"
        await http.put("/api/rooms/lobby/members/me")
        seqs: set[int] = set()
        after = 0
        while after < last:
            page = (await http.get("/api/rooms/lobby/messages", params={"after": after, "limit": 200})).json()
            seqs |= {m["seq"] for m in page["messages"]}
            if not page["more"]:
                break
            after = page["messages"][-1]["seq"]
        return seqs
