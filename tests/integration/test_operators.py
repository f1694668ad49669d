"""What an operator does by the command line and by the admin listener: reports, word lists, and the trail of all of it."""

from pathlib import Path

import httpx2

from tests.rest import admin_client, rest, server_key
from tests.running import madang, running_server
from tests.waiting import PATIENCE_S
from tests.wire import upgraded


async def test_an_operator_sees_reports_and_resolves_them(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        ara, bora = await anyone.guest("Ara", "lobby"), await anyone.guest("Bora", "lobby")
        seq = (await ara.ok("POST", "/api/rooms/lobby/messages", {"text": "rude"}))["seq"]
        await bora.ok("POST", "/api/rooms/lobby/reports", {"seq": seq, "reason": "so\nrude"})
        listed = (await madang("report", "list", "lobby", "--data", tmp_path)).out
        assert f"{seq}  by Ara ({ara.user})" in listed and f"Bora ({bora.user})" in listed and "“so rude”" in listed
        resolved = await madang("report", "resolve", "lobby", str(seq), "--data", tmp_path)
        assert (resolved.status, resolved.out) == (
            0,
            f"The reports of {seq} are resolved; 0 messages have open ones.\n",
        )
        assert (await madang("report", "list", "lobby", "--data", tmp_path)).out == ""
        for wrong in (("lobby", str(seq)), ("nowhere", "1")):
            refused = await madang("report", "resolve", *wrong, "--data", tmp_path)
            assert (refused.status, refused.out) == (1, "")
        assert (await madang("report", "list", "nowhere", "--data", tmp_path)).status == 1


async def test_an_operator_keeps_words_out(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        ara = await anyone.guest("Ara", "lobby")

        async def say(text: str) -> str:
            response = await ara.call("POST", "/api/rooms/lobby/messages", {"text": text})
            return "" if response.is_success else str(response.json()["error"]["code"])

        at = ("--data", tmp_path)
        assert (await madang("words", "add", "refuse", "apple", "pear", *at)).out == "2 words are listed.\n"
        assert (await say("an apple"), await say("a plum")) == ("bad_words", "")
        assert (await madang("words", "add", "mask", "pear", *at)).status == 0
        assert (await madang("words", "list", *at)).out == "refuse  apple\nmask    pear\n"
        assert (await madang("words", "remove", "apple", *at)).out == "1 words are listed.\n"
        assert await say("an apple") == ""
        assert (await madang("words", "add", "refuse", "plum", "--room", "lobby", *at)).status == 0
        assert (await madang("words", "list", "--room", "lobby", *at)).out == "refuse  plum\n"
        assert await say("a plum") == "bad_words"
        for wrong in (("add", "burn", "x"), ("list", "--room", "nowhere")):
            refused = await madang("words", *wrong, *at)
            assert (refused.status, refused.out) == (1, ""), wrong


async def test_whatever_an_operator_does_is_noted_with_who_did_it(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        at = ("--data", tmp_path)
        code = (await madang("user", "create", "chan", "--admin", *at)).out.strip()
        chan = await anyone.ok(
            "PUT", "/api/me/password", {"login": "chan", "code": code, "password": "a long password"}
        )
        assert (await madang("key", "create", "Shop", *at)).status == 0
        port = (await admin_client(server)).port
        headers = {"Authorization": f"Bearer {chan['token']}"}
        async with httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False, timeout=PATIENCE_S
        ) as admin:
            (key,) = (await admin.get("/keys")).json()["keys"]
            assert (await admin.delete(f"/keys/{key['id']}")).status_code == 204
            assert (await admin.delete("/keys/none")).status_code == 404
            assert (await admin.put("/words", json={"refuse": ["apple"]})).status_code == 200
            bora = (await anyone.guest("Bora", "lobby")).user
            assert (await admin.delete(f"/users/{bora}")).status_code == 204
            refused = await admin.delete(f"/users/{bora}", headers={"Authorization": "Bearer none"})
            assert refused.status_code == 401
            trail = (await admin.get("/audit")).json()["entries"]
        by_chan = chan["user"]["id"]
        assert [(each["what"], each["by"], each.get("details", {})) for each in trail] == [
            ("deluser", by_chan, {"said": "keep"}),
            ("set_words", by_chan, {}),
            ("drop_key", by_chan, {"id": "none"}),
            ("drop_key", by_chan, {"id": key["id"]}),
            ("create_key", "madang", {}),
            ("make_account", "madang", {}),
        ]
        printed = (await madang("audit", "--limit", "2", *at)).out.splitlines()
        assert len(printed) == 2 and f"deluser by chan ({by_chan})  somebody ({bora})  said=keep" in printed[0]


async def test_a_name_that_nobody_should_read_is_taken_away(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        shop, ara = anyone.server(await server_key(server)), await anyone.guest("Ara", "lobby")
        people = [await anyone.guest("Rude", "lobby") for _ in range(2)]
        for person in people:
            await person.ok("PATCH", "/api/me", {"picture": "https://a.example/rude"})
        async with upgraded(server.port) as live:
            assert (await live.ask(op="hello", n=1, token=people[0].token))["op"] == "ok"
            assert (await live.ask(op="join", n=2, room="lobby", limit=0))["op"] == "ok"
            assert await ara.refused("DELETE", f"/api/users/{people[0].user}/profile") == "forbidden"
            left = await shop.ok("DELETE", f"/api/users/{people[0].user}/profile")
            assert (left["name"], left.get("picture", "")) == ("User", "")
            assert (await madang("user", "reset", people[1].user, "--data", tmp_path)).status == 0
            answer = await live.ask(op="send", n=3, room="lobby", cid="c", text="hello")
            assert answer["op"] == "ok", "the connection goes on"
        members = (await ara.ok("GET", "/api/rooms/lobby/members"))["members"]
        shown = {m["user"]: (m["name"], m.get("picture")) for m in members}
        assert [shown[person.user] for person in people] == [("User", None)] * 2
        (said,) = (await ara.ok("GET", "/api/rooms/lobby/messages"))["messages"]
        assert (said["user"], said["name"]) == (people[0].user, "User")
        assert (await people[0].ok("PATCH", "/api/me", {"name": "Bora"}))["user"]["name"] == "Bora"
        assert await shop.refused("DELETE", "/api/users/nobody/profile") == "not_found"
        trail = (await madang("audit", "--data", tmp_path)).out
        assert trail.count("reset_user") == 3 and f"id={people[1].user}" in trail
