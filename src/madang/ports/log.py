"""The log: every room's events, in order, durable. Everything else is derived from it.

Append is the only way in. What one append does with a draft, all of it in one transaction for the whole batch:

- deduplicate on (room, user, cid), without a limit in time, also within the batch. A repeat returns the first event, as
  it is now, with `duplicate` set; a repeat whose type or body differs is refused (conflict), unless a deletion has erased
  what it would be compared with. Drafts without a cid are never repeats. A draft that was refused or changed nothing
  leaves no trace: its cid may be used again. A draft that came too early (`early`) is only looked up: where its cid is not
  in the log, it is refused as it says.
- check and apply the draft's effect (below), against the state as of its place in the batch.
- number it: `seq` = the room's newest + 1, so that commit order is seq order; `id` is above every id of the room.

In a room that does not exist everything but room.created is refused (not_found). Then every type with `needs_member`
(`core.events`) is refused to non-members (not_member), as of the draft's place in the batch: so no event of a user is above
the one that ended their membership, whatever node they are connected to. A draft of a server key (`server`)
has rights above an owner's, member or not. Reasons for a refusal are checked from left to right.

| type | refused when | effect |
|---|---|---|
| room.created | the room exists (room_exists) | the room (title, access, slow_ms); its owner is the actor, with read_seq 1 and the picture; direct: below |
| room.purged | the actor is not a server key (forbidden); `upto` is not below it, or no news: `None` | events up to it may be removed (`ports.upkeep`) |
| member.erased | the actor is not a server key (forbidden) | none: what it tells was done before (`ports.erasures`) |
| room.deleted | the actor is not an owner (forbidden); `expired` and there are members: answers `None` | the room ends |
| room.changed | the actor's role is below moderator, or owner if `archived` is given (forbidden); all is so already: `None` | the fields given |
| member.joined | already a member: `None`; not let in, see below (banned, kicked, not_found) | the membership, role and picture of the body, read up to here |
| member.changed | called and shown so already, or a server key's and no member: `None` | the name of the event, and the body's picture or none |
| member.left | not a member (not_member); last owner while others remain, unless the server ends it (last_owner) | the membership ends |
| member.kicked | the subject is not a member and not `banned` (not_found); the actor is not a moderator or not above them (forbidden) | the membership ends |
| member.unbanned | the actor's role is below moderator (forbidden); the subject is not banned: `None` | the ban ends |
| member.role | the subject is not a member (not_found); the actor may not give it or take the old (forbidden); no owner would be left (last_owner) | the role |
| member.muted | the actor is not a moderator or not above the subject (forbidden); there are MAX_MUTES of others (too_many) | a mute |
| member.unmuted | the actor's role is below moderator (forbidden); the subject is not muted: `None` | the mute ends |
| message.sent | reply_to not a message of the room, deleted or not (not_found) | a mention per mentioned other user who is a member now |
| message.edited | target not a message of the room (not_found), deleted (gone), not the actor's (forbidden) | its new content, mentions included |
| message.deleted | target as above; of another user, and the actor's role is below moderator (forbidden) | the message is erased |
| reaction.added | target (not_found, gone); 20 different emojis are there already (too_many); already there: `None` | the reaction |
| reaction.removed | target not a message of the room (not_found); not there: `None` | the reaction ends |
| message.pinned | the actor's role is below moderator (forbidden); target (not_found, gone); 50 pins are there already (too_many); already: `None` | the pin |
| message.unpinned | the actor's role is below moderator (forbidden); target not a message of the room (not_found); not pinned: `None` | the pin ends |
| paper.created | the room has MAX_PAPERS already (too_many); there is a paper of this id (paper_exists) | the paper, which nothing is written in |
| paper.changed | the actor's role is below moderator (forbidden); the room has no such paper (not_found); all is so already: `None` | the fields given |
| paper.deleted | the actor's role is below moderator (forbidden); the room has no such paper (not_found) | the paper ends, with its log (`ports.papers`) |

A type without a row is never refused for itself, and has no effect.

An edit is the whole new content of its message: text, data and mentions; those it leaves out are mentioned no more.
A deletion erases from the log itself: the message's body becomes {"deleted":true}, and of its edits only the target is
left, so that nobody can read them again. The message's mentions, reactions and pin end with it, without events of their own.

room.deleted is the last event of a room. From then on everything is refused as in a room that does not exist, and the room
and its memberships are found by nobody; only its creation is still refused (room_exists), until `ports.upkeep` has removed what
is left. `read` and `heads` still return the last event, so that those who follow the room learn of it.

Of those who are not members these are let in: server keys; where access is open or unlisted, or where their issuer says that they
may join (`Draft.vouched`), users whom no kick holds (kicked, with the wait); and users who show an invite to the room
(`Draft.invite`) that is in force and, after a kick, was made later (otherwise not_found). A kick holds for its `for_ms`, and in an
invite-only room for good, but for those of an issuer; it ends when the user is let in. An invite that was needed has one use less.

Whom a server key adds (`Draft.added`) is let in as well, and their kick ends, unless they are banned (banned, with the wait if
there is an end).

A banned user is not let in (banned, with the wait if there is an end; where access is neither open nor unlisted not_found),
but a server key is. A ban holds for its `for_ms`, for good if that is 0, or until it is lifted; it replaces a kick and an
earlier ban, and a room has MAX_BANS of them at most (too_many; `core.sanctions`). For ADDRESS_MS at
most a ban of a guest also keeps out other guests of the same `origin`: the one with which the banned guest was last let in
(also if they were kicked before; none if they left). Members stay, whatever their origin.

A direct room is made by one of two users, whose hash its id is (`core.rooms.direct_room`): both are members of it, with read_seq 1, the `peer` by
the name that they have in a room of both, or none. Of others nobody is let in (not_found), no server key either; of the two whoever names
the other (`Draft.peer`), whatever invites, kicks and bans say. member.joined by a member without a name names them. Nobody is kicked or
banned there, or given a role, and its access stays (forbidden).

A viewer (forbidden), or a user who is muted (muted, with the wait if there is an end), does not send, edit, react or make papers: judged before
what the table has about these types. A mute holds for its `for_ms`, for good if that is 0, or until it is lifted, whether its user
leaves and comes back or not; it replaces an earlier one. For a user who is muted, or banned and no member (banned, with the wait if
there is an end), no server key speaks either (`via`): a message in their name is refused as one of theirs. Not being a member
does not matter then, nor the role.

A deed (`core.audit`), and the deletion of a message that is another's, is noted in the room's audit trail (`ports.directory`), unless
it was refused or changed nothing.

What a deletion does to the reports of its message is in `ports.directory`, too.

In a room that is archived nobody sends, edits, reacts, pins or unpins, or does anything to papers, not even a server key (archived): judged behind
the role, before the rest. Where a room shows its history since one joined (`history`), a message from before an actor's membership is
to them as if there were none (not_found), as is to everybody one that is kept no longer, whatever they do with it; to a server key it is there.

In one that few write in (`write`) members below moderators do not send, edit, react or make papers (forbidden).

With a membership, and with a role that may make invites, the invites end that the user made. A message is the actor's also
if they are the server key that sent it in another's name (`via`). For a server key no owner need be left.

The rules of text, rates and slow mode are judged before the append.
Every other port call that reads sees what an append has acked (read your writes), on any node.
"""

