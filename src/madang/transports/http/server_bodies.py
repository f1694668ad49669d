"""What REST accepts and returns that is for a product's servers: many items at once, and users of its own. As `bodies.py`."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from madang.core.bounds import MAX_ITEMS, PageLimit, RoomId, Title, TokenMs, UserId
from madang.core.erasure import Said
from madang.core.rooms import Role
from madang.protocol import offsets
from madang.transports.http.answers import OneMember
from madang.transports.http.bodies import Body, NewMessage
from madang.transports.http.errors import Problem

PositionId = Annotated[str, Meta(pattern=offsets.ONE)]
"""The id of an event in a stream."""


class NewPerson(Body):
    """What others see of a user of a product."""

    name: Title


class OnePerson(Body):
    """A user of a product: the product's own id for them, and what others see."""

    id: UserId
    name: Title


class ManyPeople(Body):
    """Users of a product. Of an id that is there twice the last one holds."""

    users: Annotated[list[OnePerson], Meta(min_length=1, max_length=MAX_ITEMS)]


class NewToken(Body):
    """For how many milliseconds a token holds. Left out: for a day."""

    for_ms: TokenMs | None = None


class Joins(Body):
    """What a membership is to be. Left out: the role of a member, and the name by which the product has made the user known."""

    role: Role | None = None
    name: Title | None = None


class OneJoin(Joins, kw_only=True):
    """A membership to be."""

    room: RoomId
    user: UserId


class ManyJoins(Body):
    """Memberships to be."""

    members: Annotated[list[OneJoin], Meta(min_length=1, max_length=MAX_ITEMS)]


class RoomsAsked(Body):
    """Rooms, and how many rows are asked for of each, at most 2,000 in all."""

    rooms: Annotated[list[RoomId], Meta(min_length=1, max_length=100)]
    limit: PageLimit = 20


class NewPublication(NewMessage, kw_only=True):
    """A message, and the room that it is for."""

    room: RoomId


class Publish(Body):
    """Messages; in each room they are stored in this order."""

    messages: Annotated[list[NewPublication], Meta(min_length=1, max_length=MAX_ITEMS)]


class OnePut(Struct, frozen=True, omit_defaults=True):
    """A user as they are known now; or else the error."""

    id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class Puts(Struct, frozen=True):
    """What became of each user, in their order."""

    results: list[OnePut]


class OneAdded(Struct, frozen=True, omit_defaults=True):
    """A membership as it is now; or else the error."""

    user: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    role: str | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class Added(Struct, frozen=True):
    """What became of each membership, in their order."""

    results: list[OneAdded]


class Token(Struct, frozen=True):
    """A token for a user, and for how many milliseconds it holds."""

    token: str
    expires_ms: int


class Deleted(Struct, frozen=True):
    """The user can do nothing any more."""

    deleted: bool = True


class OneErasure(Struct, frozen=True):
    """How far what a deleted user said is erased, or their name: how many rooms and events so far. `done_at` is null until it is."""

    user: str
    said: Said
    asked_at: str
    done_at: str | None
    rooms: int
    events: int


class Disconnected(Struct, frozen=True):
    """The user's connections are closed."""

    disconnected: bool = True


class MembersOfRoom(Struct, frozen=True, omit_defaults=True):
    """The first members of a room; or else the error."""

    room: str
    members: list[OneMember] | UnsetType = UNSET
    more: bool | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class MembersOfRooms(Struct, frozen=True):
    """The first members of each room, in the order of the rooms."""

    rooms: list[MembersOfRoom]


class Presence(Struct, frozen=True):
    """A page of the users online in a room, id to name, and how many there are in all."""

    users: dict[str, str]
    count: int
    more: bool


class PresenceOfRoom(Struct, frozen=True, omit_defaults=True):
    """The first users who are online in a room, id to name, and how many there are in all; or else the error."""

    room: str
    users: dict[str, str] | UnsetType = UNSET
    count: int | UnsetType = UNSET
    more: bool | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class PresenceOfRooms(Struct, frozen=True):
    """Who is online in each room, in the order of the rooms."""

    rooms: list[PresenceOfRoom]


class OnePublished(Struct, frozen=True, omit_defaults=True):
    """What became of a message: the event in the room's log, as of one that is sent alone; or else the error."""

    id: str | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    ack: Literal["stored", "replicated", "buffered"] | UnsetType = UNSET
    duplicate: bool | UnsetType = UNSET
    error: Problem | UnsetType = UNSET


class Publishes(Struct, frozen=True):
    """What became of each message, in their order."""

    results: list[OnePublished]


class NewConsumer(Body):
    """With what a consumer begins: with what is new from now on, or with all that there is."""

    begin: Literal["now", "start"] = "now"


class OneConsumer(Struct, frozen=True):
    """A consumer of a server key, and when it was here last, to the hour."""

    name: str
    made_at: str
    seen_at: str


class ManyConsumers(Struct, frozen=True):
    """The consumers of a server key, in order of their names."""

    consumers: list[OneConsumer]


class Acks(Body):
    """Ids of events that are done with. Of each room the highest counts, and for all before it."""

    ids: Annotated[list[PositionId], Meta(min_length=1, max_length=MAX_ITEMS)]
