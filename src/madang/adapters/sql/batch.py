"""What effects share: the batch of drafts in whose transaction they run, as it is at one place in it.

Who may do what is judged by `core.permissions`; here is where the batch says who acts, and in which room.
"""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Connection, select

from madang.adapters.sql import access, sanctions
from madang.adapters.sql.tables import members
from madang.core.events import Draft
from madang.core.permissions import Action, acting_role, need, need_to_write, need_upon, state_of
from madang.core.rooms import ALL, Room, hidden
from madang.errors import Refused

Roles = dict[tuple[str, str], str | None]
"""(room, user) -> role at this place in the batch, None for non-members. Holds at least everyone who acts in the batch."""


Mutes = dict[tuple[str, str], int]
"""(room, user) -> the end of a mute, which may be over, in Unix milliseconds; of those who act in the batch."""


Rooms = dict[str, Room]
"""The batch's rooms that there are, with their settings at this place in it."""


class Batch(NamedTuple):
    """What an effect may use: the transaction, rooms, roles, mutes and bans; and calls.

    Attributes:
        fold_room: moves all of a room's events into the table.
        type_of: returns the type of the event of a room and seq, as of this place in the batch.
        now_ms: Unix milliseconds, by which invites end.
        bans: ends of bans, which may be over, of those for whom server keys speak and who are not members.
    """

    c: Connection
    fold_room: Callable[[str], None]
    type_of: Callable[[str, int], str | None]
    rooms: Rooms
    roles: Roles
    mutes: Mutes
    now_ms: int
    bans: Mutes

    def actor(self, d: Draft) -> str:
        """Return the role that a draft is made in."""
        return acting_role(None if d.server else self.roles[d.room, d.user], server=d.server)

    def need(self, d: Draft, action: Action) -> None:
        """Raise Refused unless the actor may do something in the room as it is."""
        room = self.rooms[d.room]
        need(self.actor(d), action, room.access, state_of(room))

    def need_upon(self, d: Draft, action: Action, subject: str) -> None:
        """Raise Refused unless the actor may do something to whoever has this role."""
        need_upon(self.actor(d), action, subject, self.rooms[d.room].access)

    def need_seen(self, d: Draft, target: int) -> None:
        """Raise Refused (not_found) if the actor may not see an event: it was before they joined, or is kept no longer."""
        room, joined = self.rooms[d.room], 0
        if room.history != ALL and not d.server:
            mine = members.c.room == d.room, members.c.user == d.user
            joined = self.c.execute(select(members.c.joined_seq).where(*mine)).scalar() or 0
        if target <= hidden(room, joined):
            raise Refused("not_found")

    def need_to_write(self, d: Draft) -> None:
        """Raise Refused (forbidden, archived, muted, banned) unless the actor may write. A mute that is over is forgotten.

        A mute and a ban hold a user whoever speaks for them; a server key itself is held by neither.
        """
        need_to_write(self.actor(d), state_of(self.rooms[d.room]))
        author = d.room, d.user
        if d.server and not d.spoken:
            return
        if d.server and (until_ms := self.bans.get(author)) is not None and self.roles.get(author) is None:
            access.need_end(self.c, until_ms)
        if (until_ms := self.mutes.get(author)) is not None:
            sanctions.need_mute_over(self.c, *author, until_ms)
            del self.mutes[author]
