"""Posting: what a member does with messages. Every door asks here; what it returns is judged and paid for.

Each call judges role, content, rates and slow mode, and returns a draft for the appender. It never waits: the standing of
the actor in the room comes in, from `following` for a door that follows the room, and from `standing` for one that answers
requests. The log judges roles once more, where nothing can change them meanwhile (`ports.log`).
"""

import msgspec

from madang.core.actors import Actor
from madang.core.emoji import says_something
from madang.core.events import Draft, MessageEdited, MessageSent, encode_body
from madang.core.messages import Content
from madang.core.permissions import SERVER, Action, may, need, need_to_write, state_of
from madang.core.sanctions import MAX_REASON
from madang.core.words import WordList
from madang.errors import Refused
from madang.ports.live import LiveRooms
from madang.services import messages
from madang.services.charges import Charges
from madang.services.reports import Reports
from madang.services.rooms import Rooms
from madang.services.standing import Standing
from madang.services.word_lists import WordLists, has_words, judged


def _standing(role: str, slow_ms: int) -> Standing:
    return Standing(role, slow_ms if slow_ms and not may(role, Action.SKIP_SLOW_MODE) else 0)


class Posting:
    """Drafts of messages and of what is done to them. Word lists hold users, also those for whom a server key speaks.

    What a draft was charged is given back by `Charges.unstored`, where it is not stored.
    """

    def __init__(
        self, charges: Charges, rooms: Rooms, live: LiveRooms, max_text: int, words: WordLists, reports: Reports
    ) -> None:
        self._charges = charges
        self._words = words
        self._reports = reports
        self._rooms = rooms
        self._live = live
        self._max_text = max_text

    def following(self, room: str, role: str) -> Standing:
        """Return the standing of an actor who follows a live room in this role."""
        return _standing(role, self._live.rooms[room].info.slow_ms)

    async def standing(self, actor: Actor, room: str) -> Standing:
        """Return the standing of an actor in a room, for doors that answer requests (not_found, as `Rooms.member`)."""
        role = (await self._rooms.member(actor, room)).role
        if room in self._live.rooms:
            return self.following(room, role)
        return _standing(role, (await self._rooms.room(room)).slow_ms)

    @staticmethod
    def serving() -> Standing:
        """Return the standing of a server key, which is the same in every room; whether there is such a room, the log knows."""
        return _standing(SERVER, 0)

    def send(
        self, actor: Actor, standing: Standing, room: str, cid: str, content: Content, *, perhaps_again: bool = False
    ) -> Draft:
        """Return the draft of a message.

        Args:
            perhaps_again: it may be in the log already, its ack having been lost. Then the log says whether it is, before
                it is refused for coming too early.

        Raises:
            Refused: forbidden, too_big, bad_text, empty, bad_words, rate_limited, slow_mode, quota.
        """
        need_to_write(standing.role)
        draft = messages.send(actor, room, cid, content, self._max_text)
        return self._said(actor, standing, draft, perhaps_again)

    def edit(
        self, actor: Actor, standing: Standing, room: str, seq: int, cid: str | None, content: Content, *,
        perhaps_again: bool = False,
    ) -> Draft:  # fmt: skip
        """Return the draft that replaces a message of the actor's.

        In slow mode it counts as a message: everybody is shown new words.

        Raises:
            Refused: forbidden, too_big, bad_text, empty, bad_words, rate_limited, slow_mode, quota.
        """
        need_to_write(standing.role)
        draft = messages.edit(actor, room, seq, cid, content, self._max_text)
        return self._said(actor, standing, draft, perhaps_again and cid is not None)

    def _said(self, actor: Actor, standing: Standing, draft: Draft, perhaps_again: bool) -> Draft:
        """Return the draft of what everybody will read, as word lists let it be said, and paid for."""
        if (lists := self._lists(actor, draft.room)) and has_words(lists, draft):
            draft = self._worded(lists, draft, perhaps_again)
            if draft.early is not None:
                return draft
        return self._charges.post(actor, draft, standing.slow_ms, perhaps_again=perhaps_again)

    def _lists(self, actor: Actor, room: str) -> tuple[WordList, ...]:
        """Return the word lists that hold an actor in a room: none holds a server that speaks for itself."""
        lists = self._words.of(room)
        return lists if not actor.server or actor.via else ()

    def _worded(self, lists: tuple[WordList, ...], draft: Draft, perhaps_again: bool) -> Draft:
        """Return a draft as word lists let it be said (bad_words)."""
        body = draft.content
        assert isinstance(body, MessageSent | MessageEdited)
        said = body.text or ""
        try:
            text, flagged = judged(lists, said)
        except Refused as refused:
            if not perhaps_again:
                raise
            return msgspec.structs.replace(draft, early=(refused.code, 0))
        if text != said:
            body = msgspec.structs.replace(body, text=text)
            draft = msgspec.structs.replace(draft, content=body, body=encode_body(body), unmasked=draft.body)
        if flagged:
            draft = msgspec.structs.replace(draft, flagged=f"Word list: {', '.join(flagged)}"[:MAX_REASON])
            self._reports.expect(draft.room)
        return draft

    def delete(self, actor: Actor, room: str, seq: int) -> Draft:
        """Return the draft that deletes a message (rate_limited). Whose it is, the log knows."""
        return self._charges.post(actor, messages.delete(actor, room, seq))

    def react(self, actor: Actor, standing: Standing, room: str, seq: int, emoji: str, on: bool) -> Draft:
        """Return the draft that puts a reaction on or takes it off.

        In slow mode a reaction that can say something counts as a message, as words do.

        Raises:
            Refused: forbidden, bad_field, too_big, bad_text, bad_words, rate_limited, slow_mode, quota.
        """
        need_to_write(standing.role)
        if on and judged(self._lists(actor, room), emoji)[0] != emoji:
            raise Refused("bad_words")  # it cannot be masked
        words = on and standing.slow_ms > 0 and says_something(emoji)
        return self._charges.post(actor, messages.react(actor, room, seq, emoji, on), standing.slow_ms if words else 0)

    def pin(self, actor: Actor, standing: Standing, room: str, seq: int, on: bool) -> Draft:
        """Return the draft that pins a message or unpins it (forbidden, rate_limited, quota)."""
        need(standing.role, Action.PIN)
        return self._charges.post(actor, messages.pin(actor, room, seq, on))

    def typing(self, actor: Actor, role: str, room: str, on: bool) -> None:
        """Tell a live room that the actor, who follows it in this role, is typing or has stopped (forbidden, archived).

        Their connection pays for that.
        """
        need(role, Action.TYPE, state=state_of(self._live.rooms[room].info))
        self._live.tell_typing(room, actor.id, actor.name if on else None)
