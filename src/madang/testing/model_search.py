"""What searches ask of a store, in memory: the part of `ModelStore` that finds messages by their places, and what a user may read."""

from collections.abc import Sequence

from madang.core.events import MessageSent
from madang.core.messages import RoomMessage, in_room
from madang.core.rooms import hidden
from madang.testing.model_room import ModelRoom


class ModelSearch:
    """Reads over the rooms of the whole. Every call is one step that nothing interrupts."""

    rooms_by_id: dict[str, ModelRoom]

    async def messages_at(self, places: Sequence[tuple[str, int]], user: str) -> list[RoomMessage]:
        shown = []
        for room, seq in sorted(set(places)):
            known = self.rooms_by_id.get(room)
            event = known.log[seq - 1] if known and 0 < seq <= len(known.log) else None
            if known and event and event.type == MessageSent.type and seq > known.erased:
                message = known.shown(seq, user)
                shown += [] if message.deleted else [in_room(message, room)]
        return shown

    async def readable(self, user: str, limit: int) -> dict[str, int]:
        found = [
            (id, hidden(room.info, room.members[user].joined_seq))
            for id, room in sorted(self.rooms_by_id.items())
            if user in room.members and not room.deleted
        ]
        return dict(found[:limit])
