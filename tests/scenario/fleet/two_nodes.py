"""Two real nodes, a socket on one of them, and what they know of each other."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.http import http_client
from tests.rest import Rest, admin_client
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S
from tests.wire import CLOSE, TEXT, Raw, upgraded


@asynccontextmanager
async def two_nodes(folder: Path, *launcher: str, **settings: str) -> AsyncIterator[tuple[Server, Server]]:
    """Run two nodes of a fleet, the first by a launcher if one is given."""
    for name in ("one", "two"):
        (folder / name).mkdir()
    async with (
        running_server(folder / "one", settings=settings, launcher=launcher) as one,
        running_server(folder / "two", settings=settings) as two,
    ):
        yield one, two


@asynccontextmanager
async def follower(server: Server, who: Rest, room: str) -> AsyncIterator[Raw]:
    """A socket of somebody in a room."""
    async with upgraded(server.port) as raw:
        assert (await raw.ask(op="hello", n=1, token=who.token))["op"] == "ok"
        assert (await raw.ask(op="join", n=2, room=room, limit=0))["op"] == "ok"
        yield raw


async def known(server: Server) -> dict[str, str]:
    """What a node says of the others: their states by name."""
    nodes = (await (await admin_client(server)).ask("GET", "/nodes"))["nodes"]
    return {node["name"]: node["state"] for node in nodes if node["state"] != "here"}


async def metric(server: Server, name: str) -> float:
    async with http_client() as http:
        text = (await http.get(f"{server.admin_url}/metrics")).text
    return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).rpartition(" ")[2])


async def until(ask: Callable[[], Any], right: Callable[[Any], bool]) -> Any:
    """Ask again until the answer is right; gives it."""
    async with asyncio.timeout(PATIENCE_S):
        while not right(answer := await ask()):
            await asyncio.sleep(0.05)
    return answer


async def told(raw: Raw) -> Any:
    """Read the next text frame; on a slow machine a ping may stand before it."""
    while True:
        opcode, data = await raw.read()
        assert opcode != CLOSE
        if opcode == TEXT:
            return json.loads(data)


async def heard(raw: Raw, last: int) -> list[int]:
    """Read the seqs of events up to `last`."""
    seqs: list[int] = []
    async with asyncio.timeout(PATIENCE_S):
        while last not in seqs:
            if (frame := await told(raw))["op"] == "event":
                seqs.append(frame["seq"])
    return seqs


async def there_is_nothing_more(raw: Raw) -> None:
    """Nothing of any room comes before the answer to a ping."""
    await raw.tell({"op": "ping", "n": 99})
    while (frame := await told(raw)).get("n") != 99:
        assert frame["op"] not in ("event", "typing", "presence"), frame
