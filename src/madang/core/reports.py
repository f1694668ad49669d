"""Reports: members tell moderators of a message. They wait in the room's queue until a moderator resolves them.

Who may report and resolve is in `permissions.py`; where reports are kept, and what becomes of them, in `ports.directory`.
"""

from typing import Final

import msgspec

MAX_REPORTS: Final = 1_000
"""Open reports in a room."""
MAX_OWN: Final = 20
"""Open reports of one user in a room."""
MAX_FLAGS: Final = 500
"""Open reports that word lists have made in a room: they leave space for those of members."""
SYSTEM_NAME: Final = "Madang"
"""The name by which the server itself reports what a word list flags."""
SHOWN: Final = 10
"""Reports of one message that its entry in the queue shows; the others are counted."""
REPORT_DAYS: Final = 90
"""How long a report is kept, resolved or not."""


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one user said of a message, at `at_ms` in Unix milliseconds."""

    user: str
    name: str
    reason: str = ""
    at_ms: int


class Reported(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message with open reports.

    Attributes:
        user: who wrote it, by the name of then.
        deleted: its author has deleted it since.
        count: its open reports.
        reports: the oldest of them, SHOWN at most.
    """

    seq: int
    user: str
    name: str
    deleted: bool = False
    count: int
    reports: list[Report]
