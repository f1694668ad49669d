"""The examples that are programs of their own, in a browser: the support inbox with its backend, and rooms in React and Vue."""

import asyncio
import functools
import os
import subprocess
import sys
import threading
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, expect

from madang_proof.testbed.server import Server
from tests.browser.accessibility import violations
from tests.browser.conftest import PATIENCE_MS, installed_server
from tests.daemons import free_port, missing

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
PATIENCE_S = 60.0
FRAMEWORKS = {"react": ("react@19.2.0", "react-dom@19.2.0"), "vue": ("vue@3.5.22",)}
"""What each example is built with; nothing else here needs it, so it is installed when it is tried."""
MAIN = {
    "react": """
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import { Room } from "./example.jsx";
createRoot(document.querySelector("#app")).render(createElement(Room, { id: "lobby" }));
""",
    "vue": """
import { createApp, h } from "vue/dist/vue.esm-bundler.js";
import { Room } from "./example.js";
createApp({ render: () => h(Room, { id: "lobby" }) }).mount("#app");
""",
}


@asynccontextmanager
async def opened(browser: Browser, url: str) -> AsyncIterator[Page]:
    """Open a page for somebody else; in the end nothing may have gone wrong unseen."""
    context = await browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    page = await context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))

    def said(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(message.text)

    page.on("console", said)
    await page.goto(url)
    yield page
    await context.close()
    # Nobody is signed in yet, and there is no icon: the browser tells of both.
    assert not [each for each in wrong if not each.startswith("Failed to load resource")], wrong


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
async def server(python: Path, tmp_path_factory: pytest.TempPathFactory, port: int) -> AsyncIterator[Server]:
    """A Madang that lets the examples' pages in."""
    origin = f'["http://127.0.0.1:{port}"]'
    running = installed_server(python, tmp_path_factory.mktemp("served"), "--load-test", origins=origin)
    try:
        await running.start()
        yield running
    finally:
        await running.close()


@pytest.fixture
async def desk(python: Path, server: Server, port: int) -> AsyncIterator[str]:
    """The desk's address."""
    create = [str(python), "-m", "madang", "key", "create", "Support", "--scope", "rooms", "--scope", "users"]
    key = subprocess.run([*create, "--data", str(server.data)], check=True, capture_output=True, text=True).stdout
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "desk:app", "--port", str(port)),
        cwd=EXAMPLES / "support",
        env={**os.environ, "MADANG_URL": server.url, "MADANG_KEY": key.strip()},
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            assert process.stderr is not None
            while b"running on" not in (line := await process.stderr.readline()):
                assert line, "the desk has ended"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def named(page: Page, name: str, button: str) -> None:
    await page.get_by_label("Your name").fill(name)
    await page.get_by_role("button", name=button).click()


