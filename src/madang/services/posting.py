"""Posting: what a member does with messages. Every door asks here; what it returns is judged and paid for.

Each call judges role, content, rates and slow mode, and returns a draft for the appender. It never waits: a door that
follows the room knows the actor's role and the room's slow mode, and a door that answers requests looks them up first
(`Rooms.member`, `slow_ms`). The log judges roles once more, where nothing can change them meanwhile (`ports.log`).
"""

from collections.abc import Callable

import msgspec

from madang.core.actors import Actor
from madang.core.events import Draft
from madang.core.permissions import Action, may, need
from madang.ports.live import LiveRooms
from madang.services import messages
from madang.services.limits import Limits
from madang.services.rooms import Rooms


class Posting:
    """Drafts of messages and of what is done to them.

    Args:
        time: loop time, as `limits` counts it.
    """

    def __init__(self, limits: Limits, rooms: Rooms, live: LiveRooms, time: Callable[[], float], max_text: int) -> None:
        self._limits = limits
        self._rooms = rooms
        self._live = live
        self._time = time
        self._max_text = max_text

    async def slow_ms(self, room: str, role: str) -> int:
        """Return a room's slow mode, as far as it can hold a member of this role."""
        if may(role, Action.SKIP_SLOW_MODE):
            return 0
        live = self._live.rooms.get(room)
        return (live.info if live else await self._rooms.room(room)).slow_ms

    def send(
        self, actor: Actor, role: str, room: str, slow_ms: int,
        cid: str, text: str, data: msgspec.Raw, reply_to: int | None, mentions: tuple[str, ...],
    ) -> Draft:  # fmt: skip
        """Return the draft of a message.

        Args:
            slow_ms: the room's slow mode; it does not hold those who may skip it.

        Raises:
            Refused: too_big, bad_text, empty, rate_limited, slow_mode.
        """
        draft = messages.send(actor, room, cid, text, data, reply_to, mentions, self._max_text)
        if slow_ms and may(role, Action.SKIP_SLOW_MODE):
            slow_ms = 0
        self._limits.append(actor.id, room, self._time(), slow_ms, server=actor.server)
        return draft

    def edit(
        self,
        actor: Actor,
        room: str,
        seq: int,
        cid: str | None,
        text: str,
        data: msgspec.Raw,
        mentions: tuple[str, ...],
    ) -> Draft:
        """Return the draft that replaces a message of the actor's (too_big, bad_text, empty, rate_limited)."""
        return self._charged(actor, messages.edit(actor, room, seq, cid, text, data, mentions, self._max_text))

    def delete(self, actor: Actor, room: str, seq: int) -> Draft:
        """Return the draft that deletes a message (rate_limited). Whose it is, the log knows."""
        return self._charged(actor, messages.delete(actor, room, seq))

    def react(self, actor: Actor, room: str, seq: int, emoji: str, on: bool) -> Draft:
        """Return the draft that puts a reaction on or takes it off (bad_field, too_big, bad_text, rate_limited)."""
        return self._charged(actor, messages.react(actor, room, seq, emoji, on))

    def pin(self, actor: Actor, role: str, room: str, seq: int, on: bool) -> Draft:
        """Return the draft that pins a message or unpins it (forbidden, rate_limited)."""
        need(role, Action.PIN)
        return self._charged(actor, messages.pin(actor, room, seq, on))

    def _charged(self, actor: Actor, draft: Draft) -> Draft:
        self._limits.append(actor.id, draft.room, self._time(), server=actor.server)
        return draft
