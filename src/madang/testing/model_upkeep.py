"""The rooms of `ports.upkeep` in memory: the part of `ModelStore` that walks through rooms and removes what is in them."""

from collections.abc import Sequence

from madang.core import events as kinds
from madang.ports.upkeep import StoredRoom
from madang.testing.model_room import ModelRoom


class ModelUpkeep:
    """What is stored of rooms, over the rooms of the whole. Every call is one step that nothing interrupts."""

    rooms_by_id: dict[str, ModelRoom]
    _forgotten = 0  # rooms; a room made again has another epoch

    def remove_papers_of(self, room: str, limit: int) -> int:
        """Remove papers of a room; return how many."""
        raise NotImplementedError  # of `ModelPapers`

    def forget_reached(self, room: str) -> None:
        """Forget how far consumers were in a room."""
        raise NotImplementedError  # of `ModelConsumers`

    async def rooms_after(self, after: str, limit: int) -> list[StoredRoom]:
        return [
            StoredRoom(
                id=id,
                deleted=room.deleted,
                at_ms=room.log[-1].at,
                members=bool(room.members),
                keep_ms=room.info.keep_ms,
                keeps=bool(room.info.keep_ms or room.info.keep_messages),
                purged_seq=room.info.purged_seq,
                left=room.erased < room.info.purged_seq,
                epoch=room.epoch,
            )
            for id, room in sorted(self.rooms_by_id.items())
            if id > after
        ][:limit]

    async def erase(self, room: str, limit: int) -> int:
        known = self.rooms_by_id.get(room)
        if known is None:
            return 0
        if not known.deleted:
            erased = min(limit, max(0, known.info.purged_seq - known.erased))
            known.forget(known.erased + erased)
            return erased
        if people := list(known.members)[:limit]:
            for user in people:
                del known.members[user]
            return len(people)
        if kicked := list(known.kicks)[:limit]:
            for user in kicked:
                del known.kicks[user]
            return len(kicked)
        if banned := list(known.bans)[:limit]:
            for user in banned:
                known.lift_ban(user)
            return len(banned)
        if muted := list(known.mutes)[:limit]:
            for user in muted:
                del known.mutes[user]
            return len(muted)
        if removed := self.remove_papers_of(room, limit):
            return removed
        if deeds := known.audit[:limit]:
            del known.audit[:limit]
            return len(deeds)
        if told := list(known.reports)[:limit]:
            for key in told:
                del known.reports[key]
            return len(told)
        erased = min(limit, len(known.log) - 1 - known.erased)
        known.erased += erased
        known.mentions.clear()
        known.reactions.clear()
        known.pins.clear()
        known.invites.clear()
        return erased

    async def forget_audit(self, before_ms: int, limit: int) -> int:
        old = [(room, entry) for room in self.rooms_by_id.values() for entry in room.audit if entry.at_ms < before_ms]
        for room, entry in old[:limit]:
            room.audit.remove(entry)
        return len(old[:limit])

    async def forget_reports(self, before_ms: int, limit: int) -> int:
        rooms = self.rooms_by_id.values()
        old = [(r, key) for r in rooms for key, each in r.reports.items() if each.report.at_ms < before_ms][:limit]
        for room, key in old:
            del room.reports[key]
        return len(old)

    async def due(self, room: str, before_ms: int) -> int:
        known = self.rooms_by_id[room]
        info, upto = known.info, known.info.purged_seq
        messages = [e.seq for e in known.log if e.type == kinds.MessageSent.type and e.seq > upto]
        if info.keep_ms:
            upto = max([upto, *(e.seq for e in known.log if e.at < before_ms)])
        if info.keep_messages and len(messages) > info.keep_messages:
            upto = max(upto, messages[-info.keep_messages] - 1)
        return upto if any(seq <= upto for seq in messages) else info.purged_seq

    async def forget_rooms(self, rooms: Sequence[str]) -> int:
        found = [self.rooms_by_id.get(room) for room in rooms]
        gone = [r for r in found if r and r.deleted and not r.members and r.erased == len(r.log) - 1]
        for room in gone:
            del self.rooms_by_id[room.info.id]
            self.forget_reached(room.info.id)
        self._forgotten += len(gone)
        return len(gone)

    async def members_after(self, after: tuple[str, str], limit: int) -> list[tuple[str, str]]:
        every = sorted((id, user) for id, room in self.rooms_by_id.items() for user in room.members)
        return [each for each in every if each > after][:limit]

    async def joined_among(self, users: Sequence[str]) -> set[str]:
        return {user for room in self.rooms_by_id.values() for user in room.members} & set(users)
