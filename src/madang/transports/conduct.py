"""How one connection has behaved: bad frames in a row, and commands that came before their time. No socket, no clock.

Any door asks here what becomes of a connection after a refusal; what is allowed is judged by services.

A refusal for a rate names a wait, and gives the right to one more try after it. Only a refused command that came without
such a right counts as flood. So a client that keeps to its windows has at most WINDOW and one write a room counted,
however often others spend what it waits for: less than FLOOD and one for each room that it may follow.
"""

import heapq
from typing import Final

from madang.errors import Limited, MadangError

HELLO_S: Final = 10.0  # from the handshake on, to say who one is
CONTROLS: Final = 50  # pings and pongs between two ticks
FLOODS: Final = frozenset({4400, 4429})
"""Close codes of those who behave badly."""
BAD_FRAMES: Final = 20  # in a row
FLOOD: Final = 200  # and one for each room: more commands refused, that had come before their time, than were handled
WINDOW: Final = 64
"""Commands that a client may have unanswered at once. It is told, and one that has more is not refused for it."""
ROOM_WINDOW: Final = 1
"""Of them, commands that write to one room: with more, one that is told to wait would be overtaken."""
_MALFORMED: Final = frozenset({"bad_json", "unknown_op", "bad_field", "hello_first"})
_TOO_FAST: Final = frozenset({"rate_limited", "slow_mode"})
_UNAUTHORISED: Final = frozenset({"bad_token", "no_guests"})

Close = tuple[int, str]
"""A close code and its reason."""


class Conduct:
    """What is held against a connection. `now` is loop time in seconds."""

    __slots__ = ("_bad", "_early", "_excused", "_most", "_tries")

    def __init__(self, rooms: int) -> None:
        self._most = FLOOD + rooms
        self._excused = False  # hello was refused: what was pipelined behind it had to be refused, too
        self._bad = 0
        self._early = 0
        self._tries: list[float] = []  # when each of those who were told to wait may try again: a heap

    def refused(self, error: MadangError, now: float, *, named: bool, greeted: bool) -> Close | None:
        """Note a refused command; return what the connection must be closed with, if it must.

        Args:
            named: the command could be told from others, so it was a command.
            greeted: the client had said who it is.
        """
        if not named or error.code in _MALFORMED:
            excused = error.code == "hello_first" and self._excused
            return (4400, "bad requests") if not excused and self._malformed() else None
        if isinstance(error, Limited) and error.code in _TOO_FAST:
            self._excused = self._excused or not greeted
            return (4429, "flood") if self._limited(error.retry_ms / 1000, now) else None
        if error.code in _UNAUTHORISED:
            return 4401, "unauthorised"
        self._excused = self._excused or not greeted
        return None

    def understood(self) -> None:
        """Note a frame that is a command."""
        self._bad = 0

    def handled(self) -> None:
        """Note a command that was not refused."""
        if self._early:
            self._early -= 1

    def _malformed(self) -> bool:
        """Note a frame that holds no command; return whether that is too much."""
        self._bad += 1
        return self._bad >= BAD_FRAMES

    def _limited(self, retry_s: float, now: float) -> bool:
        """Note a command refused for its rate and told to come back in `retry_s`; return whether that is too much."""
        tries = self._tries
        if tries and tries[0] <= now:
            heapq.heapreplace(tries, now + retry_s)
            return False
        self._early += 1
        if len(tries) < self._most:
            heapq.heappush(tries, now + retry_s)
        return self._early >= self._most
