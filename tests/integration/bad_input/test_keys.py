"""Server keys that are asked for what they are not for (row 66)."""

from tests.rest import admin_client, rest
from tests.running import Server


async def test_a_key_is_refused_for_what_it_is_not_for(server: Server) -> None:  # row 66
    """In the same words, whether there is such a room or not, and without a look at the body."""
    made = await (await admin_client(server)).ask("POST", "/keys", {"label": "Reader", "scopes": ["read"]})
    async with rest(server.url) as anyone:
        reader = anyone.server(made["key"])
        told = []
        for room in ("lobby", "no-such-room"):
            for body in ({"text": "hello"}, {"text": 1}, {"text": "x" * 60_000}):
                answer = await reader.call("POST", f"/api/rooms/{room}/messages", body)
                told.append((answer.status_code, answer.text))
        assert len(set(told)) == 1
        assert told[0][0] == 403
        assert await reader.refused("DELETE", "/api/rooms/lobby") == "no_scope"
        assert await reader.refused("POST", "/api/guests", {"name": "Mina"}) == "no_scope"
        await reader.ok("GET", "/api/rooms/lobby/messages")
