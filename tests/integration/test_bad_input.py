"""Bad input on the wire: for every kind an error or a close with its code, and meanwhile another client chats on.

The numbers are the rows of the catalogue of bad input that this protocol was written against. Every bad client comes
from an address of its own, so that limits per address are met only where they are meant.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests import wire
from tests.integration.bad_input import COMMANDS, FRAMES, HANDSHAKES, NAMES, OFFERS, cases
from tests.running import Server, running_server
from tests.wire import TEXT, Raw, dialled, frame, guest, upgrade, upgraded

bad_clients = 0  # how many have been let loose; the log may have a line for each


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("bad-input")) as server:
        yield server


@asynccontextmanager
async def chatting(server: Server, clients: int = 1) -> AsyncIterator[None]:
    """Let bad clients loose while another one is connected, and see that it still chats within a second."""
    global bad_clients
    bad_clients += clients
    async with guest(server.port, "Neighbour") as neighbour:
        yield
        async with asyncio.timeout(1):
            await neighbour.tell({"op": "send", "n": 9, "room": "lobby", "cid": "c-1", "text": "still here"})
            seq = (await neighbour.answer(9))["seq"]
            while True:
                opcode, data = await neighbour.read()
                if opcode == TEXT and json.loads(data).get("seq") == seq:
                    break


@pytest.mark.parametrize(("data", "code"), cases(FRAMES))
async def test_frame(server: Server, data: bytes, code: int | tuple[int, ...]) -> None:
    async with chatting(server), upgraded(server.port) as raw:
        await raw.send(data)
        assert await raw.closed() in (code if isinstance(code, tuple) else (code,))


@pytest.mark.parametrize(("text", "code"), cases(COMMANDS))
async def test_command(server: Server, text: str, code: str | tuple[str, ...]) -> None:
    async with chatting(server), guest(server.port) as raw:
        await raw.tell(text)
        answer = await raw.answer()
        assert answer["op"] == "error"
        assert answer["code"] in (code if isinstance(code, tuple) else (code,))
        assert (await raw.ask(op="ping", n=6))["op"] == "ok"  # the connection lives


async def test_names(server: Server) -> None:
    async with chatting(server), upgraded(server.port) as raw:
        for n, (row, name) in enumerate(NAMES, 1):
            answer = await raw.ask(op="hello", n=n, guest=name)
            assert answer.get("code") == "bad_name", (row, ascii(name))


@pytest.mark.parametrize(("request_", "statuses"), cases(HANDSHAKES))
async def test_handshake(server: Server, request_: bytes, statuses: tuple[int, ...]) -> None:
    async with chatting(server), dialled(server.port) as raw:
        await raw.send(request_)
        assert await raw.status() in statuses
        assert "sec-websocket-extensions" not in raw.headers


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 101),
        ("http://HOST", 101),
        ("https://HOST", 101),  # TLS ends at the proxy
        ("null", 403),
        ("http://HOST.evil.io", 403),
        ("http://app.HOST", 403),
        ("http://evil.io", 403),
        ("http://evil.io/HOST", 403),
        ("http://HOST@evil.io", 403),
        ("http://HOST:1", 403),
        ("http://localhost", 403),
        ("http://HOST, http://evil.io", 403),
        ("file://", 403),
        ("", 403),
    ],
)
async def test_origin(server: Server, origin: str | None, status: int) -> None:  # row 18
    host = f"chat.example:{server.port}"
    async with chatting(server), dialled(server.port) as raw:
        headers = [] if origin is None else [f"Origin: {origin.replace('HOST', host)}"]
        await raw.send(upgrade(*headers, host=host))
        assert await raw.status() == status


async def test_two_origins(server: Server) -> None:  # row 18
    async with chatting(server), dialled(server.port) as raw:
        await raw.send(upgrade("Origin: http://localhost", "Origin: http://evil.io"))
        assert await raw.status() in (400, 403)


async def test_a_token_in_the_url_is_neither_read_nor_logged(server: Server) -> None:  # row 20
    async with upgraded(server.port) as raw:
        token = (await raw.ask(op="hello", n=1, guest="Mina"))["token"]
    async with chatting(server), upgraded(server.port, path=f"/ws?token={token}&access_token={token}") as raw:
        assert (await raw.ask(op="join", n=1, room="lobby"))["code"] == "hello_first"
    assert token not in server.log.read_text()


async def test_tokens_that_are_none(server: Server) -> None:  # rows 21 and 22, as far as there are tokens
    async with upgraded(server.port) as raw:
        token = (await raw.ask(op="hello", n=1, guest="Mina"))["token"]
    head, claims, signature = token.split(".")
    none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"
    for bad in (
        f"{none}.{claims}.",
        f"{head}.{claims}.",
        f"{head}.{claims}.{signature[::-1]}",
        "",
        ".",
        "x",
        token + "x",
    ):
        async with chatting(server), upgraded(server.port) as raw:
            assert (await raw.ask(op="hello", n=1, token=bad))["code"] == "bad_token"
            assert await raw.closed() == 4401


# -- time: who says nothing ----------------------------------------------------------------------------------------------


async def test_who_says_nothing_is_let_go(server: Server) -> None:  # rows 9, 15, 16
    async def silent_tcp() -> float:
        async with dialled(server.port) as raw:
            return await until(raw.status())

    async def slow_handshake() -> float:
        async with dialled(server.port) as raw:
            drip = asyncio.create_task(dripping(raw))
            try:
                return await until(raw.status())
            finally:
                drip.cancel()

    async def dripping(raw: Raw) -> None:
        for byte in upgrade():
            await raw.send(bytes([byte]))
            await asyncio.sleep(1)

    async def no_hello() -> float:
        async with upgraded(server.port) as raw:
            return await until(raw.closed(within=15), 4408)

    async def half_a_message() -> float:
        async with upgraded(server.port) as raw:
            await raw.send(frame(TEXT, "{", fin=False))
            return await until(raw.closed(within=15), 4408)

    async def until(end: Awaitable[int], code: int = 0) -> float:
        started = time.monotonic()
        assert await end == code
        return time.monotonic() - started

    async with chatting(server, 4):
        tcp, slow, *hello = await asyncio.gather(silent_tcp(), slow_handshake(), no_hello(), half_a_message())
    assert max(tcp, slow) < 6
    assert all(8 < waited < 12 for waited in hello)


# -- stories: what takes more than one frame -----------------------------------------------------------------------------


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


async def test_a_room_one_may_not_see_answers_like_one_that_is_missing(server: Server) -> None:  # row 42
    async with chatting(server, 2), guest(server.port) as owner, guest(server.port) as raw:
        assert (await owner.ask(op="create", n=5, room="hidden", access="invite"))["op"] == "ok"
        me = {"user": "x", "seq": 1, "cid": "c", "text": "x", "emoji": "x", "role": "member", "title": "x"}
        for n, op in enumerate(("join", "history", "members", "pins", "presence", "send", "edit", "delete", "react", "pin",
                                "kick", "role", "change", "typing", "read", "leave"), 10):  # fmt: skip
            answers = [await raw.ask(op=op, n=n, room=room, **me) for room in ("hidden", "missing")]
            assert answers[0] == answers[1], op
            assert answers[0]["code"] in ("not_found", "not_member"), op


async def test_who_has_left_reads_nothing(server: Server) -> None:  # row 42
    async with chatting(server), guest(server.port) as raw:
        assert (await raw.ask(op="leave", n=5, room="lobby"))["op"] == "ok"
        for n, op in enumerate(("history", "members", "pins", "presence"), 6):
            assert (await raw.ask(op=op, n=n, room="lobby"))["code"] == "not_member"


@pytest.mark.parametrize(("since", "epoch"), [(2**53, None), (0, "forged"), (1, ""), (2**53, "' OR 1=1 --")])
async def test_a_forged_position_is_reset(server: Server, since: int, epoch: str | None) -> None:  # row 43
    async with chatting(server), guest(server.port) as raw:
        answer = await raw.ask(op="join", n=5, room="lobby")
        again = await raw.ask(
            op="join", n=6, room="lobby", since=since, epoch=answer["epoch"] if epoch is None else epoch
        )
        assert (again["reset"], again["epoch"]) == (True, answer["epoch"])
        assert again["seq"] >= answer["seq"]


async def test_a_position_does_not_open_a_hidden_room(server: Server) -> None:  # row 43
    async with chatting(server, 2), guest(server.port) as owner, guest(server.port) as raw:
        assert (await owner.ask(op="create", n=5, room="closed", access="invite"))["op"] == "ok"
        epoch = (await owner.ask(op="join", n=6, room="closed"))["epoch"]
        assert (await raw.ask(op="join", n=5, room="closed", since=0, epoch=epoch))["code"] == "not_found"


async def test_pages_far_away_are_empty_and_cheap(server: Server) -> None:  # row 41
    async with chatting(server), guest(server.port) as raw:
        for n, where in enumerate(({"after": 2**53}, {"before": 0}), 5):
            page = await raw.ask(op="history", n=n, room="lobby", **where)
            assert (page["messages"], page["more"]) == ([], False)
        assert (await raw.ask(op="history", n=9, room="lobby", before=2**53, limit=1))["op"] == "ok"


async def test_who_hangs_up_amid_an_answer_harms_nobody(server: Server) -> None:
    async def chat() -> None:
        async with guest(server.port) as raw:
            for n in range(10, 30):
                assert (await raw.ask(op="send", n=n, room="lobby", cid=f"c-{n}", text="x"))["op"] == "ok"

    async def hang_up() -> None:
        for _ in range(20):
            async with guest(server.port) as raw:
                await raw.tell(
                    *({"op": "send", "n": n, "room": "lobby", "cid": f"c-{n}", "text": "x"} for n in range(5))
                )

    async with chatting(server, 100):
        await asyncio.gather(*(chat() for _ in range(20)), *(hang_up() for _ in range(5)))


async def test_who_leaves_and_hangs_up_harms_nobody(server: Server) -> None:
    for _ in range(20):
        async with chatting(server), guest(server.port) as raw:
            assert (await raw.ask(op="leave", n=5, room="lobby"))["op"] == "ok"


# -- floods --------------------------------------------------------------------------------------------------------------


async def test_a_flooder_waits_and_then_goes(server: Server) -> None:  # row 49
    async with chatting(server), guest(server.port) as raw:
        answers: list[dict[str, Any]] = []
        commands = [{"op": "send", "n": n, "room": "lobby", "cid": f"c-{n}", "text": "flood"} for n in range(10, 1010)]
        sending = asyncio.create_task(raw.tell(*commands))
        code = wire.GONE
        try:
            async with asyncio.timeout(10):
                while True:
                    opcode, data = await raw.read()
                    if opcode == wire.CLOSE:
                        code = int.from_bytes(data[:2])
                        break
                    told = json.loads(data)
                    answers += [told] if told["op"] in ("ok", "error") else []
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        await sending
    refused = [answer for answer in answers if answer["op"] == "error"]
    assert {answer["code"] for answer in refused} == {"rate_limited"}
    assert all(answer["retry_ms"] > 0 for answer in refused)
    assert len(answers) - len(refused) <= 60
    assert code == 4429


async def test_waiting_as_told_is_enough(server: Server) -> None:  # row 49
    async with chatting(server), guest(server.port) as raw:
        await raw.tell(*({"op": "send", "n": n, "room": "lobby", "cid": f"c-{n}", "text": "x"} for n in range(10, 50)))
        refused = [a for n in range(10, 50) if (a := await raw.answer(n))["op"] == "error"]
        assert refused
        await asyncio.sleep(refused[-1]["retry_ms"] / 1000)
        assert (await raw.ask(op="send", n=50, room="lobby", cid="c-50", text="x"))["op"] == "ok"


@pytest.mark.parametrize("op", ["typing", "read", "presence", "rooms", "join"])
async def test_a_flood_of_small_commands_is_limited(server: Server, op: str) -> None:  # row 50
    async with chatting(server), guest(server.port) as raw:
        more = {"seq": 1} if op == "read" else {}
        await raw.tell(*({"op": op, "n": n, "room": "lobby", **more} for n in range(10, 310)))
        codes = [(await raw.answer(n)).get("code", "ok") for n in range(10, 310)]
        assert set(codes) == {"ok", "rate_limited"}


async def test_join_and_leave_in_turns(server: Server) -> None:  # row 50
    async with chatting(server), guest(server.port) as raw:
        await raw.tell(*({"op": "leave" if n % 2 else "join", "n": n, "room": "lobby"} for n in range(11, 111)))
        codes = {(await raw.answer(n)).get("code", "ok") for n in range(11, 111)}
        assert "rate_limited" in codes
        assert codes <= {"ok", "rate_limited", "not_member"}


async def test_a_user_has_one_bucket_on_all_connections(server: Server) -> None:  # row 49
    async with chatting(server, 3), upgraded(server.port) as first:
        token = (await first.ask(op="hello", n=1, guest="Hydra"))["token"]

        async def head(name: str) -> int:
            async with upgraded(server.port) as raw:
                await raw.ask(op="hello", n=1, token=token)
                await raw.ask(op="join", n=2, room="lobby", limit=0)
                await raw.tell(
                    *({"op": "send", "n": n, "room": "lobby", "cid": f"{name}{n}", "text": "x"} for n in range(10, 60))
                )
                return sum([(await raw.answer(n))["op"] == "ok" for n in range(10, 60)])

        assert sum(await asyncio.gather(head("a"), head("b"), head("c"))) < 60


async def test_sockets_of_one_address_are_counted(server: Server) -> None:  # row 49
    async def socket() -> Raw | int:
        await go.wait()
        async with dialled(server.port, "127.0.0.77") as raw:
            await raw.send(upgrade("X-Forwarded-For: 10.9.8.7"))  # row 60: nobody asked for it
            statuses.append(await raw.status())
            refusals.append(raw.headers.get("retry-after", ""))
            if len(statuses) == 600:
                done.set()
            await done.wait()
        return 0

    statuses: list[int] = []
    refusals: list[str] = []
    go, done = asyncio.Event(), asyncio.Event()
    async with chatting(server, 600):
        tasks = [asyncio.create_task(socket()) for _ in range(600)]
        go.set()
        await asyncio.gather(*tasks)
    assert statuses.count(101) <= 550
    assert set(statuses) <= {101, 429, 503}
    assert len(refusals) - refusals.count("") == 600 - statuses.count(101)


async def test_too_many_rooms(tmp_path: Path) -> None:  # row 51
    few = {"max_rooms": "3"}
    async with running_server(tmp_path, settings=few) as server, chatting(server), guest(server.port) as raw:
        for n in range(10, 13):
            assert (await raw.ask(op="create", n=n, room=f"room-{n}"))["op"] == "ok"
        answers = [await raw.ask(op="join", n=n + 10, room=f"room-{n}") for n in range(10, 13)]
        assert [answer.get("code") for answer in answers] == [None, None, "too_many"]
        assert (await raw.ask(op="join", n=30, room="lobby"))["op"] == "ok"  # followed already


async def test_deflate_bombs_before_hello(tmp_path: Path) -> None:  # row 10
    import zlib

    async with running_server(tmp_path, settings={"compression": "true"}) as server:
        squeeze = zlib.compressobj(9, zlib.DEFLATED, -12)
        bomb = (squeeze.compress(bytes(60 * 2**20)) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]
        assert len(bomb) < 65_536

        async def throw() -> int:
            async with upgraded(server.port, "Sec-WebSocket-Extensions: permessage-deflate") as raw:
                await raw.send(frame(TEXT, bomb, rsv=4))
                return await raw.closed()

        before = memory(server.pid)
        async with chatting(server, 20):
            assert set(await asyncio.gather(*(throw() for _ in range(20)))) == {1009}
        assert memory(server.pid) - before < 16 * 2**20
        for offer in OFFERS:
            async with chatting(server), dialled(server.port) as raw:
                await raw.send(upgrade(f"Sec-WebSocket-Extensions: {offer}"))
                assert await raw.status() == 101


def memory(pid: int) -> int:
    """Bytes resident."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


@pytest.mark.parametrize("path", ["/metrics", "/admin", "/debug", "/api/admin"])
async def test_administration_is_not_at_the_front_door(server: Server, path: str) -> None:  # row 60
    async with upgraded(server.port) as raw:
        token = (await raw.ask(op="hello", n=1, guest="Mina"))["token"]
    for more in ("X-Forwarded-For: 127.0.0.1", f"Authorization: Bearer {token}"):
        async with chatting(server), dialled(server.port) as raw:
            await raw.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n\r\n".encode())
            assert await raw.status() in (401, 403, 404)


# -- and last, what the server wrote about all this ----------------------------------------------------------------------


def test_the_log_has_no_traceback_and_at_most_a_line_per_bad_client(server: Server) -> None:
    log = server.log.read_text()
    assert "Traceback" not in log, log
    assert len(log.splitlines()) <= 20 + bad_clients
