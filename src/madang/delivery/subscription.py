"""One subscriber that follows one room, and how far it is."""

from enum import Enum, auto
from typing import Final

from madang.delivery.subscriber import Subscriber


class SubscriptionState(Enum):
    """How a subscription is related to its room."""

    OUT = auto()  # not in the room: not yet, or no longer
    LIVE = auto()  # in the room's audience: whatever is sealed goes to it
    BEHIND = auto()  # not written to by the room; it catches up from `position`
    READING = auto()  # behind, and what it lacks is being read from the log


# For rooms with many that are behind: see `room.IDLE`.
OUT, LIVE, BEHIND, READING = (
    SubscriptionState.OUT,
    SubscriptionState.LIVE,
    SubscriptionState.BEHIND,
    SubscriptionState.READING,
)


LOOK_UPS: Final = 64


class Subscription:
    """One subscriber that follows one room.

    A live subscription is wherever its room is and keeps no position of its own. One that is behind catches up
    from `position`, the newest seq its subscriber was given. If its access ends meanwhile, it catches up as far as
    `until`, the seq that ended it, and is then let go.

    `joined_at` is the user's read pointer at the join: the seq of their own member.joined, or above it. An end at or
    below it is of a former membership: a node that was behind, or a resume that goes on as frames, brings it later.

    `joined_seq` is that of their member.joined: see `core.rooms.hidden`.

    `look_ups` is how many of what the user sends may still be looked up in the log before they are refused for coming too
    early: one who comes back does not know what is stored.
    """

    __slots__ = (
        "joined_at",
        "joined_seq",
        "look_ups",
        "name",
        "position",
        "role",
        "standing",
        "subscriber",
        "until",
        "user",
    )

    def __init__(
        self,
        subscriber: Subscriber,
        user: str,
        name: str,
        role: str,
        position: int,
        joined_at: int,
        joined_seq: int = 0,
    ) -> None:
        self.subscriber = subscriber
        self.user = user
        self.name = name
        self.role = role
        self.standing = OUT
        self.position = position
        self.joined_at = joined_at
        self.joined_seq = joined_seq
        self.until: int | None = None
        self.look_ups = LOOK_UPS
