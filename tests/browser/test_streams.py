"""The code for browsers of docs/guides/streams.md, in real ones: `EventSource` with tickets, over a restart of the server."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser

from madang_proof.testbed.server import Server
from tests.browser.conftest import installed_server
from tests.browser.engines import ENGINES
from tests.rest import rest

PAGE = (Path(__file__).resolve().parents[2] / "docs/guides/streams.md").read_text()
(CODE,) = re.findall(r"^```js\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("browser", ENGINES, indirect=True)
async def test_a_page_follows_a_room(browser: Browser, python: Path, tmp_path: Path) -> None:
    server: Server = installed_server(python, tmp_path, "--load-test")
    await server.start()
    try:
        async with rest(server.url) as anyone:
            mina = await anyone.guest("Mina", "lobby")
            page = await browser.new_page(bypass_csp=True)
            await page.goto(f"{server.url}/")
            code = CODE.replace("export function", "function")
            show = "window.told = []; window.stop = follow('', 'lobby', token, (event) => window.told.push(event))"
            await page.evaluate(f"(token) => {{ {code}; {show}; }}", mina.token)

            async def hears(text: str) -> None:
                await page.wait_for_function("text => told.filter(event => event.text === text).length === 1", arg=text)

            await page.wait_for_function("() => told.some(event => event.op === 'start')")
            await mina.ok("POST", "/api/rooms/lobby/messages", {"text": "one"})
            await hears("one")
            await server.kill()
            await server.restart()
            await mina.ok("POST", "/api/rooms/lobby/messages", {"text": "two"})
            await hears("two")
            await mina.ok("DELETE", "/api/rooms/lobby/members/me")
            await page.wait_for_function("() => told.some(event => event.op === 'bye' && event.code === 4410)")
            await page.close()
    finally:
        await server.close()
