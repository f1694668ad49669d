"""Erasures and the server's audit trail in memory: the part of `ModelStore` that keeps `ports.erasures`."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import asdict, replace

from madang.core import events as kinds
from madang.core.audit import Deed, Entry
from madang.core.erasure import ERASE, KEEP, SAID, Erasure, Said
from madang.core.events import ERASED, unnamed
from madang.testing.model_room import ModelRoom

_END: Final = 1 << 62


class ModelErasures:
    """An Erasures store, over the rooms of the whole. Every call is one step that nothing interrupts."""

    def __init__(self) -> None:
        self.rooms_by_id: dict[str, ModelRoom] = {}
        self._erasures: dict[str, Erasure] = {}
        self._servers_audit: list[Entry] = []  # the oldest first

    def _deleted(self, user: str, now_ms: int, said: Said, deed: Deed | None) -> None:
        """Note what the deletion of a user asks for, and that it was done."""
        standing = self._erasures.get(user)
        if said != KEEP and (standing is None or SAID.index(standing.said) < SAID.index(said)):
            self._erasures[user] = Erasure(user=user, said=said, asked_ms=now_ms)
        if deed is not None:
            self._note(deed, now_ms)

    async def note(self, deed: Deed, now_ms: int) -> None:
        self._note(deed, now_ms)

    def _note(self, deed: Deed, now_ms: int) -> None:
        self._servers_audit.append(Entry(n=len(self._servers_audit) + 1, at_ms=now_ms, **asdict(deed)))

    async def erasure(self, user: str) -> Erasure | None:
        return self._erasures.get(user)

    async def erasures(self, *, after: str = "", limit: int = 50, standing: bool = False) -> list[Erasure]:
        found = [each for user, each in sorted(self._erasures.items()) if user > after]
        return [each for each in found if not standing or each.done_ms is None][:limit]

    async def rooms_with(self, user: str, after: str) -> tuple[list[str], str]:
        rooms = sorted(self.rooms_by_id.items())
        return [id for id, room in rooms if id > after and any(e.user == user for e in _kept(room))], ""

    async def erase_names(self, user: str, limit: int) -> int:
        if (erasure := self._standing_erasure(user)) is None:
            return 0
        for room in self.rooms_by_id.values():
            if user in room.bans and (ban := room.bans[user])[0].name:
                room.bans[user] = (replace(ban[0], name=""), ban[1])
                return 1
            if user in room.mutes and (mute := room.mutes[user])[0].name:
                room.mutes[user] = (replace(mute[0], name=""), mute[1])
                return 1
            for (_, who), each in room.reports.items():
                reason = "" if erasure.said == ERASE else each.report.reason
                emptied = replace(each.report, name="", reason=reason)
                if who == user and emptied != each.report:
                    each.report = emptied
                    return 1
        for trail in (self._servers_audit, *(room.audit for room in self.rooms_by_id.values())):
            for n, entry in enumerate(trail):
                by_name = "" if entry.by == user else entry.by_name
                name = "" if entry.user == user else entry.name
                if (by_name, name) != (entry.by_name, entry.name):
                    trail[n] = replace(entry, by_name=by_name, name=name)
                    return 1
        return 0

    async def erase_events(self, user: str, room: str, limit: int) -> int:
        erasure, known = self._standing_erasure(user), self.rooms_by_id.get(room)
        if erasure is None or known is None or room < erasure.room:
            return 0
        above = erasure.seq if erasure.room == room else 0
        seqs = [e.seq for e in _kept(known) if e.user == user and e.seq > above][:limit]
        for seq in seqs:
            event = known.log[seq - 1]
            if event.type == kinds.MessageSent.type:
                if erasure.said == ERASE and event.body != ERASED:
                    known.erase_message(seq, own=True)
                for (about, _), each in known.reports.items():
                    if about == seq:
                        each.author = (user, "")
            known.log[seq - 1] = unnamed(known.log[seq - 1])
        if seqs:
            self._erasures[user] = replace(erasure, room=room, seq=seqs[-1], events=erasure.events + len(seqs))
        return len(seqs)

    async def room_erased(self, user: str, room: str) -> None:
        erasure = self._standing_erasure(user)
        if erasure is not None and (erasure.room, erasure.seq) < (room, _END):
            self._erasures[user] = replace(erasure, room=room, seq=_END, rooms=erasure.rooms + 1)

    async def erased(self, user: str, asked_ms: int, now_ms: int) -> None:
        if (known := self._erasures.get(user)) is not None and known.asked_ms == asked_ms:
            self._erasures[user] = replace(known, done_ms=now_ms, room="", seq=0)

    async def forget_erasures(self, before_ms: int) -> int:
        old = [user for user, each in self._erasures.items() if each.done_ms is not None and each.done_ms < before_ms]
        for user in old:
            del self._erasures[user]
        return len(old)

    def _standing_erasure(self, user: str) -> Erasure | None:
        known = self._erasures.get(user)
        return known if known is not None and known.done_ms is None else None


def _kept(room: ModelRoom) -> Sequence[kinds.Event]:
    return room.log[room.erased :]
