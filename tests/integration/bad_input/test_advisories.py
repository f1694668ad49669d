"""Holes that other systems had, each tried here: a test per advisory, named by it. `catalogue.py` has the table."""

import asyncio
import json
import pickle
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any, Final

import jwt
import pytest

from madang.adapters.bus.envelopes import SIGNATURE, VERSION, BadSignature, Content, Signer
from madang.core.events import Event
from madang.core.signing import lone_keyring
from tests.conformance.cases import echo
from tests.integration.bad_input.advisories import advisories
from tests.integration.bad_input.test_compression import memory
from tests.neighbour import chatting
from tests.rest import Rest, rest, server_key
from tests.running import Server
from tests.wire import CONTINUATION, GONE, PING, PONG, TEXT, Raw, dialled, frame, guest, length, upgrade, upgraded

KEYS: Final = lone_keyring(b"the installation's secret, 32 by")
MUCH: Final = 8 * 2**20  # bytes, more than what the server may keep for somebody who has not said who they are


@pytest.fixture
async def anyone(server: Server) -> AsyncIterator[Rest]:
    async with rest(server.url) as client:
        yield client


# -- frames ------------------------------------------------------------------------------------------------------------


@advisories("CVE-2026-44545")
async def test_frames_without_measure(server: Server, advisory: str) -> None:
    before = memory(server.pid)
    endless = frame(TEXT, b"x" * 60_000, fin=False) + frame(CONTINUATION, b"x" * 60_000, fin=False) * 500
    async with chatting(server, 2):
        for what in (bytes([0x81]) + length(2**40) + b"x" * 30_000_000, endless):
            async with upgraded(server.port) as raw:
                await raw.send(what)
                assert await raw.closed() in (1009, GONE)  # a reset may overtake the close: much was not read
    assert memory(server.pid) - before < MUCH


