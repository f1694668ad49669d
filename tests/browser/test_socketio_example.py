"""The chat of Socket.IO's tutorial in a browser, with the client from npm: a server is killed while two people talk."""

import functools
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.integration.socketio.stock import ROOT, set_up
from tests.running import running_server

EXAMPLE: Final = ROOT / "examples/socketio"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """The example's folder with the client in it, and the origin where it is served."""
    set_up()
    folder = tmp_path / "pages"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("node_modules"))
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


async def opened(browser: Browser, url: str) -> Page:
    page = await (await browser.new_context()).new_page()
    page.set_default_timeout(PATIENCE_MS)
    await page.goto(url)
    return page


async def say(page: Page, *texts: str) -> None:
    for text in texts:
        await page.get_by_label("Message", exact=True).fill(text)
        await page.get_by_role("button", name="Send").click()


async def test_a_kill_in_the_middle_of_a_conversation_goes_unnoticed(
    browser: Browser, pages: tuple[Path, str], tmp_path: Path
) -> None:
    folder, origin = pages
    async with running_server(tmp_path, settings={"origins": f'["{origin}"]'}) as server:
        script = folder / "chat.js"
        script.write_text(script.read_text().replace("http://127.0.0.1:8400", server.url))
        mina, bora = await opened(browser, origin), await opened(browser, origin)
        said: list[str] = []
        for kill in range(2):
            before, during = [f"before {kill}"], [f"typed while it is away {kill}-{n}" for n in range(3)]
            await say(mina, *before)
            await expect(bora.get_by_role("listitem")).to_have_text(said + before)
            for page in (mina, bora):
                await page.get_by_role("listitem").first.evaluate("(item) => { item.shownOnce = true; }")
            await server.kill()
            await say(bora, *during)
            await server.restart()
            said += before + during
            for page in (mina, bora):
                await expect(page.get_by_role("listitem")).to_have_text(said)
        for page in (mina, bora):
            again = await page.get_by_role("listitem").first.evaluate("(item) => item.shownOnce")
            assert again, "the page went on, and did not begin again"
            await page.context.close()