from collections.abc import Sequence
from typing import Final, Protocol

import msgspec

from madang.core.events import Appended, Draft, Event
from madang.core.messages import Message, Reactor, RoomMessage
from madang.errors import Refused

READ_BYTES: Final = 1 << 20
"""Bodies of events in one read or tail: it ends behind the event that exceeds this, however many were asked for."""

WALKED: Final = 200
"""Rooms that one call looks into for what a user said."""

Outcome = Appended | Refused | None
"""An event in the log, a refusal, or None: it would have changed nothing and was left out."""


class Tail(msgspec.Struct, frozen=True):
    """A room's log as of one moment: its epoch, its newest seq, its newest events (ascending, contiguous, up to seq)."""

    epoch: str
    seq: int
    events: list[Event]


class Page(msgspec.Struct, frozen=True):
    """Messages in ascending order, and whether there are more in the requested direction.

    They stand as after the event with this `seq`, the room's newest when they were read: all up to it is in them, and nothing above.
    """

    messages: list[Message]
    more: bool
    seq: int


class UserMessages(msgspec.Struct, frozen=True):
    """A user's messages in order of room and seq; `next` is where to go on after, None where there are no more."""

    messages: list[RoomMessage]
    next: tuple[str, int] | None


class Log(Protocol):
    """Durable, ordered events per room. Methods raise StorageFailed when the storage does not answer."""

    @property
    def ack(self) -> str:
        """The level every append reaches: "stored", "replicated" or "buffered". Never overstated."""

    @property
    def lanes(self) -> int:
        """How many appends may run at once. Callers keep every room in one lane."""

    async def append(self, drafts: Sequence[Draft]) -> list[Outcome]:
        """Append a batch (1 to 1,000 drafts of any rooms) in one transaction; outcomes in the order of the drafts.

        A refused draft leaves the others of the batch untouched. Cancellation does not undo: the batch is stored or not.

        Raises:
            StorageFull: nothing was stored.
            StorageFailed: unknown; the same drafts with the same cids may be appended again.
        """

    async def tail(self, room: str, limit: int) -> Tail | None:
        """Return the newest `limit` (0 to 1,000) events of a room; None when there is no such room, or none any more.

        The epoch is a random name of this numbering: it changes only if seqs could have been assigned twice
        (a restored backup), so that a client's position is never mistaken for one in another history.
        Fewer events come where they exceed READ_BYTES.
        """

    async def read(self, room: str, after: int, limit: int) -> list[Event]:
        """Return up to `limit` (1 to 1,000) events with seq > after, ascending, without a gap but where a room is erased from its beginning.

        Events of deleted messages come without their text. An empty list means there are none, a short one the end of the
        log, unless its events exceed READ_BYTES.
        """

    async def heads(self, rooms: Sequence[str]) -> dict[str, int]:
        """Return the newest seq of each room; rooms that do not exist are left out."""

    async def messages(
        self, room: str, user: str, *, before: int | None = None, after: int | None = None, limit: int = 50, above: int = 0,
    ) -> Page:  # fmt: skip
        """Return messages as they are now, by key.

        The newest below `before`, the oldest above `after`, or the newest; at most one of the two. `limit` is 1 to 200.
        Those up to the seq `above` are as if they were not there.
        Deleted messages come as deleted, without text. Reactions of `user` are marked as their own; nobody is "".
        A page may end early, with `more`, where its messages exceed ANSWER_BYTES.
        """

    async def around(
        self, room: str, user: str, seq: int, *, below: int, above: int, hidden: int = 0
    ) -> tuple[Page, Page]:
        """Return two pages as `messages` does, as of one moment: the newest `below` a seq, and the oldest from it on.

        Args:
            below: how many of the first, 1 to 200; and `above`, of the second.
            hidden: messages up to this seq are as if they were not there.
        """

    async def seq_at(self, room: str, at_ms: int) -> int:
        """Return the lowest seq of a room whose event is not before a time (Unix milliseconds).

        The newest seq + 1 where all events are; 1 where there is no such room. Found by key, not by walking.
        """

    async def own_reactions(self, room: str, user: str, first: int, last: int) -> dict[int, set[str]]:
        """Return the emojis that a user has put on messages with seqs `first` to `last`, by message."""

    async def reactors(self, room: str, seq: int, emoji: str, *, after: str = "", limit: int = 50) -> list[Reactor]:
        """Return who has put an emoji on a message, in order of the user id, from above `after`; `limit` 1 to 201."""

    async def messages_of(self, user: str, *, after: tuple[str, int] = ("", 0), limit: int = 50) -> UserMessages:
        """Return up to `limit` (1 to 1,000) messages of a user, as they stand now, in all rooms that are not deleted.

        It looks into WALKED rooms at a time; so there may be fewer, or none, and still a `next`.

        Args:
            after: a room and a seq there, or the `next` of the answer before.
        """

    async def messages_at(self, places: Sequence[tuple[str, int]], user: str) -> list[RoomMessage]:
        """Return those messages at these (at most 1,000) rooms and seqs that there are, as they stand now, in any order.

        Deleted ones are left out. Reactions of `user` are marked as in `messages`.
        """

    async def pins(self, room: str, user: str) -> Page:
        """Return the pinned messages (at most 50), in order of their seq."""
