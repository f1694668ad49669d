"""Stock Yjs clients and both SDKs write one paper over two real nodes, on PostgreSQL and Redis, through kill -9 of one of them."""

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE, Process
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pycrdt import Doc, Text

from madang.client import OpenPaper, connect
from tests.integration.yjs.test_stock import NODE, PROGRAM, ROOT
from tests.redis import RedisServer
from tests.rest import Rest, rest
from tests.running import Server
from tests.scenario.fleet.two_nodes import two_nodes, until
from tests.waiting import PATIENCE_S

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.skipif(
        not (NODE.exists() and (ROOT / "node_modules/y-websocket").exists()), reason="scripts/npm installs the clients"
    ),
]
SDK = PROGRAM.with_name("sdk.mjs")
ROUNDS, KILLED, BACK = 60, 20, 40


class Program:
    """A client under Node, of which the newest of everything that it says is kept."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._said: dict[str, Any] = {}
        self._heard = asyncio.Event()

    def tell(self, *words: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(words)}\n".encode())

    async def listen(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            what, value = json.loads(line)
            self._said[what] = value
            self._heard.set()

    async def says(self, what: str, *asked: Any) -> Any:
        """Return what it says; what it is asked, if anything, it is told first."""
        if asked:
            self._said.pop(what, None)
            self.tell(*asked)
        async with asyncio.timeout(PATIENCE_S):
            while what not in self._said:
                self._heard.clear()
                await self._heard.wait()
        return self._said[what]


@asynccontextmanager
async def running(program: Path, *arguments: str) -> AsyncIterator[Program]:
    process = await asyncio.create_subprocess_exec(
        NODE, program, *arguments, cwd=program.parent, stdin=PIPE, stdout=PIPE
    )
    made = Program(process)
    listening = asyncio.create_task(made.listen())
    try:
        await made.says("sync")
        yield made
    finally:
        listening.cancel()
        process.kill()
        await process.communicate()


@pytest.fixture(scope="module")
async def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program with the SDK, in a project into which the package is installed."""
    project = tmp_path_factory.mktemp("project")
    package = project / "node_modules/madang"
    package.mkdir(parents=True)
    compiler = ROOT / "node_modules/typescript/bin/tsc"
    build = (compiler, "--project", ROOT / "sdk/js/tsconfig.build.json", "--outDir", package / "dist")
    building = await asyncio.create_subprocess_exec(NODE, *build)
    assert await building.wait() == 0
    shutil.copy(ROOT / "sdk/js/package.json", package)
    for needed in ("yjs", "lib0"):
        (project / "node_modules" / needed).symlink_to(ROOT / "node_modules" / needed)
    return Path(shutil.copy(SDK, project))


def written(state: bytes) -> tuple[bytes, list[str]]:
    """What a copy has, as bytes that equal copies have alike, and its words."""
    doc: Doc[Any] = Doc()
    doc.apply_update(state)
    return doc.get_update(), str(doc.get("text", type=Text)).split()


async def written_by(who: Program | OpenPaper) -> tuple[bytes, list[str]]:
    if isinstance(who, OpenPaper):
        return written(who.doc.get_update())
    return written(b64decode(await who.says("state", "state")))


async def people(stack: AsyncExitStack, server: Server) -> list[Rest]:
    """Four who may write in the paper, of a room of the first of them."""
    anyone = await stack.enter_async_context(rest(server.url))
    olive, *others = [await anyone.guest(name) for name in ("Olive", "Mina", "Bora", "Zoe")]
    await olive.ok("POST", "/api/rooms", {"id": "yard"})
    for each in others:
        await each.ok("PUT", "/api/rooms/yard/members/me")
    await olive.ok("POST", "/api/rooms/yard/papers", {"id": "card", "title": "Card"})
    return [olive, *others]


async def test_all_write_one_paper_through_kill_9_and_it_is_found_when_it_is_finished(
    tmp_path: Path, sdk: Path, postgres_url: str, redis_server: RedisServer
) -> None:
    settings = {"database": postgres_url, "bus": redis_server.url, "load_test": "1"}
    async with two_nodes(tmp_path, **settings) as (one, two), AsyncExitStack() as stack:
        olive, *others = await people(stack, two)
        tokens = [each.token for each in others]
        urls = [server.url.replace("http", "ws", 1) for server in (one, two)]
        python = await stack.enter_async_context(connect(f"{urls[0]}/ws", token=olive.token))
        paper = await python.papers.open("card")
        text = paper.doc.get("text", type=Text)
        script, *stock = [
            await stack.enter_async_context(running(program, url, "card", token))
            for program, url, token in zip((sdk, PROGRAM, PROGRAM), (urls[1], *urls), tokens, strict=True)
        ]
        saved, saving = list[str](), set[asyncio.Task[None]]()

        async def save(words: list[str]) -> None:
            await paper.saved()
            saved.extend(words)

        for n in range(ROUNDS):
            text += f"python{n} "
            script.tell("insert", f"script{n} ")
            for at, each in enumerate(stock):
                each.tell("insert", f"stock{at}.{n} ")
            if n % 5 == 0:
                saving.add(asyncio.create_task(save([f"python{m}" for m in range(n + 1)])))
                script.tell("save", n)
            if n == KILLED:
                await one.kill()  # with what they have just written in the air
            elif n == BACK:
                await one.restart()
            await asyncio.sleep(0)
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(*saving, paper.saved())
        await script.says("saved", "save", ROUNDS)
        everybody: list[Program | OpenPaper] = [paper, script, *stock]
        said = Counter(f"{who}{n}" for who in ("python", "script", "stock0.", "stock1.") for n in range(ROUNDS))

        async def copies() -> list[tuple[bytes, list[str]]]:
            return [await written_by(each) for each in everybody]

        found = await until(
            copies, lambda found: all(len(words) >= said.total() and state == found[0][0] for state, words in found)
        )
        for _, words in found:
            assert Counter(words) == said and set(saved) <= set(words)
        stored = await stack.enter_async_context(connect(f"{urls[1]}/ws", token=tokens[0]))
        assert await written_by(await stored.papers.open("card")) == found[0]

        assert (await python.papers.finish("card")).finished
        bora = others[1]
        content = await bora.call("GET", "/api/papers/card/content?as=json")
        assert content.json()["text"].split() == found[0][1]
        hit = await until(
            lambda: bora.ok("GET", "/api/search", params={"q": f"stock1.{ROUNDS - 1}"}), lambda found: found["messages"]
        )
        assert [each["paper"] for each in hit["messages"]] == ["card"]
