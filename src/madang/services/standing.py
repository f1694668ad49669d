"""An actor's standing in a room: what posting is judged by. Made by `Posting` alone, from the room as it is now."""

import msgspec


class Standing(msgspec.Struct, frozen=True, gc=False):
    """An actor's standing in one room.

    Attributes:
        role: the role that the actor acts in.
        slow_ms: the room's slow mode, 0 where it does not hold the actor.
    """

    role: str
    slow_ms: int
