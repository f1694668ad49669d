"""Rooms that one may not see, and positions that one does not have (rows 41 to 43, 51)."""

import asyncio
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from madang.config import Settings
from madang.node.run import run_node
from tests.neighbour import chatting
from tests.rest import rest
from tests.running import Server, running_server
from tests.wire import guest


async def test_a_room_one_may_not_see_answers_like_one_that_is_missing(server: Server) -> None:  # row 42
    async with chatting(server, 2), guest(server.port) as owner, guest(server.port) as raw:
        assert (await owner.ask(op="create", n=5, room="hidden", access="invite"))["op"] == "ok"
        me = {"user": "x", "seq": 1, "cid": "c", "text": "x", "emoji": "x", "role": "member", "title": "x"}
        for n, op in enumerate(("join", "history", "members", "pins", "presence", "send", "edit", "delete", "react", "pin",
                                "kick", "role", "ban", "unban", "bans", "mute", "unmute", "mutes",
                                "audit", "words", "setwords", "report", "reports", "resolve", "change", "typing", "read", "leave"), 10):  # fmt: skip
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


async def test_too_many_rooms(tmp_path: Path) -> None:  # row 51
    few = {"max_rooms": "3"}
    async with running_server(tmp_path, settings=few) as server, chatting(server), guest(server.port) as raw:
        for n in range(10, 13):
            assert (await raw.ask(op="create", n=n, room=f"room-{n}"))["op"] == "ok"
        answers = [await raw.ask(op="join", n=n + 10, room=f"room-{n}") for n in range(10, 13)]
        assert [answer.get("code") for answer in answers] == [None, None, "too_many"]
        assert (await raw.ask(op="join", n=30, room="lobby"))["op"] == "ok"  # followed already


async def test_a_hidden_room_costs_what_a_missing_one_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 42: the same reads of the same kind, one after the other; so nobody can tell by the clock."""
    reads: Counter[str] = Counter()

    def counted(name: str, read: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def count(*args: Any, **more: Any) -> Any:
            reads[name] += name == "append" or asyncio.current_task() not in loops
            return await read(*args, **more)

        return count

    async with (
        run_node(Settings(port=0, admin_port=0, data=tmp_path, load_test=True)) as node,
        AsyncExitStack() as clients,
    ):
        owner, raw = [await clients.enter_async_context(guest(node.port)) for _ in range(2)]
        anyone = await clients.enter_async_context(rest(f"http://127.0.0.1:{node.port}"))
        assert (await owner.ask(op="create", n=5, room="hidden", access="invite"))["op"] == "ok"
        caller = await anyone.guest("Mina")
        loops = asyncio.all_tasks()  # which read every second, whatever is asked of the node
        for name, read in inspect.getmembers(node.store, inspect.iscoroutinefunction):
            if not name.startswith("_"):
                monkeypatch.setattr(node.store, name, counted(name, read))
        operations, schemas = list(anyone.document["paths"].items()), anyone.document["components"]["schemas"]
        bodies = {"text": "x", "role": "member", "seq": 1}

        async def by_socket(room: str) -> list[dict[str, int]]:
            cost = []
            for n, op in enumerate(
                ("join", "leave", "change", "kick", "role", "ban", "unban", "mute", "unmute", "history"), 10
            ):
                reads.clear()
                await raw.ask(op=op, n=n, room=room, user="u", role="member", title="x")
                cost.append(dict(+reads))
            return cost

        async def by_rest(room: str) -> list[tuple[str, str, int, dict[str, int]]]:
            cost = []
            for path, methods in operations:
                for method in methods if "/rooms/{id}" in path else ():
                    reads.clear()
                    where = path.format(id=room, seq=1, user="u", emoji="x", invite="1f")
                    described = methods[method].get("requestBody", {}).get("content", {}).get("application/json")
                    fields = schemas[described["schema"]["$ref"].rpartition("/")[2]]["properties"] if described else {}
                    body = {name: bodies[name] for name in fields if name in bodies} if described else None
                    response = await caller.call(method.upper(), where, body)
                    cost.append((method, path, response.status_code, dict(+reads)))
            return cost

        hidden = await by_socket("hidden"), await by_rest("hidden")
        assert hidden == (await by_socket("missing"), await by_rest("missing"))
        assert any(hidden[0]) and any(cost for *_, cost in hidden[1]), "reads are counted"


async def test_a_position_does_not_outlive_a_kick(server: Server) -> None:  # row 43
    async with chatting(server, 2), guest(server.port, "Olga") as owner, guest(server.port) as raw:
        await owner.ask(op="create", n=5, room="strict")
        await owner.ask(op="join", n=6, room="strict")
        joined = await raw.ask(op="join", n=5, room="strict")
        me = next(
            m["user"] for m in (await owner.ask(op="members", n=7, room="strict"))["members"] if m["role"] == "member"
        )
        assert (await owner.ask(op="kick", n=8, room="strict", user=me))["op"] == "ok"
        again = {"op": "join", "room": "strict", "since": joined["seq"], "epoch": joined["epoch"]}
        assert (await raw.ask(**again, n=6))["code"] == "not_found"
        assert (await raw.ask(op="history", n=7, room="strict"))["code"] == "not_member"
