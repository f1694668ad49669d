"""The page in WebKitGTK, the family of Safari: list, composer, and what axe finds. And a real Korean input method, ibus-hangul, in it."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver import WebKitGTK
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from madang.client import connect
from madang_proof.testbed.server import Server
from tests.browser.accessibility import RULES, axe_source
from tests.browser.people import socket_of
from tests.browser.webkit import hangul, webkit

pytestmark = pytest.mark.slow
PATIENCE_S = 30
_AXE = """
const [rules, done] = arguments;
axe.run(document, { runOnly: rules, resultTypes: ["violations"] }).then(({ violations }) =>
  done(violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")}: ${n.failureSummary}`))));
"""
_MOVED = """
const [done] = arguments;
const log = document.querySelector("[role=log]");
const rows = () => [...log.querySelectorAll("article")];
const top = (row) => row.getBoundingClientRect().top;
const inView = () => rows().find((row) => top(row) >= top(log) && top(row) < top(log) + log.clientHeight / 2);
let [row, at, height, most, after] = [null, 0, 0, 0, 0];
log.scrollTop = 0; // older ones are loaded
const look = () => {
  if (!row || (!row.isConnected && after === 0)) {
    row = inView(); // what a reader sees there, before older ones come
    if (row) [at, height, most] = [top(row), log.scrollHeight, 0];
    else log.scrollTop = 0;
  } else if (after > 0 || log.scrollHeight > height + 500) {
    most = Math.max(most, row.isConnected ? Math.abs(top(row) - at) : 9999);
    if (++after === 20) return done(most);
  }
  requestAnimationFrame(look);
};
look();
"""


class Reader:
    """Somebody at a WebKitGTK."""

    def __init__(self, browser: WebKitGTK, server: Server) -> None:
        self.browser = browser
        browser.set_script_timeout(PATIENCE_S)
        browser.get(server.url + "/r/lobby")

    def wait(self, script: str, *values: Any) -> Any:
        """Return what a script says, once that is something."""
        return WebDriverWait(self.browser, PATIENCE_S, 0.05).until(lambda it: it.execute_script(script, *values))

    def enter(self, name: str) -> None:
        self.wait("return document.activeElement.matches('input')")
        field = self.browser.find_element(By.CSS_SELECTOR, "form input")
        field.send_keys(name, Keys.ENTER)
        self.wait(
            "return document.querySelector('textarea') && document.querySelector('[role=toolbar], article, .start')"
        )

    @property
    def box(self) -> Any:
        return self.browser.find_element(By.CSS_SELECTOR, "textarea")

    def said(self, text: str) -> Any:
        """Wait until a message is shown as sent, and return how often."""
        return self.wait(
            "return [...document.querySelectorAll('article[data-state=sent] .text')].filter((it) => it.innerText.trim() === arguments[0]).length",
            text,
        )


@pytest.fixture
def browser() -> Iterator[WebKitGTK]:
    with webkit() as browser:
        yield browser


async def test_a_list_and_a_box_in_webkit(browser: WebKitGTK, server: Server) -> None:
    async with connect(socket_of(server.url), guest="Bora") as client:
        lobby = await client.join("lobby")
        for n in range(300):
            await lobby.send(f"line {n}\n" * (1 + n % 3))
    await asyncio.to_thread(use, browser, server)


def use(browser: WebKitGTK, server: Server) -> None:
    mina = Reader(browser, server)
    mina.enter("Mina")
    mina.box.send_keys("안녕, Bora", Keys.SHIFT, Keys.ENTER, Keys.SHIFT, "둘째 줄", Keys.ENTER)
    assert mina.said("안녕, Bora\n둘째 줄") == 1
    assert mina.box.get_attribute("value") == ""
    height = "return document.querySelector('textarea').offsetHeight"
    one = browser.execute_script(height)
    mina.box.send_keys("a", Keys.SHIFT, Keys.ENTER, Keys.SHIFT, "b")
    mina.wait(f"{height} > arguments[0]", one)  # it has no field-sizing
    browser.execute_script(axe_source())
    assert browser.execute_async_script(_AXE, RULES) == []
    assert browser.execute_async_script(_MOVED) == 0


def test_a_real_input_method_sends_whole_syllables_once(server: Server) -> None:
    with hangul() as (browser, press):
        mina = Reader(browser, server)
        mina.enter("Kim")
        browser.execute_script("document.querySelector('textarea').focus()")
        press(*"dkssudgktpdy", "Return")
        assert mina.said("안녕하세요") == 1
        press("g", "k", "shift+Return", "d", "l")
        mina.wait("return document.querySelector('textarea').value === arguments[0]", "하\n이")
        press("Return")
        assert mina.said("하\n이") == 1