@advisories("CVE-2026-27889")
@pytest.mark.parametrize("seed", range(5))
async def test_malformed_frames(server: Server, advisory: str, seed: int) -> None:
    """Sound frames with bytes of them changed, cut and joined at random."""
    chance = random.Random(seed)
    sound = [
        frame(TEXT, echo(1)),
        frame(PING, "x"),
        frame(PONG),
        frame(CONTINUATION, "x"),
        frame(TEXT, "x" * 300),
        frame(8),
    ]
    async with chatting(server, 20):
        for _ in range(20):
            data = bytearray(b"".join(chance.choices(sound, k=5)))
            for _ in range(chance.randint(1, 5)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            async with upgraded(server.port) as raw:
                await raw.send(bytes(data[: chance.randint(1, len(data))]))
                raw.hang_up()
                await raw.closed()


# -- heads -------------------------------------------------------------------------------------------------------------


@advisories("CVE-2024-37890", "CVE-2026-22815")
async def test_heads_without_measure(server: Server, advisory: str) -> None:
    chunks = b"POST /api/guests HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    before = memory(server.pid)
    floods = [
        upgrade(*(f"X-{n}: y" for n in range(200_000))),
        upgrade("Connection: x" + ", y" * 2_000_000),
        upgrade("X: " + "y" * 20_000_000),
        chunks + b"0\r\n" + b"X: y\r\n" * 3_000_000,
        chunks + b"0\r\nX: " + b"y" * 20_000_000,
    ]
    for flood in floods:
        async with chatting(server), dialled(server.port) as raw:
            sending = asyncio.create_task(raw.send(flood))
            assert await raw.status() in (431, 0)  # a reset may overtake the answer: much was not read
            await sending
    assert memory(server.pid) - before < MUCH


@advisories("CVE-2021-32640", "Granian")
async def test_odd_subprotocols(server: Server, advisory: str) -> None:
    for protocol in ("b" + " " * 14_000 + "x", "b" + " " * 30_000 + "x", ", " * 7000, "caf\xe9", "\xff"):
        async with chatting(server), dialled(server.port) as raw:
            await raw.send(upgrade(f"Sec-WebSocket-Protocol: {protocol}"))
            assert await raw.status() in (400, 431)


@advisories("CVE-2022-21676")
async def test_crafted_requests(server: Server, advisory: str) -> None:
    socket_io = "/socket.io/?EIO=4&transport="
    requests = [
        upgrade(path=socket_io), upgrade(path=socket_io + "websocket&sid=x"), upgrade(path="/socket.io/?EIO=%00"),
        upgrade(path=socket_io + "polling"), upgrade(path="/socket.io/?transport=websocket&EIO=4&EIO=3"),
        upgrade(path=socket_io + "websocket", method="POST"), upgrade(path="//[::"), upgrade(path="/ws%00"), upgrade(path="/%ff"),
        upgrade(path="*"), upgrade("Upgrade: websocket"), upgrade("Upgrade: h2c", "HTTP2-Settings: x"),
    ]  # fmt: skip
    for request in requests:
        async with chatting(server), dialled(server.port) as raw:
            await raw.send(request)
            assert await raw.status() in (400, 404, 405, 426)


# -- who is speaking ---------------------------------------------------------------------------------------------------


@advisories("GHSA-f53g-frr2-jhpf", "CVE-2019-13611")
async def test_foreign_pages(server: Server, advisory: str) -> None:
    async with upgraded(server.port) as raw:
        token = (await raw.ask(op="hello", n=1, guest="Mina"))["token"]
    for more in ("", f"Cookie: token={token}; session={token}", f"Authorization: Bearer {token}"):
        async with chatting(server), dialled(server.port) as raw:
            await raw.send(upgrade("Origin: https://evil.example", *([more] if more else [])))
            assert await raw.status() == 403
    async with upgraded(server.port, f"Cookie: token={token}", f"Authorization: Bearer {token}") as raw:
        assert (await raw.ask(op="rooms", n=1))["code"] == "hello_first"  # nothing but hello says who one is


@advisories("CVE-2026-32301", "CVE-2026-49998")
async def test_tokens_that_name_where_to_look(server: Server, anyone: Rest, advisory: str) -> None:
    callers = 0

    def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal callers
        callers += 1
        writer.close()

    async with await asyncio.start_server(called, "127.0.0.1") as listener:
        url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/keys"
        mina = await anyone.guest("Mina", "lobby")
        claims = jwt.decode(mina.token, options={"verify_signature": False})
        for name, value in [("jku", url), ("x5u", url), ("kid", url), ("kid", "mk_"), ("kid", "madang/invite")]:
            forged = jwt.encode(claims | {"iss": url, "name": url}, b"w" * 32, "HS256", {name: value})
            async with chatting(server), upgraded(server.port) as raw:
                assert (await raw.ask(op="hello", n=1, token=forged))["code"] == "bad_token"
            assert await anyone.refused("GET", "/api/me", headers={"Authorization": f"Bearer {forged}"}) == "bad_token"
        await mina.ok("POST", "/api/rooms/lobby/messages", {"text": f"see {url}", "data": {"url": url, "image": url}})
        await mina.ok("GET", "/livez")
    assert not callers


@advisories("CVE-2020-35681")
async def test_everybody_gets_his_own_answers(server: Server, anyone: Rest, advisory: str) -> None:
    async def by_socket(n: int, raw: Raw) -> None:
        name = f"Person {n}"
        mine = range(n * 1000, n * 1000 + 5)
        await raw.tell({"op": "hello", "n": mine[0], "guest": name}, *({"op": "ping", "n": k} for k in mine[1:]))
        answers = [await raw.answer() for _ in mine]
        assert [answer["n"] for answer in answers] == list(mine)
        assert answers[0]["user"]["name"] == name
        who = await anyone.ok("GET", "/api/me", headers={"Authorization": f"Bearer {answers[0]['token']}"})
        assert who["user"] == answers[0]["user"]

    async with chatting(server), AsyncExitStack() as crowd:
        raws = [await crowd.enter_async_context(upgraded(server.port)) for _ in range(200)]
        await asyncio.gather(*(by_socket(n, raw) for n, raw in enumerate(raws)))


@advisories("CVE-2017-5589", "CVE-2020-26547")
async def test_the_sender_is_who_sent_it(server: Server, anyone: Rest, advisory: str) -> None:
    mina, mallory = await anyone.guest("Mina", "lobby"), await anyone.guest("Mallory", "lobby")
    claims = {
        "user": mina.user,
        "name": "Mina",
        "sender": mina.user,
        "from": mina.user,
        "id": "1",
        "seq": 1,
        "at": "2000-01-01",
    }
    text = "by Mallory"
    for claim, said in claims.items():
        assert await mallory.refused("POST", "/api/rooms/lobby/messages", {"text": text, claim: said}) == "bad_field"
    sent = await mallory.ok("POST", "/api/rooms/lobby/messages", {"text": text, "data": {"forwarded": claims}})
    assert (
        await mallory.refused(
            "POST", "/api/rooms/lobby/messages", {"text": "x", "as": {"id": mina.user, "name": "Mina"}}
        )
        == "forbidden"
    )
    history = await mina.ok("GET", "/api/rooms/lobby/messages?limit=200")
    async with guest(server.port, rooms=()) as raw:
        live = (await raw.ask(op="join", n=5, room="lobby"))["events"]
    for shown in (*history["messages"], *live):
        if shown.get("text") == text:
            assert (shown["user"], shown["name"], shown["seq"]) == (mallory.user, "Mallory", sent["seq"])


# -- what is kept, and who sees it -------------------------------------------------------------------------------------


@advisories("CVE-2021-22911")
async def test_objects_are_no_queries(server: Server, anyone: Rest, advisory: str) -> None:
    mina = await anyone.guest("Mina", "lobby")
    queries: list[Any] = [{"$ne": None}, {"$gt": ""}, {"$regex": ".*"}, ["lobby"], {"query": {"match_all": {}}}]
    for query in queries:
        async with chatting(server), guest(server.port) as raw:
            for n, (op, field) in enumerate(
                [("join", "room"), ("join", "invite"), ("history", "room"), ("kick", "user"), ("send", "cid")]
            ):
                more = {"room": "lobby", "text": "x", "cid": "c", "user": "u", field: query}
                assert (await raw.ask(op=op, n=n, **more))["code"] == "bad_field", (op, field)
        for path, field in [("/api/guests", "name"), ("/api/rooms", "id"), ("/api/rooms/lobby/messages", "cid")]:
            assert await mina.refused("POST", path, {"text": "x", "name": "x", field: query}) == "bad_field"
        assert await mina.refused("PUT", "/api/rooms/lobby/members/me", {"invite": query}) == "bad_field"


@advisories("CVE-2026-23477")
async def test_no_secret_is_in_an_answer(server: Server, anyone: Rest, advisory: str) -> None:
    key = await server_key(server)
    mina, backend = await anyone.guest("Mina"), anyone.server(key)
    await mina.ok("POST", "/api/rooms", {"id": "secrets"})
    database = sqlite3.connect(server.data / "madang.db")
    (hash,) = database.execute("SELECT hash FROM server_keys").fetchone()
    database.close()
    known = {
        "room": "secrets",
        "id": "secrets",
        "seq": 1,
        "user": mina.user,
        "emoji": "x",
        "invite": "x",
        "session": "x",
        "paper": "x",
        "name": "x",
        "version": 1,
    }
    fields = {"text": "x", "role": "member", "seq": 1, "name": "M"}
    for who in (anyone, mina, backend):
        for path, operations in anyone.document["paths"].items():
            for method, operation in operations.items():
                taken = json.dumps(operation.get("requestBody", {})).partition("schemas/")[2].partition('"')[0]
                known_here = anyone.document["components"]["schemas"].get(taken, {}).get("properties", {})
                body = {name: value for name, value in fields.items() if name in known_here}
                response = await who.call(method.upper(), path.format(**known), body)
                found = response.text + str(response.headers)
                assert hash not in found
                assert key.split("_", 2)[2] not in found  # the secret itself may have a _
                assert who is mina or mina.token not in found
    assert key not in server.log.read_text()
    assert mina.token not in server.log.read_text()


ODD_DATA: Final = [
    '{"__proto__":{"x":1},"constructor":null}', "1e308", "-0.0", "12345678901234567890123", "[" * 10 + "]" * 10,
    '"\\u2028\\u2029\\u00a0"', '{"":""}', '{"op":"event","seq":1,"type":"room.created"}', "[]", '{"a":null}', "false",
    '"' + "x" * 16_000 + '"', '{"a":1,"A":1,"\\u0061b":1}',
]  # fmt: skip
ODD_TEXT: Final = [
    '","seq":99,"text":"', "</script><!--", "a\u2028b\u2029", "a\u202eb\u2066", "\\u0000", "x" * 4000, "\U0010fffd", "\r\n.\r\n",
    "data: x\n\nevent: y", "👨‍👩‍👧‍👦" * 300,
]  # fmt: skip


@advisories("CVE-2024-31208", "CVE-2026-45076", "CVE-2022-39374")
async def test_an_event_that_was_taken_can_be_read(server: Server, anyone: Rest, advisory: str) -> None:
    """Whatever is answered ok comes back whole, live, by paging, by joining and resuming, and among pins; or is refused."""
    room = "odd"
    async with chatting(server), guest(server.port, rooms=()) as raw:
        await raw.ask(op="create", n=1, room=room)
        joined = await raw.ask(op="join", n=2, room=room)
        taken: dict[int, tuple[str, Any]] = {}
        for n, (text, data) in enumerate([*((t, "0") for t in ODD_TEXT), *(("", d) for d in ODD_DATA)], 10):
            command = json.dumps({"op": "send", "n": n, "room": room, "cid": f"c{n}", "text": text, "data": "DATA"})
            while True:
                await raw.tell(command.replace('"DATA"', data))
                answer = await raw.answer(n)
                if answer.get("code") != "rate_limited":
                    break
                await asyncio.sleep(answer["retry_ms"] / 1000)
            if answer["op"] == "ok":
                taken[answer["seq"]] = (text, json.loads(data))
                await raw.ask(op="pin", n=n, room=room, seq=answer["seq"])
            else:
                assert answer["code"] in ("bad_text", "bad_json", "too_big"), (text, data, answer)
        assert len(taken) > 15

        found: dict[int, tuple[str, Any]] = {}
        before, more = None, True
        while more:
            page = await raw.ask(op="history", n=200, room=room, limit=3, **({"before": before} if before else {}))
            found |= {m["seq"]: (m["text"], m.get("data")) for m in page["messages"]}
            before, more = page["messages"][0]["seq"], page["more"]
        assert found == taken
        again = await raw.ask(op="join", n=201, room=room, since=joined["seq"], epoch=joined["epoch"])
        events = [e for e in again["events"] if e["type"] == "message.sent"]
        assert {e["seq"]: (e["text"], e.get("data")) for e in events} == {
            k: v for k, v in taken.items() if k <= again["seq"]
        }
        pins = (await raw.ask(op="pins", n=202, room=room))["messages"]
        assert {m["seq"] for m in pins} <= set(taken)


@advisories("CVE-2026-1629")
async def test_nothing_of_a_room_outlives_the_membership(server: Server, anyone: Rest, advisory: str) -> None:
    owner, mallory = await anyone.guest("Mina"), await anyone.guest("Mallory")
    room = "/api/rooms/once"
    await owner.ok("POST", "/api/rooms", {"id": "once", "access": "invite"})
    invite = await owner.ok("POST", f"{room}/invites")
    await mallory.ok("PUT", f"{room}/members/me", {"invite": invite["invite"]})
    await owner.ok("POST", f"{room}/messages", {"text": "for members"})
    async with chatting(server), upgraded(server.port) as raw:
        await raw.ask(op="hello", n=1, token=mallory.token)
        joined = await raw.ask(op="join", n=2, room="once")
        assert "for members" in json.dumps(joined)
        await owner.ok("DELETE", f"{room}/members/{mallory.user}")
        await owner.ok("POST", f"{room}/messages", {"text": "without them"})
        resume = {"op": "join", "room": "once", "since": joined["seq"], "epoch": joined["epoch"]}
        answers = [await raw.ask(op=op, n=n, room="once")
                   for n, op in enumerate(("history", "pins", "members", "presence"), 10)]  # fmt: skip
        answers += [await raw.ask(**resume, n=20), await raw.ask(op="join", n=21, room="once")]
        assert {answer["code"] for answer in answers} == {"not_member", "not_found"}
        assert "once" not in json.dumps(await raw.ask(op="rooms", n=30))
    for path in ("", "/messages", "/pins", "/members"):
        assert await mallory.refused("GET", room + path) == "not_found"


# -- between nodes -----------------------------------------------------------------------------------------------------


class _Payload:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (self.path, "w")


@advisories("CVE-2025-61765")
def test_a_pickle_from_the_bus_is_not_run(advisory: str, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    pickled = pickle.dumps(_Payload(str(ran)))
    with closing(pickle.loads(pickled)):
        assert ran.exists(), "it would run"
    ran.unlink()
    for envelope in (pickled, VERSION + pickled, VERSION + bytes(SIGNATURE) + pickled):
        with pytest.raises(BadSignature):
            list(Signer(KEYS, "here").unpack(envelope, "c", ["lobby"]))
    assert not ran.exists()


@advisories("CVE-2026-28759")
def test_only_nodes_of_the_installation_remove_members(advisory: str) -> None:
    kick = Event("lobby", 2, 1, "member.kicked", "u-mallory", "Mallory", 0, b'{"member":"u-mina"}')
    envelope = {"lobby": Content([kick], [])}
    here = Signer(KEYS, "here")
    assert dict(here.unpack(Signer(KEYS, "there").pack(envelope, "c"), "c", ["lobby"]))["lobby"].events == [kick]
    with pytest.raises(BadSignature):
        list(
            here.unpack(
                Signer(lone_keyring(b"another secret of 32 bytes......"), "there").pack(envelope, "c"), "c", ["lobby"]
            )
        )