@pytest.mark.slow
async def test_agents_share_an_inbox_and_customers_write_in_the_corner(browser: Browser, desk: str) -> None:
    async with (
        opened(browser, f"{desk}/inbox") as jun,
        opened(browser, f"{desk}/inbox") as sora,
        opened(browser, desk) as kim,
    ):
        await named(jun, "Jun", "Sign in")
        await named(sora, "Sora", "Sign in")
        await named(kim, "Kim", "Talk to us")
        box = kim.get_by_role("textbox", name="Message", exact=True)
        await box.fill("Where is my bowl?")
        await box.press("Enter")

        for agent in (jun, sora):
            await expect(agent.get_by_role("button", name="Kim Nobody's Where is my bowl? 1 unread")).to_be_visible()
            await expect(agent).to_have_title("(1) Inbox")
        assert await violations(jun) == []
        await jun.get_by_role("button", name="Kim Nobody's").click()
        await expect(jun.get_by_role("article").last).to_contain_text("Where is my bowl?")
        await jun.get_by_role("button", name="Take it").click()
        await expect(jun.get_by_role("button", name="Kim Yours")).to_be_visible()
        await expect(sora.get_by_role("button", name="Kim Jun")).to_be_visible()
        await jun.get_by_role("textbox", name="Message", exact=True).fill("On its way.")
        await jun.keyboard.press("Enter")
        await expect(kim.get_by_role("article").last).to_contain_text("On its way.")
        await expect(jun).to_have_title("Inbox")  # what is open is read

        await sora.get_by_label("Show").select_option("Nobody's")
        await expect(sora.get_by_text("No conversation waits.")).to_be_visible()
        await sora.get_by_label("Show").select_option("All")
        await sora.get_by_role("button", name="Kim Jun").click()
        await sora.get_by_role("button", name="Take it over").click()
        await expect(sora.get_by_role("button", name="Kim Yours")).to_be_visible()
        await expect(jun.get_by_role("button", name="Kim Sora")).to_be_visible()
        assert await violations(sora) == []

        await kim.reload()  # their session brings them back into the same conversation
        await kim.get_by_role("button", name="Open the chat").click()
        await expect(kim.get_by_role("article").filter(has_text="On its way.")).to_have_count(1)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, port: int) -> Iterator[Path]:
    """A folder that is served at the origin that the server lets in."""
    folder = tmp_path / "dist"
    folder.mkdir()
    httpd = ThreadingHTTPServer(("127.0.0.1", port), functools.partial(_Quiet, directory=str(folder)))
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield folder
    httpd.shutdown()
    httpd.server_close()


def build(framework: str, example: Path, project: Path, served: Path, server: str) -> None:
    """Build a page with an example as an application would: npm install, then a bundler."""
    node = ROOT / ".venv/lib/nodejs"
    environment: dict[str, Any] = {**os.environ, "PATH": f"{node}/bin:{os.environ['PATH']}"}
    npm = [str(node / "bin/node"), str(node / "lib/node_modules/npm/bin/npm-cli.js")]
    project.mkdir()
    (project / "package.json").write_text('{"private": true, "type": "module"}')
    installing = [*npm, "install", "--no-audit", "--no-fund", *FRAMEWORKS[framework]]
    if subprocess.run(installing, cwd=project, env=environment, capture_output=True).returncode:
        missing("no registry of packages is reached")
    source = example.read_text().replace("http://localhost:8400", server)
    (project / f"example{example.suffix}").write_text(source)
    (project / "main.js").write_text(MAIN[framework])
    (project / "index.html").write_text(
        '<!doctype html><title>A room</title><div id="app"></div><script type="module" src="main.js"></script>'
    )
    (project / "vite.config.js").write_text(
        f'export default {{ resolve: {{ alias: {{ madang: "{ROOT}/sdk/js/src/index.ts" }} }}, '
        f'oxc: {{ jsx: {{ runtime: "automatic" }} }}, build: {{ outDir: "{served}", emptyOutDir: true }} }};'
    )
    vite = [str(node / "bin/node"), str(ROOT / "node_modules/vite/bin/vite.js"), "build", "--logLevel", "error"]
    done = subprocess.run(vite, cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("framework", FRAMEWORKS)
async def test_a_room_in_a_framework_talks(
    framework: str, browser: Browser, server: Server, served: Path, tmp_path: Path, port: int
) -> None:
    example = EXAMPLES / "javascript" / {"react": "react.jsx", "vue": "vue.js"}[framework]
    await asyncio.to_thread(build, framework, example, tmp_path / "project", served, server.url)
    url = f"http://127.0.0.1:{port}"
    text = f"by {framework}"
    async with opened(browser, url) as one, opened(browser, url) as other:
        await one.get_by_label("Message").fill(text)
        await one.get_by_label("Message").press("Enter")
        await expect(other.get_by_role("listitem").filter(has_text=text)).to_have_text(f"Mina: {text}")
        await expect(one.get_by_role("listitem").filter(has_text=text)).to_have_attribute("data-state", "sent")
        await expect(one.get_by_label("Message")).to_have_value("")
