"""A joined room, as the application sees it; what moderators do there is in `moderation.py`.

What keeps it whole over connections is `feed.py` and `pending.py`.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from madang.client.answers import (
    Appended,
    Done,
    History,
    Member,
    MemberPage,
    Message,
    Present,
    Reactor,
    ReactorPage,
    ReportTaken,
    Sent,
)
from madang.client.events import Event, Reset
from madang.client.feed import Ended, Feed
from madang.client.moderation import PAGE, Moderation
from madang.client.notices import Notices
from madang.client.paging import walked
from madang.client.pending import Pending
from madang.errors import Refused
from madang.protocol.native import commands as c


class Room(Moderation):
    """One room, by `Client.join`; a second Room of it is another handle on the same.

    Iterating gives every event after `recent`, each once and in order, whatever the connection does, and a `Reset`
    where that cannot be kept. It ends when one leaves or is kicked (see `ended`) and when the client is closed, and
    raises what ended the client otherwise. One consumer; what it has not taken yet waits, up to `waiting_events`.

    Writing commands keep their order. Each returns when the server has stored it, is repeated until then, waits out
    what is temporary (too fast, full disk, restart), and raises Refused for good. Put `asyncio.timeout` around one to
    wait less long; then it may be stored or not.
    """

    def __init__(self, feed: Feed, pending: Pending, cids: "Cids") -> None:
        super().__init__(feed, pending)
        self._cids = cids

    def __repr__(self) -> str:
        return f"<Room {self.id} at {self.seq}{f', {self.ended}' if self.ended else ''}>"

    # -- its state ----------------------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        """The room's title."""
        return self._feed.info.title

    @property
    def access(self) -> str:
        """Who may join: "open" (listed), "unlisted" (whoever knows the id) or "invite"."""
        return self._feed.info.access

    @property
    def slow_ms(self) -> int:
        """The least time between two messages of a plain member; 0 for none."""
        return self._feed.info.slow_ms

    @property
    def archived(self) -> bool:
        """Whether the room is archived: it is read, and nobody writes (`Refused`: "archived")."""
        return self._feed.info.archived

    @property
    def write(self) -> str:
        """Who may write: "everyone" but viewers, or only "moderators" and owners."""
        return self._feed.info.write

    @property
    def history_shown(self) -> str:
        """Which history members see: "all" of it, or what happened since they "joined"."""
        return self._feed.info.history

    @property
    def purged_seq(self) -> int:
        """The seq up to which nothing is kept."""
        return self._feed.info.purged_seq

    @property
    def role(self) -> str:
        """The user's own role: "owner", "moderator", "member" or "viewer"."""
        return self._feed.role

    @property
    def recent(self) -> list[Event]:
        """The newest events as of the join, oldest first. Iteration continues after them."""
        return self._feed.recent

    @property
    def seq(self) -> int:
        """The newest event that the application was given."""
        return self._feed.given

    @property
    def epoch(self) -> str:
        """The name of the numbering that `seq` is of. Both together are the application's position in the log."""
        return self._feed.given_epoch

    @property
    def read_seq(self) -> int:
        """The user's read pointer as of the last join."""
        return self._feed.read_seq

    @property
    def ended(self) -> Ended | None:
        """Why nothing more comes: "left", "kicked", "deleted", "refused" (no longer let in), "closed"; None while it does."""
        return self._feed.ended

    # -- what happens --------------------------------------------------------------------------------------------------

    def __aiter__(self) -> AsyncIterator[Event | Reset]:
        return self

    async def __anext__(self) -> Event | Reset:
        item = await self._feed.next()
        if item is None:
            if self._feed.ended == "closed" and self._feed.error is not None:
                raise self._feed.error
            raise StopAsyncIteration
        if self._feed.cursor.wants_join:
            self._pending.moved(self._feed)
        return item

    def notices(self) -> Notices:
        """Iterate over typing, read pointers, presence and delivery notices, from the first call on. One consumer."""
        if self._feed.notices is None:
            self._feed.notices = Notices()
            if self.ended:
                self._feed.notices.end()
        return self._feed.notices

    # -- writing -------------------------------------------------------------------------------------------------------

    async def send(
        self,
        text: str = "",
        *,
        data: Any = None,
        reply_to: int | None = None,
        mentions: Sequence[str] = (),
        cid: str | None = None,
    ) -> Sent:
        """Send a message.

        Args:
            data: anything JSON can say, for the application.
            mentions: user ids.
            cid: your own name for this message: the same one is never stored twice, not even by another run of the
                program. Made up if left out.
        """
        command = c.Send(
            room=self.id,
            cid=cid or self._cids.next(),
            text=text,
            data=_raw(data),
            reply_to=reply_to,
            mentions=tuple(mentions),
        )
        answer = await self._call(command, Appended)
        return Sent(id=answer.id, seq=answer.seq, ack=answer.ack, duplicate=answer.duplicate)

    async def edit(self, seq: int, text: str = "", *, data: Any = None, mentions: Sequence[str] = ()) -> Sent | None:
        """Replace the user's own message."""
        command = c.Edit(
            room=self.id, seq=seq, text=text, data=_raw(data), mentions=tuple(mentions), cid=self._cids.next()
        )
        return (await self._call(command, Appended)).sent()

    async def delete(self, seq: int) -> Sent | None:
        """Delete the user's own message, or any as a moderator; None if it was gone already."""
        try:
            return (await self._call(c.Delete(room=self.id, seq=seq), Appended)).sent()
        except Refused as refused:
            if refused.code == "gone":
                return None
            raise

    async def react(self, seq: int, emoji: str, on: bool = True) -> Sent | None:
        """Put a reaction on a message, or remove it; None if nothing had to change."""
        return (await self._call(c.React(room=self.id, seq=seq, emoji=emoji, on=on), Appended)).sent()

    async def pin(self, seq: int, on: bool = True) -> Sent | None:
        """Pin a message, or unpin it (moderators); None if nothing had to change."""
        return (await self._call(c.Pin(room=self.id, seq=seq, on=on), Appended)).sent()

    async def report(self, seq: int, reason: str = "") -> bool:
        """Tell the moderators of a message; False if the user has reported it before."""
        command = c.Report(room=self.id, seq=seq, reason=reason)
        return not (await self._pending.call(command, ReportTaken, room=self.id)).unchanged

    async def leave(self) -> None:
        """End the user's membership; what has been sent before is stored first."""
        try:
            await self._call(c.Leave(room=self.id), Appended)
        except Refused as refused:
            if refused.code != "not_member":  # then an earlier try had arrived
                raise
        self._feed.end("left")
        self._pending.forget(self._feed)

    def typing(self, on: bool = True) -> None:
        """Say that the user is typing; repeat it every few seconds while it is true. Not resent, not awaited."""
        if not self.ended and self._feed.cursor.following:
            self._pending.post(c.Typing(room=self.id, on=on))

    async def read(self, seq: int | None = None) -> None:
        """Move the user's read pointer; without a seq, to what the application was given last. It never falls."""
        command = c.Read(room=self.id, seq=self.seq if seq is None else seq)
        await self._pending.call(command, Done, room=self.id)

    # -- reading -------------------------------------------------------------------------------------------------------

    async def history(
        self, *, before: int | None = None, after: int | None = None, around: int | None = None, at: str | None = None,
        limit: int = 50,
    ) -> History:  # fmt: skip
        """Read a page of messages: the newest, those before or after a seq, or around a seq or a time; at most 200, or 256 KiB.

        Args:
            at: in UTC, as messages have it: "2026-11-22T09:00:00.123Z".
        """
        command = c.History(room=self.id, before=before, after=after, around=around, at=at, limit=limit)
        return await self._pending.call(command, History, room=self.id)

    def messages(self, before: int | None = None) -> AsyncIterator[Message]:
        """Read messages backwards, from the newest or from before a seq, page after page."""

        async def ask(before: int | None) -> History:
            return await self.history(before=before, limit=PAGE)

        return walked(before, ask, lambda page: page.messages[::-1], lambda message: message.seq)

    async def pins(self) -> list[Message]:
        """Read the pinned messages, page after page."""
        found: list[Message] = []
        more = True
        while more:
            after = found[-1].seq if found else 0
            page = await self._pending.call(c.Pins(room=self.id, after=after), History, room=self.id)
            found += page.messages
            more = page.more and bool(page.messages)
        return found

    async def members(self, name: str | None = None) -> AsyncIterator[Member]:
        """Read the members in order of their user ids, page after page.

        Args:
            name: only those whose name begins with what was typed: `mi`, 미, or initials such as ㅁㅇ.
        """
        after, more = "", True
        while more:
            command = c.Members(room=self.id, after=after, limit=PAGE, name=name)
            page = await self._pending.call(command, MemberPage, room=self.id)
            for member in page.members:
                yield member
            more = page.more and bool(page.members or page.next)
            after = page.next or (page.members[-1].user if page.members else after)

    def reactors(self, seq: int, emoji: str) -> AsyncIterator[Reactor]:
        """Read who has put an emoji on a message, in order of their user ids, page after page."""

        async def ask(after: str) -> ReactorPage:
            command = c.Reactors(room=self.id, seq=seq, emoji=emoji, after=after, limit=PAGE)
            return await self._pending.call(command, ReactorPage, room=self.id)

        return walked("", ask, lambda page: page.reactors, lambda reactor: reactor.user)

    async def presence(self, *, after: str = "", limit: int = PAGE) -> Present:
        """Read who is online: a page in order of user ids, and how many in all. Changes come as notices."""
        return await self._pending.call(c.Presence(room=self.id, after=after, limit=limit), Present, room=self.id)


class Cids:
    """Names for what one client sends; no two clients make the same."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._count = 0

    def next(self) -> str:
        """Make one."""
        self._count += 1
        return f"{self._prefix}-{self._count}"


def _raw(data: Any) -> Raw:
    return Raw() if data is None else Raw(msgspec.json.encode(data))
