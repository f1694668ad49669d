"""People at browsers: each in a context of their own, with helpers for what everybody does, and an eye on what must never happen.

What must never happen on any page is collected as it goes, and told when the person leaves: reports of the content security
policy, errors on the console or thrown, requests to another origin.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Locator, Page, Request, expect

Language = Literal["en", "ko"]
Theme = Literal["light", "dark"]
WIDTHS = {360: 740, 768: 1024, 1280: 800, 1920: 1080}
"""The heights of screens by their widths, as the design has them."""
PHONE = 360

# The browser's own reports reach the console in Chromium alone.
_REPORT_VIOLATIONS = """
addEventListener("securitypolicyviolation", (e) =>
  console.error(`violates the policy: ${e.violatedDirective} ${e.blockedURI} ${e.sample} ${e.sourceFile}:${e.lineNumber}`));
"""
# A browser without windows cannot ask anybody, and so says that notifications are refused.
_MAY_BE_ASKED = """
globalThis.Notification && Object.defineProperty(Notification, "permission", { value: "default", configurable: true });
"""
# A socket that is cut, or refused by a server that is killed, is told on the console by the browser itself.
_OF_THE_NETWORK = re.compile(
    r"WebSocket connection to|net::ERR_|can.t establish a connection|connection to ws.* was interrupted"
)

WORDS = {
    "en": {"name": "Your name", "enter": "Enter", "box": "Message", "send": "Send", "messages": "Messages in {}"},
    "ko": {"name": "이름", "enter": "들어가기", "box": "메시지", "send": "보내기", "messages": "{}의 메시지"},
}
"""Names of the contract that everybody needs, by language."""


def socket_of(url: str) -> str:
    """Return the address of a server's WebSocket."""
    return url.replace("http", "ws", 1) + "/ws"


@dataclass
class Person:
    """Somebody with a page of their own.

    Attributes:
        problems: what went wrong unseen.
        expected: a pattern of those that the test makes on purpose.
    """

    name: str
    language: Language
    url: str
    context: BrowserContext
    page: Page
    problems: list[str] = field(default_factory=list)
    expected: str = "(?!)"

    def said(self, word: str, *values: str) -> str:
        """Return a name of the contract in the language of this person."""
        return WORDS[self.language][word].format(*values)

    async def open(self, path: str = "/") -> None:
        """Open a path of the server."""
        await self.page.goto(self.url + path)

    async def enter(self, path: str = "/") -> None:
        """Open a path and sign in as a guest: after it, the box takes keys."""
        await self.open(path)
        await self.page.get_by_role("textbox", name=self.said("name")).fill(self.name)
        await self.page.get_by_role("button", name=self.said("enter"), exact=True).click()
        await expect(self.box).to_be_editable()

    @property
    def box(self) -> Locator:
        """The composer's box."""
        return self.page.get_by_role("textbox", name=self.said("box"), exact=True)

    @property
    def log(self) -> Locator:
        """The list of messages."""
        return self.page.get_by_role("log")

    def message(self, text: str) -> Locator:
        """Return the rows whose text this is part of."""
        return self.log.get_by_role("article").filter(has_text=text)

    async def say(self, text: str) -> None:
        """Write and send by keyboard, and wait until it is stored."""
        await self.box.fill(text)
        await self.box.press("Enter")
        await expect(self.message(text.strip()).last).to_have_attribute("data-state", "sent")

    async def has_tools(self) -> None:
        """Wait until messages have their tools, which come later, and with them what keys do in the list."""
        await self.log.locator("[role=toolbar]").first.wait_for(state="attached")

    async def texts(self) -> list[str]:
        """Return the texts of all rows that are shown, oldest first."""
        return [await row.inner_text() for row in await self.log.get_by_role("article").all()]

    async def resize(self, width: int) -> None:
        """Make the window as wide as one of WIDTHS."""
        await self.page.set_viewport_size({"width": width, "height": WIDTHS[width]})


async def arrive(
    browser: Browser,
    url: str,
    name: str = "Mina",
    language: Language = "en",
    theme: Theme = "light",
    width: int = 1280,
    **options: Any,
) -> Person:
    """Return a person at an empty page.

    Args:
        options: more of the browser's context.
    """
    firefox = browser.browser_type.name == "firefox"
    phone = {} if width != PHONE or firefox else {"is_mobile": True, "has_touch": True, "device_scale_factor": 2}
    given: dict[str, Any] = {
        "viewport": {"width": width, "height": WIDTHS[width]}, "color_scheme": theme, "reduced_motion": "reduce",
        "locale": "ko-KR" if language == "ko" else "en-GB", "timezone_id": "Asia/Seoul", **phone, **options,
    }  # fmt: skip
    context = await browser.new_context(**given)
    await context.add_init_script(_REPORT_VIOLATIONS + _MAY_BE_ASKED)
    page = await context.new_page()
    person = Person(name, language, url, context, page)
    watch(person, page)
    context.on("page", lambda page: watch(person, page))
    return person


def watch(person: Person, page: Page) -> None:
    """Collect what must never happen on a page."""
    origins = (person.url, person.url.replace("http", "ws", 1), "blob:", "data:", "about:")

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _OF_THE_NETWORK.search(message.text):
            person.problems.append(f"console: {message.text}")

    def thrown(error: Error) -> None:
        person.problems.append(f"thrown: {error.message}")

    def requested(request: Request) -> None:
        if not request.url.startswith(origins):
            person.problems.append(f"request to another origin: {request.url}")

    page.on("console", console)
    page.on("pageerror", thrown)
    page.on("request", requested)


async def leave(people: Sequence[Person]) -> None:
    """Close everybody's browser context, and assert that nothing went wrong unseen."""
    for person in people:
        await person.context.close()
    problems = [each for person in people for each in person.problems if not re.match(person.expected, each)]
    assert not problems, problems
