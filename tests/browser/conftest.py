"""Browsers against an installed Madang: one server per file, one browser of each kind for all, and people who come and go.

A test that is to run in Firefox, too, says so: `@pytest.mark.parametrize("browser", ENGINES, indirect=True)`.
"""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Playwright, async_playwright, expect

from madang_proof.testbed.server import Server
from tests.browser.installed import installed, path_without_node
from tests.browser.people import Person, arrive, leave
from tests.daemons import missing
from tests.waiting import PATIENCE_S

Arrive = Callable[..., Awaitable[Person]]
PATIENCE_MS = PATIENCE_S * 1000
expect.set_options(timeout=PATIENCE_MS)


def program(*names: str) -> str:
    """Return the path of the first of these browsers; without one, the test is skipped, or fails in CI."""
    found = next(filter(None, map(shutil.which, names)), None)
    return found or missing(f"{names[0]} is not installed; run scripts/install-browsers as root")


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with Madang's wheel; all workers share it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return installed(shared)


def installed_server(python: Path, data: Path, *arguments: str, **settings: str) -> Server:
    """Return a server of the installed Madang that was not started."""
    server = Server(data, program=(str(python), "-m", "madang"), arguments=arguments, settings=settings)
    server.environment["PATH"] = path_without_node(python)
    return server


@pytest.fixture(scope="module")
async def server(python: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server for the whole file. It takes all that tests of one address send."""
    running = installed_server(python, tmp_path_factory.mktemp("served"), "--load-test")
    try:
        await running.start()
        yield running
    finally:
        await running.close()


@pytest.fixture(scope="package")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
async def browsers(playwright: Playwright) -> AsyncIterator[dict[str, Browser]]:
    """Browsers that have been started, by name. People in them share nothing."""
    started: dict[str, Browser] = {}
    yield started
    for each in started.values():
        await each.close()


@pytest.fixture
async def browser(request: pytest.FixtureRequest, playwright: Playwright, browsers: dict[str, Browser]) -> Browser:
    """Debian's Chromium, or what the test is parametrised with.

    Its shell without windows is the same engine and takes 1.1 s of the processor for a person who enters and says five
    things; the whole browser takes 2.0 s.
    """
    name = getattr(request, "param", "chromium")
    if name not in browsers or not browsers[name].is_connected():
        if name == "firefox":
            path = program("firefox-esr")
            browsers[name] = await playwright.firefox.launch(
                channel="moz-firefox", executable_path=path, timeout=PATIENCE_MS
            )
        else:
            as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
            path = program("chromium-headless-shell", "chromium")
            browsers[name] = await playwright.chromium.launch(executable_path=path, args=as_root, timeout=PATIENCE_MS)
    return browsers[name]


@pytest.fixture
async def arrived(browser: Browser, server: Server) -> AsyncIterator[Arrive]:
    """What lets people come, with the arguments of `arrive`. In the end nothing may have gone wrong unseen."""
    people: list[Person] = []

    async def one(name: str = "Mina", *, url: str = "", **options: Any) -> Person:
        person = await arrive(browser, url or server.url, name, **options)
        person.page.set_default_timeout(PATIENCE_MS)
        people.append(person)
        return person

    yield one
    await leave(people)
