"""Word lists in force on this node: that of the server, from its settings and its administration, and those of rooms.

All lists are in memory as they are written (5,000 rooms of 1,000 letters at most), so that a send waits for nothing. They are made
ready to be looked for when a room first needs its own; LETTERS of them stay ready. Another node's change is heard at once
where the bus works, and read every POLL_S anyway.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from madang.core.actors import Actor
from madang.core.events import Draft
from madang.core.metrics import Metric
from madang.core.permissions import Action, need
from madang.core.words import MAX_SERVER_WORDS, WordList, Words, checked
from madang.errors import Refused
from madang.ports.bus import EVERYWHERE, Bus, Signal
from madang.ports.directory import Directory
from madang.services.failures import Failures
from madang.services.rooms import SYSTEM, Rooms

logger = logging.getLogger("madang.words")

CHANGED: Final = "words"
"""The topic of the signals; their key is the room, empty for the server."""
POLL_S: Final = 10.0
LETTERS: Final = 100_000
"""Letters of the rooms' lists that are ready: 0.3 to 0.6 KB each. One more list is made ready in a millisecond or two."""
SERVER: Final = ""
"""In place of a room: the list of the server."""


class WordLists:
    """Keeps the lists, and changes them.

    Args:
        configured: the list of the server's settings.
        clock_ms: Unix milliseconds.

    Attributes:
        letters: of the rooms' lists that are ready.
    """

    def __init__(
        self, directory: Directory, rooms: Rooms, bus: Bus, clock_ms: Callable[[], int], configured: Words | None = None
    ) -> None:
        self._directory = directory
        self._rooms = rooms
        self._bus = bus
        self._clock_ms = clock_ms
        self._configured = configured or Words()
        self._lists: dict[str, tuple[int, Words]] = {}  # versions, too
        self._ready: dict[str, WordList] = {}  # the least lately made first
        self.letters = 0
        self._common: tuple[WordList, ...] = ()
        self._changed: set[str] = set()
        self._changes = 0
        self._woken = asyncio.Event()
        self._compile_common()

    def metrics(self) -> list[Metric]:
        """Return how many lists there are."""
        text = "Word lists: of rooms, and of the server."
        ready = "Letters of the rooms' word lists that are ready to be looked for."
        return [
            Metric("gauge", "madang_word_lists", text, len(self._lists) + bool(self._configured.count)),
            Metric("gauge", "madang_word_lists_ready_letters", ready, self.letters),
        ]

    def of(self, room: str) -> tuple[WordList, ...]:
        """Return the lists that hold in a room; without any it is an empty tuple, at the price of a look-up."""
        kept = self._lists.get(room)
        return self._common if kept is None else (self._own(room, kept[1]), *self._common)

    def _own(self, room: str, words: Words) -> WordList:
        ready = self._ready.get(room)
        if ready is None:
            ready = self._ready[room] = WordList(words)
            self.letters += ready.size
            while self.letters > LETTERS and len(self._ready) > 1:
                self._unready(next(iter(self._ready)))
        return ready

    def _unready(self, room: str) -> None:
        if (ready := self._ready.pop(room, None)) is not None:
            self.letters -= ready.size

    def _compile_common(self) -> None:
        _, kept = self._lists.get(SERVER, (0, Words()))
        lists = [words for words in (self._configured, kept) if words.count]
        self._common = (WordList(*lists),) if lists else ()

    def _keep(self, room: str, version: int, words: Words) -> None:
        if version:
            self._lists[room] = version, words
        else:
            self._lists.pop(room, None)
        self._unready(room)
        if room == SERVER:
            self._compile_common()

    # -- what moderators and operators do ------------------------------------------------------------------------------

    async def show(self, actor: Actor, room: str) -> Words:
        """Return a room's own list (not_found, forbidden)."""
        _, words = await self._rooms.page(actor, room, Action.WORDS, 1, None, lambda: self._directory.words(room))
        return words

    async def change(self, actor: Actor, room: str, words: Words) -> Words:
        """Replace a room's list, and return it as it is kept. It counts as an append.

        Raises:
            Refused: too_many, bad_field, not_found, forbidden, rate_limited, quota.
        """
        new = checked(words)
        with self._rooms.attempt(actor) as attempt:
            need((await self._rooms.charged(actor, room, attempt)).role, Action.WORDS)
            attempt.row()
            await self._set(actor, room, new)
        return new

    async def show_servers(self) -> Words:
        """Return the list of the server, as its administration has set it."""
        return (await self._directory.words(SERVER))[1]

    async def change_servers(self, words: Words) -> Words:
        """Replace the list of the server, besides that of its settings (too_many, bad_field)."""
        new = checked(words, MAX_SERVER_WORDS)
        await self._set(SYSTEM, SERVER, new)
        return new

    async def _set(self, actor: Actor, room: str, words: Words) -> None:
        now_ms, server = self._clock_ms(), actor.server
        version = await self._directory.set_words(room, words, now_ms, actor.id, actor.name, server=server)
        self._changes += 1
        self._keep(room, version, words)
        self._bus.signal(Signal(EVERYWHERE, CHANGED, room, b"null"))

    # -- what other nodes do -------------------------------------------------------------------------------------------

    def receive(self, signal: Signal) -> None:
        """Take another node's word that a list has changed."""
        self._changed.add(signal.key)
        self._woken.set()

    async def start(self) -> None:
        """Read all lists: nothing is said before that."""
        await self._read_all()

    async def run(self) -> None:
        """Read what has changed, until cancelled."""
        failures = Failures(logger, "are not read")
        while True:
            try:
                async with asyncio.timeout(POLL_S):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()
            with failures.survived("word lists"):
                if self._changed:
                    while self._changed:
                        await self._read(self._changed.pop())
                else:
                    await self._read_all()
            failures.round_over()

    async def _read_all(self) -> None:
        versions = await self._directory.word_lists()
        for room in [*versions, *(room for room in self._lists if room not in versions)]:
            if self._lists.get(room, (0, None))[0] != versions.get(room, 0):
                await self._read(room)

    async def _read(self, room: str) -> None:
        while True:
            changes = self._changes
            version, words = await self._directory.words(room)
            if changes == self._changes:  # otherwise it may have been read before it was changed here
                break
        if self._lists.get(room, (0, None))[0] != version:
            self._keep(room, version, words)


def has_words(lists: tuple[WordList, ...], draft: Draft) -> bool:
    """Return whether a message or an edit has words of these lists: most have none, and are looked at no further."""
    text: str | None = draft.content.text  # type: ignore[attr-defined]
    if text:
        for words in lists:
            if words.judge(text) is not None:
                return True
    return False


def judged(lists: tuple[WordList, ...], text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text as it may be said, and what is flagged of it (bad_words)."""
    flagged: tuple[str, ...] = ()
    for words in lists:
        found = words.judge(text)
        if found is not None:
            if found.refused:
                raise Refused("bad_words")
            text, flagged = found.text, flagged + found.flagged
    return text, flagged
