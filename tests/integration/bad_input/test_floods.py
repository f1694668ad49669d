"""Floods: of sends, small commands, connections; told to wait, then closed, and the neighbour chats on (rows 49, 50)."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from madang.config import Settings
from madang.core import costs
from madang.node.rates import COMMANDS_S
from madang.transports.conduct import HELLO_S
from tests import wire
from tests.neighbour import chatting
from tests.rest import rest
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S
from tests.wire import Raw, dialled, guest, upgrade, upgraded

LIMITS = Settings()


async def test_a_flooder_waits_and_then_goes(server: Server) -> None:  # row 49
    async with chatting(server), guest(server.port) as raw:
        answers: list[dict[str, Any]] = []
        commands = [{"op": "send", "n": n, "room": "lobby", "cid": f"c-{n}", "text": "flood"} for n in range(10, 1010)]
        began = time.monotonic()
        sending = asyncio.create_task(raw.tell(*commands))
        code = wire.GONE
        try:
            async with asyncio.timeout(PATIENCE_S):
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
        took = time.monotonic() - began
    refused = [answer for answer in answers if answer["op"] == "error"]
    assert {answer["code"] for answer in refused} == {"rate_limited"}
    assert all(answer["retry_ms"] > 0 for answer in refused)
    assert len(answers) - len(refused) <= LIMITS.user_burst + took * LIMITS.user_rate + 1
    assert code == 4429


async def test_waiting_as_told_is_enough(server: Server) -> None:  # row 49
    async with chatting(server), guest(server.port) as raw:
        await raw.tell(*({"op": "send", "n": n, "room": "lobby", "cid": f"c-{n}", "text": "x"} for n in range(10, 90)))
        refused = [a for n in range(10, 90) if (a := await raw.answer(n))["op"] == "error"]
        assert refused
        await asyncio.sleep(refused[-1]["retry_ms"] / 1000)
        assert (await raw.ask(op="send", n=90, room="lobby", cid="c-90", text="x"))["op"] == "ok"


# A page of 50 rows counts as three commands, so fewer of them are enough, and many more would be a reason to close.
@pytest.mark.parametrize(
    ("op", "many"), [("typing", 300), ("read", 300), ("presence", 200), ("rooms", 200), ("join", 300)]
)
async def test_a_flood_of_small_commands_is_limited(server: Server, op: str, many: int) -> None:  # row 50
    async with chatting(server), guest(server.port) as raw:
        more = {"seq": 1} if op == "read" else {}
        codes: set[str] = set()
        for first in range(10, 10 + 10 * many, many):  # once is enough, unless the machine is slower than the limit
            await raw.tell(*({"op": op, "n": n, "room": "lobby", **more} for n in range(first, first + many)))
            codes |= {(await raw.answer(n)).get("code", "ok") for n in range(first, first + many)}
            if "rate_limited" in codes:
                break
        assert codes == {"ok", "rate_limited"}


async def test_join_and_leave_in_turns(server: Server) -> None:  # row 50
    async with chatting(server), guest(server.port) as raw:
        await raw.tell(*({"op": "leave" if n % 2 else "join", "n": n, "room": "lobby"} for n in range(11, 111)))
        codes = {(await raw.answer(n)).get("code", "ok") for n in range(11, 111)}
        assert "rate_limited" in codes
        assert codes <= {"ok", "rate_limited", "not_member", "quota"}


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

        began = time.monotonic()
        passed = sum(await asyncio.gather(head("a"), head("b"), head("c")))
        assert passed <= LIMITS.user_burst + (time.monotonic() - began) * LIMITS.user_rate + 1


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
        began = time.monotonic()
        go.set()
        await asyncio.gather(*tasks)
        turns = 1 + (time.monotonic() - began) // (HELLO_S - 1)  # then those without a hello make room for others
    assert statuses.count(101) <= turns * LIMITS.max_sockets_per_address
    assert set(statuses) <= {101, 429, 503}
    assert len(refusals) - refusals.count("") == 600 - statuses.count(101)


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


async def test_a_room_has_one_bucket_for_all(tmp_path: Path) -> None:  # row 49
    few = {"room_rate": "5", "user_rate": "1000", "user_burst": "1000"}
    async with running_server(tmp_path, settings=few) as server, AsyncExitStack() as crowd:
        raws = [await crowd.enter_async_context(guest(server.port, f"P{n}", rooms=())) for n in range(20)]
        assert (await raws[0].ask(op="create", n=1, room="busy"))["op"] == "ok"
        codes: list[str] = []
        began = time.monotonic()
        for raw in raws:
            await raw.tell({"op": "join", "n": 2, "room": "busy"})
            codes.append((await raw.answer(2)).get("code", "ok"))
        for raw in raws:
            await raw.tell(*({"op": "send", "n": n, "room": "busy", "cid": f"c-{n}", "text": "x"} for n in range(3, 8)))
            codes += [(await raw.answer(n)).get("code", "ok") for n in range(3, 8)]
        took = time.monotonic() - began
        assert codes.count("ok") <= 2 * 5 + took * 5 + 1
        await raws[0].ask(op="create", n=10, room="calm")
        assert (await raws[1].ask(op="join", n=10, room="calm"))["op"] == "ok"  # another room does not notice


@pytest.mark.parametrize("token", [True, False], ids=["a user's", "nobody's"])
async def test_large_bodies_are_paid_for_by_their_bytes(server: Server, token: bool) -> None:  # row 49
    """Fifteen of 60 KB are as much as 200 requests at once; a small request is still answered behind them.

    How many are taken at least is in `unit/services/test_work.py`: here the processor's time counts, too.
    """
    text = json.dumps({"text": "\U0001f600" * 4000, "data": "x" * 12_000})
    each = costs.of_bytes(len(text))
    async with chatting(server), rest(server.url, "127.0.0.78" if token else "127.0.0.79") as anyone:
        mina = await anyone.guest("Mina", "lobby")
        path = "/api/rooms/lobby/messages" if token else "/api/guests"
        who = mina if token else anyone
        statuses: list[int] = []
        began = time.monotonic()
        while 429 not in statuses:
            took = time.monotonic() - began
            assert len(statuses) * each <= (COMMANDS_S + took) * LIMITS.command_rate
            statuses.append((await who.call("POST", path, content=text)).status_code)
        *taken, _ = statuses
        assert set(taken) == {201 if token else 413}
