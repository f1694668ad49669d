"""A flooder harms nobody else: they are told to wait, and closed in the end; the others do not notice."""

import asyncio
import itertools
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from madang.config import Settings
from madang.transports.http.errors import HOLD_S
from tests.rest import rest
from tests.running import running_server
from tests.scenario.crowd import person
from tests.waiting import eventually
from tests.wire import CLOSE, GONE, PING, TEXT, Raw, dialled, frame, guest


def any_of(codes: set[int], closed: list[int]) -> bool:
    return not codes.isdisjoint(closed)


LIMITS = Settings()


async def flood(raw: Raw) -> tuple[list[dict[str, Any]], int, float]:
    """Send as fast as it goes until the server has enough; gives the answers, the close code, and how long it took."""
    answers: list[dict[str, Any]] = []
    began = asyncio.get_running_loop().time()
    code = 0

    async def listen() -> None:
        nonlocal code
        try:
            while not code:
                opcode, data = await raw.read()
                if opcode == TEXT:
                    answers.append(json.loads(data))
                elif opcode == CLOSE:
                    code = int.from_bytes(data[:2], "big")
        except (asyncio.IncompleteReadError, ConnectionError):
            code = 1006

    async def send() -> None:
        for n in itertools.count(100):
            if code:
                return
            command = {"op": "send", "n": n, "room": "lobby", "cid": f"f-{n}", "text": "buy this"}
            await raw.send(frame(TEXT, json.dumps(command)))
            await asyncio.sleep(0)

    await asyncio.gather(listen(), send())
    return answers, code, asyncio.get_running_loop().time() - began


