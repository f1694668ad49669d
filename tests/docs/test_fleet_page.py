"""docs/guides/fleet.md, from one process to three nodes: its commands are run as they stand, and everything that was there is there.

Only addresses, ports and the folder are the test's own; what needs root (packages, the database's owner, nginx's folder) is
done by the test in its way.
"""

import asyncio
import json
import re
import secrets
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx2
import pytest

from madang.adapters.sql import open_store
from madang.client import connect
from tests.http import http_client
from tests.mariadb import MariadbServer
from tests.proxies import run_nginx
from tests.redis import RedisServer
from tests.running import running_server
from tests.servers import PostgresServer
from tests.wire import upgraded

pytestmark = [pytest.mark.postgres, pytest.mark.redis]
PAGE: Final = (Path(__file__).resolve().parents[2] / "docs/guides/fleet.md").read_text()
SECTION: Final = PAGE.partition("## From one process to three nodes")[2].partition("\n## ")[0]
STEPS: Final = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", SECTION, re.MULTILINE)]
COMMAND_S: Final = 60.0
(NODES,) = (textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", PAGE, re.MULTILINE) if "/nodes" in block)


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    """The database of step 1, by the words of step 1."""
    (line,) = re.findall(r"sudo -u postgres createdb (.+)", STEPS[0])
    owner, *more = line.split()
    assert owner == "--owner=madang"
    tools = postgres_server.bin
    where = ["--host=127.0.0.1", f"--port={postgres_server.port}", "--username=postgres"]
    subprocess.run([tools / "createuser", *where, "madang"], check=True, timeout=COMMAND_S)
    subprocess.run([tools / "createdb", *where, owner, *more], check=True, timeout=COMMAND_S)
    yield f"madang:password@127.0.0.1:{postgres_server.port}/madang"
    postgres_server.drop_database("madang")
    subprocess.run([tools / "dropuser", *where, "madang"], check=True, timeout=COMMAND_S)


def free_base() -> int:
    """Find what may stand for the 84 of 8410 to 8431."""
    while True:
        base = secrets.randbelow(80) + 103  # below the ports of outgoing connections
        try:
            for end in ("10", "11", "20", "21", "30", "31"):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind(("127.0.0.1", int(f"{base}{end}")))
            return base
        except OSError:
            continue


class Reader:
    """Somebody who types what the page says, in a folder of their own and with ports of their own in place of 84xx."""

    def __init__(self, folder: Path, base: int, database: str, redis: RedisServer) -> None:
        self.folder = folder
        self._put = {
            "madang:password@localhost/madang": database,
            "redis://localhost:6379": redis.url,
            "84${n}": f"{base}${{n}}",
            "localhost:84": f"127.0.0.1:{base}",
        }
        (folder / "bin").mkdir()
        tool = folder / "bin" / "madang"
        # So that no node outlives the shell that it was started in.
        tool.write_text(f'#!/bin/sh\nexec setpriv --pdeathsig=KILL {sys.executable} -m madang "$@"\n')
        tool.chmod(0o755)

    def types(self, step: str) -> "subprocess.Popen[str]":
        for said, meant in self._put.items():
            step = step.replace(said, meant)
        environment = {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin"}
        # The shell ends with us, and its jobs end with it.
        return subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "bash", "-euc", step], cwd=self.folder, env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    async def does(self, step: str) -> str:
        """Type a step and see it succeed; gives what it said."""
        process = self.types(step)
        said, _ = await asyncio.to_thread(process.communicate, timeout=COMMAND_S)
        assert process.returncode == 0, said
        return said

    @contextmanager
    def leaves_running(self, step: str) -> Iterator[None]:
        """Type a step whose jobs go on until the block is left."""
        process = self.types(step + "\nexec >&- 2>&-; wait")
        try:
            yield
        finally:
            process.kill()
            process.communicate(timeout=COMMAND_S)


async def test_from_one_process_to_three_nodes(tmp_path: Path, database: str, redis_server: RedisServer) -> None:
    packages, settings, data, nodes, balancer, seeing, _ = STEPS
    assert all(line.startswith("sudo ") for line in packages.splitlines())
    assert all(line.startswith("sudo ") for line in balancer.splitlines())
    (tmp_path / "data").mkdir()
    base = free_base()
    ports = [int(f"{base}{n}0") for n in (1, 2, 3)]
    reader = Reader(tmp_path, base, database, redis_server)

    async with running_server(tmp_path / "data") as before:
        async with connect(before.direct_url, guest="Mina") as mina:
            room = await mina.join("lobby")
            last = [await room.send(f"before {n} 마당") for n in range(30)][-1]
            token, user = mina.token, mina.user.id
        async with upgraded(before.port) as raw:
            await raw.ask(op="hello", n=1, token=token)
            joined = await raw.ask(op="join", n=2, room="lobby", limit=0)
        assert "FAIL" not in (said := (await reader.does(settings)).upper()), said
        await before.stop()

    said = await reader.does(data)
    assert "the same on both sides" in said
    with reader.leaves_running(nodes), run_nginx(ports) as nginx:
        async with http_client(nginx.http) as http:
            async with asyncio.timeout(COMMAND_S):
                while not await all_ready(ports):
                    await asyncio.sleep(0.05)
            chats = re.findall(r"^madang chat lobby --url ws://localhost:84(\d0)/ws$", seeing, re.MULTILINE)
            assert len(set(chats)) == 2
            others = re.sub(r"^madang chat .*\n", "", seeing, flags=re.MULTILINE)
            others = others.replace("http://localhost:8400", nginx.http)
            assert '"ready"' in (said := await reader.does(others)), said
            names = json.loads(await reader.does(NODES))["nodes"]
            assert sorted(re.sub(r".*-(\d+)-[0-9a-f]+$", r"\1", node["name"]) for node in names) == sorted(
                map(str, ports)
            )

            messages = (
                await http.get(
                    "/api/rooms/lobby/messages", params={"limit": 100}, headers={"Authorization": f"Bearer {token}"}
                )
            ).json()["messages"]
            assert [m["text"] for m in messages] == [f"before {n} 마당" for n in range(30)]
        async with upgraded(nginx.port) as raw:
            assert (await raw.ask(op="hello", n=1, token=token))["user"]["id"] == user
            again = await raw.ask(op="join", n=2, room="lobby", since=joined["seq"], epoch=joined["epoch"])
            assert (again["reset"], again["epoch"]) == (False, joined["epoch"])
            missed = [event["seq"] for event in again["events"]]  # what had been on its way when they left
            assert missed == list(range(joined["seq"] + 1, last.seq + 1))
        here, there = (f"ws://127.0.0.1:{base}{end}/ws" for end in chats)
        async with connect(here, token=token) as mina, connect(there, guest="Noa") as noa:
            room, heard = await mina.join("lobby"), await noa.join("lobby")
            await room.send("after")
            async with asyncio.timeout(COMMAND_S):
                async for event in heard:
                    if getattr(event, "text", "") == "after":
                        break


@pytest.mark.mariadb
async def test_the_database_that_the_page_makes_in_mariadb(mariadb_server: MariadbServer) -> None:
    (sql,) = re.findall(r'^sudo mariadb --execute "(.+)"$', STEPS[-1], re.MULTILINE)
    (url,) = re.findall(r'database = "(mysql://.+)"', SECTION)
    mariadb_server.run(sql)
    try:
        store = await open_store(url.replace("@localhost", f"@localhost:{mariadb_server.port}"), lambda: 0)
        await store.close()
    finally:
        mariadb_server.run("DROP DATABASE madang; DROP USER madang@localhost")


async def all_ready(ports: list[int]) -> bool:
    try:
        async with http_client() as http:
            statuses = [(await http.get(f"http://127.0.0.1:{port}/readyz")).status_code for port in ports]
    except httpx2.TransportError:
        return False
    return set(statuses) == {200}
