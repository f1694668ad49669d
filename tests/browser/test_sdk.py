"""The JavaScript SDK in real browsers: what waits to be sent outlives the page, and goes over to another tab when its tab ends."""

import json
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from madang_proof.testbed.server import Server
from tests.browser.conftest import PATIENCE_MS
from tests.browser.engines import CHROMIUM_FIRST

ROOT = Path(__file__).resolve().parents[2]

# Runs in the page. `ready` resolves when the room is joined; what is sent meets the store, as it would in an application.
_ROOM = """
const { connect } = await import("/sdk/js/dist/index.js");
const client = connect(window.server, { guest: "Mina", storage: localStorage });
const room = client.room("lobby");
room.store.subscribe(() => {});
window.client = client;
window.room = room;
window.rows = () => room.store.getSnapshot().items.filter(({ kind }) => kind === "message").map(({ text, state }) => [text, state]);
window.kept = () => new Promise((done) => {
  const open = indexedDB.open("madang-outbox", 1);
  open.onsuccess = () => {
    const all = open.result.transaction("sends").objectStore("sends").getAll();
    all.onsuccess = () => { open.result.close(); done(all.result.length); };
  };
});
await room.join();
document.title = "joined";
"""
_JOINED = "() => document.title === 'joined'"


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    built = subprocess.run(
        [ROOT / "scripts/npm", "run", "build", "--workspace", "sdk/js"], capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout + built.stderr


class Files(SimpleHTTPRequestHandler):
    """The files of this tree, and a blank page."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, directory=str(ROOT))

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>blank</title>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def origin() -> Iterator[str]:
    """The origin of a page elsewhere."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as files:
        threading.Thread(target=files.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{files.server_port}"
        files.shutdown()


@pytest.fixture
async def server(tmp_path: Path, origin: str) -> AsyncIterator[Server]:
    """A server of this tree that a test may kill."""
    running = Server(tmp_path, arguments=("--load-test",), settings={"origins": json.dumps([origin])})
    try:
        await running.start()
        yield running
    finally:
        await running.close()


@pytest.fixture
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    context = await browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    yield context
    await context.close()


async def tab(context: BrowserContext, origin: str, server: Server) -> Page:
    """Open a tab that follows the room."""
    page = await context.new_page()
    await page.goto(origin)
    await run(page, server)
    await page.wait_for_function(_JOINED)
    return page


async def run(page: Page, server: Server) -> None:
    """Follow the room, now or when the server is there."""
    await page.evaluate("url => { window.server = url; }", server.url)
    await page.add_script_tag(type="module", content=_ROOM)


async def send(page: Page, *texts: str) -> None:
    """Send without waiting for the server, and wait until the outbox has it."""
    await page.evaluate("texts => { for (const text of texts) room.send(text); }", list(texts))
    await page.wait_for_function("async wanted => (await kept()) >= wanted", arg=len(texts))


async def shown(page: Page, *texts: str) -> None:
    """Wait until exactly these are shown as sent."""
    wanted = json.dumps([[text, "sent"] for text in texts], separators=(",", ":"))
    await page.wait_for_function("wanted => window.rows && JSON.stringify(rows()) === wanted", arg=wanted)


async def stored(page: Page) -> list[str]:
    page_of_history: dict[str, Any] = await page.evaluate("async () => room.history()")
    return [message["text"] for message in page_of_history["messages"]]


@pytest.mark.parametrize("browser", CHROMIUM_FIRST, indirect=True)
async def test_what_waits_outlives_a_reload(context: BrowserContext, origin: str, server: Server) -> None:
    page = await tab(context, origin, server)
    await page.evaluate("async () => room.send('before')")
    await server.kill()
    await send(page, "one", "two", "three")
    await page.reload()
    await run(page, server)
    await server.restart()
    await shown(page, "before", "one", "two", "three")
    assert await stored(page) == ["before", "one", "two", "three"]
    await page.wait_for_function("async () => (await kept()) === 0")


@pytest.mark.slow
@pytest.mark.parametrize("browser", CHROMIUM_FIRST, indirect=True)
async def test_another_tab_sends_what_a_closed_one_has_left(
    context: BrowserContext, origin: str, server: Server
) -> None:
    first = await tab(context, origin, server)
    second = await tab(context, origin, server)
    await server.kill()
    await send(first, "one", "two", "three")
    await first.close()
    await server.restart()
    await shown(second, "one", "two", "three")
    assert await stored(second) == ["one", "two", "three"]
    await second.wait_for_function("async () => (await kept()) === 0")


async def test_what_is_forgotten_is_gone(context: BrowserContext, origin: str, server: Server) -> None:
    page = await tab(context, origin, server)
    await server.kill()
    await send(page, "a secret")
    await page.evaluate("async () => { await client.close({ forget: true }); }")
    assert await page.evaluate("async () => kept()") == 0
    assert await page.evaluate("() => localStorage.length") == 0


@pytest.mark.slow
async def test_the_example_in_plain_dom_talks(context: BrowserContext, origin: str, server: Server) -> None:
    pages = []
    for name in ("Mina", "Bora"):
        page = await context.new_page()
        await page.goto(f"{origin}/examples/javascript/plain.html?server={server.url}&room=lobby&name={name}")
        pages.append(page)
    mina, bora = pages
    await mina.get_by_label("Message", exact=True).fill("안녕, Bora")
    await mina.get_by_role("button", name="Send").click()
    await expect(bora.get_by_role("listitem")).to_have_text("Mina: 안녕, Bora")
    await expect(mina.get_by_role("listitem")).to_have_attribute("data-state", "sent")
