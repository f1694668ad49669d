"""How one connection has behaved: bad frames in a row, and commands that came before their time. No socket, no clock.

A refusal for a rate names a wait, and gives the right to one more try after it. Only a refused command that came without
such a right counts as flood. So a client that keeps to PROTOCOL.md has at most as many counted as it has commands
unanswered or waiting, far below FLOOD, however often others spend what it waits for.
"""

import heapq
from typing import Final

BAD_FRAMES: Final = 20  # in a row
FLOOD: Final = 200  # more commands refused, that had come before their time, than were handled


class Conduct:
    """What is held against a connection. `now` is loop time in seconds."""

    __slots__ = ("_bad", "_early", "_tries", "excused")

    def __init__(self) -> None:
        self.excused = False  # hello was refused: what was pipelined behind it had to be refused, too
        self._bad = 0
        self._early = 0
        self._tries: list[float] = []  # when each of those who were told to wait may try again: a heap

    def understood(self) -> None:
        """Note a frame that is a command."""
        self._bad = 0

    def handled(self) -> None:
        """Note a command that was not refused."""
        if self._early:
            self._early -= 1

    def malformed(self) -> bool:
        """Note a frame that holds no command; return whether that is too much."""
        self._bad += 1
        return self._bad >= BAD_FRAMES

    def limited(self, retry_s: float, now: float) -> bool:
        """Note a command refused for its rate and told to come back in `retry_s`; return whether that is too much."""
        tries = self._tries
        if tries and tries[0] <= now:
            heapq.heapreplace(tries, now + retry_s)
            return False
        self._early += 1
        if len(tries) < FLOOD:
            heapq.heappush(tries, now + retry_s)
        return self._early >= FLOOD
