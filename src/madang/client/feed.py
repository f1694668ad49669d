"""One followed room as the link sees it: frames go in, the application's items come out. The API on top is `room.py`.

Owns when a room is over: by its deletion, or our own leaving above `read_seq`. Below it, and in a join's answer, our leaving is the past,
for the answer says that we are a member now and `read_seq` lies at our last joining or above.
"""

import asyncio
from typing import Final, Literal

import msgspec

from madang.client import frames
from madang.client.cursor import Cursor
from madang.client.events import Event, MemberKicked, MemberLeft, Reset, RoleGiven, RoomChanged, RoomDeleted, RoomPurged
from madang.client.notices import NoticeFrame, Notices, notices
from madang.errors import MadangError
from madang.protocol.native.answers import JoinAnswer, RoomInfo
from madang.protocol.native.commands import Join
from madang.protocol.native.frames import ResetFrame, SkipFrame

Ended = Literal["left", "kicked", "deleted", "refused", "closed"]
_SETTINGS: Final = tuple(name for name in RoomInfo.__struct_fields__ if name not in ("id", "purged_seq"))


class Feed:
    """State of one room, from the first join to its end."""

    def __init__(
        self, room: str, limit: int, bound: int, invite: str | None = None, position: tuple[int, str] | None = None
    ) -> None:
        self.id = room
        self.info = RoomInfo(id=room, title="", access="", slow_ms=0)
        self.role = ""
        self.read_seq = 0
        self.recent: list[Event] = []
        self.cursor = Cursor(bound)
        self.given = 0  # the newest seq that the application has, and the epoch it is of
        self.given_epoch = ""
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: Ended | None = None
        self.error: Exception | None = None
        self.notices: Notices | None = None
        self.tries = 0  # joins refused on this connection
        self._limit = limit
        self._invite = invite
        self._arrived = asyncio.Event()
        self._resumes = position is not None
        if position is not None:  # of an earlier run of the program
            self.given, self.given_epoch = position
            self.cursor.seq, self.cursor.epoch = position

    # -- the link's side -----------------------------------------------------------------------------------------------

    def join(self, n: int) -> Join:
        """Return the join that resumes from where the application is."""
        self.cursor.asked()
        if self._resumes:
            return Join(room=self.id, since=self.cursor.seq, epoch=self.cursor.epoch, limit=self._limit, n=n)
        return Join(room=self.id, limit=self._limit, invite=self._invite, n=n)

    def joined(self, answer: JoinAnswer) -> None:
        """Take the answer to a join."""
        self.tries = 0
        self.info, self.role, self.read_seq = answer.room, answer.role, answer.read_seq
        events = frames.events(answer.events)
        if not self._resumes:
            self.recent = events
            self.cursor.start(answer.epoch, answer.seq)
            self.given, self.given_epoch = answer.seq, answer.epoch
            self._resumes = True
        elif answer.reset:
            self.cursor.reset(self.id, answer.epoch, answer.seq, events)
        else:
            self.cursor.resume(answer.epoch, events)
        if not self.ready.done():
            self.ready.set_result(None)
        self._arrived.set()

    def event(self, event: Event, me: str) -> None:
        """Take an event frame; `me` is our own user id."""
        if not self.ready.done() or event.seq <= self.cursor.seq:
            return  # of a former stay, or known; if it is our own leaving, we have come back since
        self.cursor.take(event)
        match event:
            case MemberLeft(user=user) if user == me and event.seq > self.read_seq:
                self.end("left")
            case MemberKicked(member=member) if member == me and event.seq > self.read_seq:
                self.end("kicked")
            case RoomDeleted() if self.cursor.seq == event.seq:
                self.end("deleted")
            case RoleGiven(member=member, role=role) if member == me:
                self.role = role
            case RoomChanged():
                given = {name: getattr(event, name) for name in _SETTINGS if getattr(event, name) is not None}
                self.info = msgspec.structs.replace(self.info, **given)
            case RoomPurged(upto=upto):
                self.info = msgspec.structs.replace(self.info, purged_seq=upto)
        self._arrived.set()

    def reset(self, frame: ResetFrame) -> None:
        """Take the server's word that we are too far behind to be brought up event by event."""
        self.cursor.reset(self.id, frame.epoch, frame.seq, frames.events(frame.events))
        self._arrived.set()

    def notice(self, frame: NoticeFrame) -> None:
        """Take a frame that is not in the log."""
        if isinstance(frame, SkipFrame):
            self.cursor.skip(frame.from_, frame.to)
        if self.notices is not None:
            for notice in notices(self.id, frame):
                self.notices.put(notice)

    def refused(self, error: MadangError) -> None:
        """The room may not be joined, or no longer."""
        self.end("refused", error)

    def end(self, how: Ended, error: Exception | None = None) -> None:
        """Nothing more comes. What waits is still the application's."""
        if self.ended is not None:
            return
        self.ended = how
        self.error = error
        if not self.ready.done():
            self.ready.set_exception(error or RuntimeError("the room ended before it was joined"))
            self.ready.exception()  # whoever asked may have been cancelled
        if self.notices is not None:
            self.notices.end()
        self._arrived.set()

    # -- the application's side ----------------------------------------------------------------------------------------

    async def next(self) -> Event | Reset | None:
        """Wait for the next item; None when the room is over. Cancelling loses nothing."""
        while (item := self.cursor.next()) is None:
            if self.ended is not None:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        self.given = item.seq
        if isinstance(item, Reset):
            self.given_epoch = item.epoch
        return item
