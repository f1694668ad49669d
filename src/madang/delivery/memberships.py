"""Which memberships of a room ended or changed lately, for joins that are under way meanwhile."""

from typing import Final

REMEMBERED: Final = 1000
"""Users per room; of the others it is only known that nothing changed above some seq."""


class MembershipChanges:
    """Remembers, per user, the newest event that ended or changed their membership."""

    __slots__ = ("_forgotten", "_newest")

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}  # user -> seq, in the order of the seqs
        self._forgotten = 0  # up to this seq, changes may have been let go of

    def note(self, user: str, seq: int) -> None:
        """Note that the event `seq` ended or changed a membership."""
        self._newest.pop(user, None)
        if len(self._newest) >= REMEMBERED:
            self._forgotten = self._newest.pop(next(iter(self._newest)))
        self._newest[user] = seq

    def note_all(self, seq: int) -> None:
        """Note that the event `seq` ended all memberships."""
        self._newest.clear()
        self._forgotten = seq

    def since(self, user: str, seq: int) -> bool:
        """Return whether a user's membership may have ended or changed at `seq` or later."""
        return max(self._newest.get(user, 0), self._forgotten) >= seq
