"""What users of accounts are signed in to, as far as every node must know it: which sessions have ended.

A token names its session (`tokens.py`), and is valid by itself. So every node keeps the list of the sessions that ended in the
last KEPT_S, after which no token of theirs is valid any more; it reads on in it every second (`polling.py`), and hears of an end at
once where the bus brings it. That sessions were used is written every few hours for each, so that those nobody uses can be forgotten.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from madang.core.metrics import Metric
from madang.ports.accounts import BEFORE_ALL, AccountStore, Ended
from madang.ports.bus import EVERYWHERE, Bus, Signal
from madang.ports.changes import PAGE
from madang.ports.sessions import OpenSessions
from madang.services.failures import Failures
from madang.services.noted import Noted
from madang.services.tokens import TOKEN_S

logger = logging.getLogger("madang.sessions")

SIGNED_OUT: Final = "session"
"""The topic of the signals; their key is the session."""
WRITE_S: Final = 5.0
"""From one time that sessions used are written to the next."""
LATE_MS: Final = 10_000
"""How long after its time a session may be seen to have ended: a transaction takes so long at most."""
DAY_S: Final = 24 * 3600
KEPT_S: Final = TOKEN_S + DAY_S
UNSEEN_S: Final = 2 * TOKEN_S + DAY_S
"""After which a session is forgotten: its last token may have been made when the one before ended, and not been noted."""
FORGET_S: Final = 600.0
CHUNK: Final = 50
"""Sessions forgotten in one transaction, which an append may have to wait for."""
PAUSE_S: Final = 0.1


class AccountSessions:
    """Knows which sessions ended, and notes which are used.

    Args:
        sessions: whose connections close when theirs ends.
        time: loop time in seconds.
    """

    def __init__(self, store: AccountStore, bus: Bus, sessions: OpenSessions, time: Callable[[], float]) -> None:
        self._store = store
        self._bus = bus
        self._time = time
        self._ended: dict[str, int] = {}
        self._read = BEFORE_ALL  # ends up to this one are known
        self._noted = Noted(time)
        self._failures = Failures(logger, "have ended, and not all of their connections are closed")
        self._sessions = sessions

    def __contains__(self, session: object) -> bool:
        """Return whether a session has ended."""
        return session in self._ended

    def metrics(self) -> list[Metric]:
        """Return what is kept here."""
        help = f"Sessions of accounts that ended in the last {KEPT_S // DAY_S} days."
        return [Metric("gauge", "madang_sessions_ended", help, len(self._ended))]

    def seen(self, session: str) -> None:
        """Note that a session is used; it is written some time soon."""
        self._noted.seen(session)

    async def start(self) -> None:
        """Read which sessions ended: nobody is let in before that."""
        await self.take(await self._store.sessions_ended(self.known, PAGE))

    async def run(self) -> None:
        """Write which sessions are used, and forget those that nobody can use, until cancelled."""
        noting = Failures(logger, "are not noted")
        forget_at = self._time() + FORGET_S
        while True:
            await asyncio.sleep(WRITE_S)
            with noting.survived("sessions"):
                await self._write_seen()
                if self._time() >= forget_at:
                    forget_at = self._time() + FORGET_S
                    await self._forget()
            noting.round_over()

    @property
    def known(self) -> Ended:
        """The end above which is to be read what ended."""
        return max(BEFORE_ALL, (self._read[0] - LATE_MS, ""))

    async def take(self, page: Sequence[Ended]) -> None:
        """Let sessions end that did, as was read above `known`, and read on where that was a whole page."""
        at = self.known
        while page:
            at = page[-1]
            self._end({session: ended_ms for ended_ms, session in page})
            page = await self._store.sessions_ended(at, PAGE) if len(page) == PAGE else ()
        self._failures.round_over()
        self._read = max(self._read, at)

    async def _write_seen(self) -> None:
        while some := self._noted.some():
            await self._store.note_sessions(some)
            self._noted.written(some)

    async def _forget(self) -> None:
        """Forget what nobody can use: here what was read so long ago, in the database a few at a time."""
        oldest = self._read[0] - KEPT_S * 1000
        for session in [session for session, ended_ms in self._ended.items() if ended_ms < oldest]:
            del self._ended[session]
        left = True
        while left:
            left = await self._store.forget_sessions(UNSEEN_S * 1000, KEPT_S * 1000, CHUNK) == CHUNK
            await asyncio.sleep(PAUSE_S)

    def receive(self, signal: Signal) -> None:
        """Take another node's word that a session ended."""
        self._end({signal.key: self._read[0]})

    def end(self, sessions: Iterable[str]) -> None:
        """Let everybody know of sessions that ended, now that it is stored."""
        ended = dict.fromkeys(sessions, self._read[0])
        self._end(ended)
        for session in ended:
            self._bus.signal(Signal(EVERYWHERE, SIGNED_OUT, session, b""))

    def _end(self, ended: dict[str, int]) -> None:
        new = ended.keys() - self._ended.keys()
        self._ended.update(ended)
        if new:
            with self._failures.survived("sessions"):
                self._sessions.sign_out(new)
