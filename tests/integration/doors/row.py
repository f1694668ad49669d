"""A row of the table of operations (`table.py`): one way to do an operation, and what comes of it."""

from dataclasses import dataclass, field
from typing import Any, Final

STRANGER: Final = "stranger"
"""As a role: Ara is not in the room. As a code: the one by which a door refuses strangers."""
MUTED: Final = "muted"
"""As a role: Ara is a member, and was muted for good."""
BANNED: Final = "banned"
"""As a role: Ara was in the room, as a moderator, and was banned."""
KICKED: Final = "kicked"
"""As a role: Ara was in the room, as a moderator, and was kicked."""

APPEND: Final = {"user": 1, "room": 1}
"""What an append costs, beside the command or request."""
ATTEMPT: Final = {"user": 1}
"""What it costs who has nothing to do with the room, whose own rate is for its members."""


@dataclass(frozen=True)
class Row:
    """One way to do an operation, and what comes of it.

    Attributes:
        does: what is tried, in a few words.
        role: Ara's.
        with_: the arguments.
        times: how often it is done; the last time is looked at, and the cost is that of all.
        code: what it is refused with.
        answers: fields of the answer, as far as they are the same on every door.
        events: types of the events that it appends, in all.
        heard: frames that Wendy hears beside events.
        cost: what is charged beside one command or request each time: events of user and room, commands' worth of a page
            ("connection"), milliseconds of slow mode, guests of an address.
        room: settings of the room that are not the usual.
        barred: whether Olive has banned and muted somebody who never was here.
        reported: whether Wendy has reported Vic's message.
        finished: whether the paper that there is, is finished.
        words: the room's word list, set after Vic's and Ara's messages.
    """

    does: str
    role: str = "member"
    with_: dict[str, Any] = field(default_factory=dict)
    times: int = 1
    code: str | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    events: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()
    cost: dict[str, int] = field(default_factory=dict)
    room: dict[str, Any] = field(default_factory=dict)
    barred: bool = False
    reported: bool = False
    finished: bool = False
    words: dict[str, list[str]] = field(default_factory=dict)


def strangers(**with_: Any) -> Row:
    """Return the row of a stranger, who is refused."""
    return Row("by a stranger", STRANGER, with_, code=STRANGER)


def unspeakable() -> tuple[Row, ...]:
    """Return rows of pages behind what cannot be an id."""
    return tuple(
        Row(f"behind {id!a}", with_={"after": id}, code="bad_field") for id in ("a\n", "\x1b[31m", "\x7f", "x" * 65)
    )
