"""What people write arrives once, whatever happens in between: cut and silent networks, a killed server, a reload, two engines."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, WebSocketRoute, expect

from madang_proof.testbed.proxy import Proxy
from madang_proof.testbed.server import Server
from tests.browser.conftest import PATIENCE_MS, Arrive, installed_server
from tests.browser.engines import CHROMIUM_FIRST
from tests.browser.people import Person

OFFLINE_MS = PATIENCE_MS + 30_000  # the page waits up to half a minute before it tries again


@pytest.fixture(scope="module")
async def server(python: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server that these tests kill."""
    running = installed_server(python, tmp_path_factory.mktemp("killed"), "--load-test")
    try:
        await running.start()
        yield running
    finally:
        await running.close()


@asynccontextmanager
async def proxied(server: Server) -> AsyncIterator[Proxy]:
    """A network between people and the server."""
    proxy = Proxy(("127.0.0.1", server.port))
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()


async def write(person: Person, text: str) -> None:
    """Write and press Enter, whether it can be sent or not."""
    await person.box.fill(text)
    await person.box.press("Enter")
    await expect(person.box).to_have_value("")


async def hold_to_once(people: list[Person], *texts: str) -> None:
    """Wait until everybody sees these messages as sent, and assert that each is there once, in order."""
    for person in people:
        for text in texts:
            await expect(person.message(text)).to_have_attribute("data-state", "sent", timeout=OFFLINE_MS)
        shown = await person.log.get_by_role("article").all_inner_texts()
        places = [[n for n, row in enumerate(shown) if text in row] for text in texts]
        assert [len(each) for each in places] == [1] * len(texts), shown
        assert places == sorted(places), shown


@pytest.mark.parametrize("browser", CHROMIUM_FIRST, indirect=True)
async def test_two_people_talk(arrived: Arrive, browser: Browser) -> None:
    hello, answer = f"hello 보라, by {browser.browser_type.name}", f"{browser.browser_type.name}에서 안녕하세요"
    mina, bora = await arrived("Mina"), await arrived("보라", language="ko")
    await mina.enter("/r/lobby")
    await bora.enter("/r/lobby")
    await mina.say(hello)
    await bora.say(answer)
    await hold_to_once([mina, bora], hello, answer)
    await bora.page.reload()
    await expect(bora.box).to_be_editable()
    await hold_to_once([bora], hello, answer)


@pytest.mark.slow
async def test_a_cut_connection_loses_and_doubles_nothing(arrived: Arrive, server: Server) -> None:
    async with proxied(server) as network:
        mina = await arrived("Mina", url=f"http://127.0.0.1:{network.port}")
        bora = await arrived("Bora")
        await mina.enter("/r/lobby")
        await bora.enter("/r/lobby")
        await write(mina, "before the cut")
        network.part()
        await write(mina, "during the cut")
        await bora.say("Bora goes on")
        network.heal()
        await write(mina, "after the cut")
        await hold_to_once([mina, bora], "before the cut", "during the cut", "after the cut")
        await hold_to_once([mina], "Bora goes on")
        await expect(mina.page.locator("html")).to_have_attribute("data-connection", "connected")


@pytest.mark.slow
async def test_a_tunnel_without_a_word_loses_and_doubles_nothing(arrived: Arrive) -> None:
    """The browser is offline: its open socket stalls, and what was sent into it may arrive beside what is sent again."""
    mina, bora = await arrived("Mina"), await arrived("Bora")
    await mina.enter("/r/lobby")
    await bora.enter("/r/lobby")
    await mina.context.set_offline(True)
    await write(mina, "into the tunnel")
    await bora.say("outside of it")
    await expect(mina.message("into the tunnel")).to_have_attribute("data-state", "pending")
    await mina.context.set_offline(False)
    await hold_to_once([mina, bora], "outside of it", "into the tunnel")


async def test_a_killed_server_keeps_what_it_acknowledged_and_gets_the_rest(arrived: Arrive, server: Server) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora")
    await mina.enter("/r/lobby")
    await bora.enter("/r/lobby")
    await mina.say("stored before")
    await write(mina, "sent into the crash")
    await server.kill()
    await write(mina, "written while it is down")
    await mina.page.get_by_role("log").wait_for()
    await server.restart()
    await hold_to_once([mina, bora], "stored before", "sent into the crash", "written while it is down")


@pytest.mark.slow
async def test_a_reload_while_the_server_is_down_keeps_what_waits(arrived: Arrive, server: Server) -> None:
    """The page itself comes from the server: it is reloaded when that is back, and sends what the other page had kept."""
    mina = await arrived("Mina")
    await mina.enter("/r/lobby")
    await server.kill()
    await write(mina, "kept over the reload")
    await expect(mina.message("kept over the reload")).to_have_attribute("data-state", "pending")
    await server.restart()
    await mina.page.reload()
    await expect(mina.box).to_be_editable()
    await hold_to_once([mina], "kept over the reload")


async def test_a_full_disk_is_told_and_nothing_is_lost(arrived: Arrive) -> None:
    mina = await arrived()
    full = True

    def between(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def up(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["op"] == "send" and full:
                page.send(json.dumps({"op": "error", "n": frame["n"], "code": "storage_full", "retry_ms": 100}))
            else:
                server.send(text)

        page.on_message(up)

    await mina.page.route_web_socket("**/ws", between)
    await mina.enter()
    await write(mina, "for later")
    banner = mina.page.get_by_role("status").filter(has_text="The server's disk is full.")
    await expect(banner).to_be_visible()
    await expect(mina.message("for later")).to_have_attribute("data-state", "pending")
    full = False
    await hold_to_once([mina], "for later")
    await expect(banner).to_have_count(0)
