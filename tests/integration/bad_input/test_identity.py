"""Who is speaking: what a client says of itself, and cids (rows 20, 32 to 34, 39, 45). Tokens are `test_tokens.py`'s."""

import json

from tests.neighbour import chatting
from tests.rest import rest
from tests.running import Server
from tests.wire import guest, upgraded


async def test_a_token_in_the_url_is_neither_read_nor_logged(server: Server) -> None:  # row 20
    async with upgraded(server.port) as raw:
        token = (await raw.ask(op="hello", n=1, guest="Mina"))["token"]
    async with chatting(server), upgraded(server.port, path=f"/ws?token={token}&access_token={token}") as raw:
        assert (await raw.ask(op="join", n=1, room="lobby"))["code"] == "hello_first"
    async with rest(server.url) as anyone:
        assert await anyone.refused("GET", f"/api/me?token={token}&access_token={token}") == "bad_token"
    assert token not in server.log.read_text()


async def test_what_the_client_says_of_itself_is_ignored(server: Server) -> None:  # row 32
    async with chatting(server), guest(server.port) as raw:
        claims = {
            "user": "madang",
            "name": "Madang",
            "sender": "madang",
            "seq": 1,
            "id": "1",
            "at": "never",
            "role": "owner",
        }
        await raw.tell({"op": "send", "n": 5, "room": "lobby", "cid": "c", "text": "me", **claims})
        answer = await raw.answer(5)
        while True:
            _, data = await raw.read()
            event = json.loads(data)
            if event.get("seq") == answer["seq"]:
                break
        assert event["name"] == "Mallory"
        assert event["id"] == answer["id"] != "1"


async def test_a_cid_belongs_to_its_user(server: Server) -> None:  # rows 33, 34
    async with chatting(server, 2), guest(server.port) as one, guest(server.port) as other:
        first = await one.ask(op="send", n=5, room="lobby", cid="same", text="one")
        second = await other.ask(op="send", n=5, room="lobby", cid="same", text="other")
        assert first["seq"] != second["seq"]
        assert (await one.ask(op="send", n=6, room="lobby", cid="same", text="two"))["code"] == "conflict"
        again = await one.ask(op="send", n=7, room="lobby", cid="same", text="one")
        assert (again["id"], again["duplicate"]) == (first["id"], True)


async def test_markup_and_sql_are_text(server: Server) -> None:  # rows 39, 45
    texts = [
        "<script>alert(1)</script>",
        "'; DROP TABLE events; --",
        "100% _ \\ %s {0} ${x}",
        "a\u202eb",
        "javascript:x",
    ]
    async with chatting(server), guest(server.port) as raw:
        for n, text in enumerate(texts, 5):
            assert (await raw.ask(op="send", n=n, room="lobby", cid=text[:64], text=text))["op"] == "ok"
        stored = (await raw.ask(op="history", n=20, room="lobby", limit=200))["messages"]
        assert [m["text"] for m in stored if m["text"] in texts] == texts
