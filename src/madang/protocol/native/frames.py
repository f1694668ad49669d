"""Frames that the server sends of its own accord, as typed structs; what is sent when is in `delivery`. Answers are in `answers.py`.

A receiver ignores unknown fields. Defaults serve to read what another version of the server has left out; the server
writes all fields, except for structs with `omit_defaults`. Field order is the order on the wire.
"""

from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

from madang.core.rooms import Membership

EventArray = Annotated[Raw, Meta(extra_json_schema={"type": "array", "items": {"$ref": "#/$defs/EventFrame"}})]
"""An array of event frames that are encoded already (`codec.array`): each event is encoded once for all receivers."""


class Frame(Struct, frozen=True, kw_only=True, tag_field="op", gc=False):
    """A frame that the server sends of its own accord."""


class EventFrame(Frame, frozen=True, tag="event", gc=False):
    """The head of an event; the fields of its type follow (`core.events`)."""

    room: str
    seq: int
    type: str
    id: str
    user: str
    name: str
    at: str


class SkipFrame(Frame, frozen=True, kw_only=True, tag="skip", rename={"from_": "from"}, gc=False):
    """Events `from_` to `to`, all of them joins, are left out because the room is crowded."""

    room: str
    from_: int
    to: int


class BehindFrame(Frame, frozen=True, kw_only=True, tag="behind", rename={"from_": "from"}, gc=False):
    """The client reads too slowly; events after `from_`, up to `seq`, follow at its own speed."""

    room: str
    seq: int
    from_: int


class ResetFrame(Frame, frozen=True, kw_only=True, tag="reset", gc=False):
    """The client is too far behind to catch up event by event. It starts again from these events."""

    room: str
    epoch: str
    seq: int
    events: EventArray


class TypingFrame(Frame, frozen=True, kw_only=True, tag="typing", gc=False):
    """Who has started typing (id → name), and who has stopped."""

    room: str
    on: dict[str, str] = {}
    off: list[str] = []


class ReadFrame(Frame, frozen=True, kw_only=True, tag="read", gc=False):
    """Read pointers that have moved (user → seq)."""

    room: str
    readers: dict[str, int]


class ReportsFrame(Frame, frozen=True, tag="reports", gc=False):
    """How many messages have open reports. For moderators."""

    room: str
    open: int


class RoomCount(Struct, frozen=True, kw_only=True, gc=False):
    """How many messages of others are unread in a room whose newest event is `seq`. It ends at 1,000."""

    room: str
    seq: int
    unread: int


class UnreadFrame(Frame, frozen=True, kw_only=True, omit_defaults=True, tag="unread", gc=False):
    """What has changed in the user's own rooms that the connection does not follow, if it watches them.

    `rooms` are new, or something else than the count has changed; `gone` are the user's no more.
    """

    rooms: list[Membership] = []
    counts: list[RoomCount] = []
    gone: list[str] = []


class PresenceFrame(Frame, frozen=True, kw_only=True, omit_defaults=True, tag="presence", gc=False):
    """Who has come online (id → name) and who has gone offline. In crowded rooms only the count is sent."""

    room: str
    count: int
    online: dict[str, str] | None = None
    offline: list[str] | None = None


class PaperFrame(Frame, frozen=True, kw_only=True, omit_defaults=True, tag="paper", gc=False):
    """What has been written in a paper; or, as a state vector, what the server has of it, because it wants what it lacks."""

    paper: str
    update: bytes = b""
    state: bytes = b""


class ClientInfo(Struct, frozen=True, kw_only=True, gc=False):
    """What is shown of a client of a paper, and whose it is; null where it has gone."""

    client: int
    clock: int
    user: str
    state: Raw


class ShownFrame(Frame, frozen=True, kw_only=True, tag="shown", gc=False):
    """What clients of a paper show now."""

    paper: str
    clients: list[ClientInfo]


class ClosedFrame(Frame, frozen=True, kw_only=True, tag="closed", gc=False):
    """A paper is open on this connection no longer; `code` is why."""

    paper: str
    code: str


class ExpiringFrame(Frame, frozen=True, kw_only=True, tag="expiring", gc=False):
    """The token that the connection lives by ends soon: in `expires_ms` it is closed, unless it is refreshed."""

    expires_ms: int


class ByeFrame(Frame, frozen=True, kw_only=True, tag="bye", gc=False):
    """The server is about to close the connection; the client should reconnect after `retry_ms`."""

    reason: str = ""
    retry_ms: int = 0


AnyFrame = (
    EventFrame
    | SkipFrame
    | BehindFrame
    | ResetFrame
    | TypingFrame
    | ReadFrame
    | ReportsFrame
    | UnreadFrame
    | PresenceFrame
    | PaperFrame
    | ShownFrame
    | ClosedFrame
    | ExpiringFrame
    | ByeFrame
)
FRAMES: Final[dict[str, type[Frame]]] = {kind.__struct_config__.tag: kind for kind in AnyFrame.__args__}
"""Frames that answer no command, by their "op"."""
