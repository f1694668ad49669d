"""Korean typed into Chromium as an input method does it: composition by steps, commits, and the keys around them (CDP).

SEQUENCES has the ways in which browsers and tools report Enter at the end of a composition. They differ in what comes, and in
which order; what is sent must not.
"""

import unicodedata
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from playwright.async_api import CDPSession, Page

PROCESSED: Final = 229  # what a key is called that went to the input method
SHIFT: Final = 8


class Keyboard:
    """A Korean keyboard at a page of Chromium."""

    def __init__(self, page: Page, cdp: CDPSession) -> None:
        self.page = page
        self._cdp = cdp

    @classmethod
    async def at(cls, page: Page) -> "Keyboard":
        """Return a keyboard at a page."""
        return cls(page, await page.context.new_cdp_session(page))

    async def compose(self, syllable: str) -> None:
        """Compose one syllable, letter by letter, and leave it open: ㅇ, 아, 안."""
        jamo = unicodedata.normalize("NFD", syllable)
        for length in range(1, len(jamo) + 1):
            await self.show(unicodedata.normalize("NFC", jamo[:length]))

    async def show(self, text: str) -> None:
        """Show a text as the one that is being composed."""
        at = len(text)
        await self._cdp.send("Input.imeSetComposition", {"text": text, "selectionStart": at, "selectionEnd": at})

    async def commit(self, text: str) -> None:
        """End the composition with a text."""
        await self._cdp.send("Input.insertText", {"text": text})

    async def type(self, text: str) -> None:
        """Type a text, of which the last syllable stays open."""
        for syllable in text[:-1]:
            await self.compose(syllable)
            await self.commit(syllable)
        await self.compose(text[-1])

    async def processed(self, shift: bool = False) -> None:
        """Press Enter, which goes to the input method."""
        await self._key("rawKeyDown", PROCESSED, "Process", "", shift)

    async def enter(self, shift: bool = False, repeated: bool = False) -> None:
        """Press Enter, which goes to the page."""
        await self._key("keyDown", 13, "Enter", "\r", shift, repeated)

    async def line_break(self) -> None:
        """Let a line break come without a key."""
        await self._key("char", 13, "Enter", "\r", False)

    async def release(self) -> None:
        """Release Enter."""
        await self._key("keyUp", 13, "Enter", "", False)

    async def _key(self, type: str, code: int, key: str, text: str, shift: bool, repeated: bool = False) -> None:
        event = {
            "type": type, "windowsVirtualKeyCode": code, "key": key, "code": "Enter", "modifiers": SHIFT if shift else 0,
            "autoRepeat": repeated,
        }  # fmt: skip
        if text:
            event |= {"text": text, "unmodifiedText": text}
        await self._cdp.send("Input.dispatchKeyEvent", event)


class Sequence(NamedTuple):
    """What follows when a text is there whose last syllable is open.

    Attributes:
        play: called with the keyboard and the open syllable.
        sent: how many messages come of it.
    """

    name: str
    play: Callable[[Keyboard, str], Awaitable[None]]
    sent: int = 1


async def _chromium(keys: Keyboard, last: str) -> None:
    await keys.processed()
    await keys.commit(last)
    await keys.enter()
    await keys.release()


async def _firefox_on_macos(keys: Keyboard, last: str) -> None:
    await keys.processed()
    await keys.commit(last)
    await keys.line_break()
    await keys.release()


async def _candidate_chosen(keys: Keyboard, last: str) -> None:
    await keys.processed()
    await keys.commit(last)
    await keys.release()


async def _a_tool(keys: Keyboard, last: str) -> None:
    await keys.enter()
    await keys.release()


async def _safari(keys: Keyboard, last: str) -> None:
    await keys.commit(last)
    await keys.processed()
    await keys.line_break()
    await keys.release()


async def _with_shift(keys: Keyboard, last: str) -> None:
    await keys.processed(shift=True)
    await keys.commit(last)
    await keys.enter(shift=True)
    await keys.release()


async def _held_down(keys: Keyboard, last: str) -> None:
    await keys.processed()
    await keys.commit(last)
    for repeated in (False, True, True, True):
        await keys.enter(repeated=repeated)
    await keys.release()


SEQUENCES: Final = (
    Sequence("A: Chromium", _chromium),
    Sequence("B: Firefox on macOS", _firefox_on_macos),
    Sequence("C: Enter chooses a candidate", _candidate_chosen, sent=0),
    Sequence("D: a tool presses Enter and ends no composition", _a_tool),
    Sequence("E: Safari", _safari),
    Sequence("F: Shift+Enter", _with_shift, sent=0),
    Sequence("I: Enter is held down", _held_down),
)
"""G, the send button, and H, the caret in the middle, begin differently: see the tests."""