async def test_a_flooder_beside_normal_users(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        flooding: list[tuple[list[dict[str, Any]], int, float]] = []

        async def flooder() -> None:
            for _ in range(3):  # and comes back
                async with guest(server.port, "Flooder") as raw:
                    flooding.append(await flood(raw))

        async def normal(n: int) -> list[dict[str, Any]]:
            acks = []
            async with guest(server.port, f"Normal {n}") as raw:
                for m in range(100, 120):
                    command = {"op": "send", "n": m, "room": "lobby", "cid": f"n{n}-{m}", "text": "a normal word"}
                    acks.append(await raw.ask(**command))
                    await asyncio.sleep(0.11)  # below the rate of a user
            return acks

        _, *talks = await asyncio.gather(flooder(), *(normal(n) for n in range(5)))
        for acks in talks:
            assert [a["op"] for a in acks] == ["ok"] * 20, "every word of a normal user is taken"
        for answers, code, took in flooding:
            refused = [a for a in answers if a["op"] == "error"]
            assert {a["code"] for a in refused} == {"rate_limited"}
            assert all(a["retry_ms"] > 0 for a in refused)
            assert code == 4429
            stored = sum(a["op"] == "ok" and a.get("n", 0) >= 100 for a in answers)
            assert stored <= LIMITS.user_burst + took * LIMITS.user_rate + 1, "their burst, and then their rate"


PACKET = 20  # commands sent together
FOR_GOOD_S = 300.0
# Who is held up rather than closed: one waits for the storage at every step, the other for shares, behind those who come again.
WAIT = ("coming and going", "big frames")


def said(command: dict[str, Any] | str) -> bytes:
    return frame(TEXT, command if isinstance(command, str) else json.dumps(command))


BIG = said({"op": "send", "n": 9, "room": "lobby", "cid": "c", "text": "x" * 60_000})  # masking it takes milliseconds
# What each flooder says, again and again, and the codes of the close that they get for it.
FLOODS: dict[str, tuple[Callable[[int], bytes], set[int]]] = {
    "words": (lambda n: said({"op": "send", "n": n, "room": "lobby", "cid": f"f-{n}", "text": "buy this"}), {4429}),
    "words elsewhere": (lambda n: said({"op": "send", "n": n, "room": "aside", "cid": f"f-{n}", "text": "x"}), {4429}),
    "big frames": (lambda n: BIG, {4429}),
    "garbage": (lambda n: said("{{ nonsense"), {4400}),
    "coming and going": (lambda n: said({"op": ("join", "leave")[n % 2], "n": n, "room": "lobby", "limit": 0}), {4429}),
    "typing": (lambda n: said({"op": "typing", "room": "lobby", "on": n % 2 == 0}), {4429}),
    "pings": (lambda n: frame(PING), {4429}),
}


async def test_neighbours_of_every_flood_miss_nothing(tmp_path: Path) -> None:
    """All flood at once, each back as somebody else when closed; of what the others say nothing is lost or disordered."""
    sends, normal = 15, 4
    async with running_server(tmp_path) as server:
        people = [await person(server, f"Normal {n}") for n in range(normal)]
        closed: dict[str, list[int]] = {kind: [] for kind in FLOODS}
        over = asyncio.Event()

        async def flooder(kind: str) -> None:
            says, _ = FLOODS[kind]
            while not over.is_set():
                async with guest(server.port, "Flooder") as raw:
                    await raw.tell({"op": "create", "n": 5, "room": "aside", "title": "Aside", "access": "open"})
                    await raw.tell({"op": "join", "n": 6, "room": "aside", "limit": 0})
                    hearing = asyncio.create_task(raw.closed(FOR_GOOD_S))
                    for n in itertools.count(100, PACKET):
                        if hearing.done() or over.is_set():
                            break
                        await raw.send(b"".join(says(n + i) for i in range(PACKET)))
                        await asyncio.sleep(0)
                    if hearing.done():
                        closed[kind].append(hearing.result())
                    hearing.cancel()

        flooding = [asyncio.create_task(flooder(kind)) for kind in FLOODS]
        for m in range(sends):
            for n, someone in enumerate(people):
                await someone.send(f"{n}-{m}")
            for someone in people:
                await someone.hears(lambda someone=someone, m=m: len(someone.acks) + len(someone.refusals) > m)
        for kind, (_, codes) in FLOODS.items():
            if kind in WAIT:
                continue
            await eventually(partial(any_of, codes, closed[kind]), f"{kind}: {closed[kind]}")
        over.set()
        await asyncio.gather(*flooding)
        newest = max(seq for someone in people for seq in someone.acks.values())
        for someone in people:
            assert not someone.refusals
            await someone.hears(lambda someone=someone: someone.seqs and someone.seqs[-1] >= newest)
            assert someone.seqs == sorted(set(someone.seqs)), "once and in order"
            assert {seq for other in people for seq in other.acks.values()} <= set(someone.seqs)
        for kind, (_, codes) in FLOODS.items():
            assert set(closed[kind]) <= codes | {GONE}, kind  # a reset may overtake the close
        await asyncio.gather(*(someone.leave() for someone in people))


async def test_a_flood_over_rest_is_answered_at_a_walk(tmp_path: Path) -> None:
    """Who goes on after 429 gets each further one later, so what refusing costs is bounded by the clock, not by them."""
    async with running_server(tmp_path) as server, rest(server.url) as anyone:
        flooder, mina = await anyone.guest("Flooder", "lobby"), await anyone.guest("Mina", "lobby")
        body = b'{"text":"flood"}'
        head = (
            f"POST /api/rooms/lobby/messages HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {flooder.token}\r\n"
        )
        request = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        loop = asyncio.get_running_loop()
        async with dialled(server.port) as raw:
            began = loop.time()
            flooding = asyncio.create_task(raw.send(*[request] * 100))
            statuses: list[int] = []
            while statuses.count(429) < 4:
                statuses.append(await raw.status())
                await raw.take(int(raw.headers["content-length"]))
            took = loop.time() - began
            assert statuses.count(429) <= 1 + took / HOLD_S
            await mina.ok("POST", "/api/rooms/lobby/messages", {"text": "still here"})
            flooding.cancel()


async def test_who_waits_as_told_gets_everything_through(tmp_path: Path) -> None:
    async with (
        running_server(tmp_path, settings={"user_rate": "50", "user_burst": "5"}) as server,
        guest(server.port) as raw,
    ):
        for m in range(60):
            for attempt in range(10):
                n = 100 + m * 10 + attempt
                answer = await raw.ask(op="send", n=n, room="lobby", cid=f"c-{m}", text=f"{m}")
                if answer["op"] == "ok":
                    break
                await asyncio.sleep(answer["retry_ms"] / 1000)
            else:
                raise AssertionError("waiting as told did not help")
