"""Papers of the model: what events do to them, and their logs, as simple as possible (`ports.log`, `ports.papers`)."""

from collections.abc import Callable, Sequence

import msgspec

from madang.core import events as kinds
from madang.core.events import Draft
from madang.core.papers import MAX_PAPER, MAX_PAPERS, SEARCHED, FinishedPaper, Paper, Rendering, Standing, Update
from madang.core.permissions import Action, need, state_of
from madang.core.versions import ASKED, NewVersion, Version, making_way, too_many
from madang.errors import Refused
from madang.ports.papers import PaperLog, Watched
from madang.testing.model_room import ModelRoom


class _Log:
    """What was written in one paper: a snapshot up to a number, and what came behind it."""

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.upto = 0
        self.snapshot = b""
        self.updates: list[tuple[int, bytes]] = []
        self.rendering: Rendering | None = None
        self.versions: dict[int, tuple[Version, bytes]] = {}
        self.kept = 0

    def measure(self, seq: int) -> None:
        """Note the number of the newest update, and how much there is."""
        size = len(self.snapshot) + sum(len(data) for _, data in self.updates)
        self.paper = msgspec.structs.replace(self.paper, seq=seq, size=size)


class ModelPapers:
    """`ports.papers` and `ports.versions`, and the effects that events have on papers."""

    rooms_by_id: dict[str, ModelRoom]

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._now_ms = clock_ms
        self._logs: dict[str, _Log] = {}
        self._made = 0

    def apply_to_papers(self, room: ModelRoom, d: Draft, now_ms: int) -> bool:
        """Check and apply the effect of an event about a paper."""
        match d.content:
            case kinds.PaperCreated(paper=id, title=title):
                room.need_to_write(d, now_ms)
                if sum(log.paper.room == d.room for log in self._logs.values()) >= MAX_PAPERS:
                    raise Refused("too_many")
                if id in self._logs:
                    raise Refused("paper_exists")
                self._made += 1
                self._logs[id] = _Log(
                    Paper(id=id, room=d.room, title=title, finished=False, key=self._made, user=d.user, at_ms=now_ms)
                )
            case kinds.PaperChanged(paper=id, title=title, finished=finished):
                log = self._named(room, d, id)
                before = log.paper
                log.paper = msgspec.structs.replace(
                    before,
                    title=before.title if title is None else title,
                    finished=before.finished if finished is None else finished,
                )
                if log.paper.finished != before.finished:
                    log.rendering = None
                    log.paper = msgspec.structs.replace(log.paper, finished_seq=len(room.log) + 1 if finished else 0)
                return log.paper != before
            case kinds.PaperDeleted(paper=id):
                self._named(room, d, id)
                del self._logs[id]
        return True

    def _named(self, room: ModelRoom, d: Draft, id: str) -> _Log:
        need(room.actor(d), Action.PAPERS, room.info.access, state_of(room.info))
        log = self._logs.get(id)
        if log is None or log.paper.room != d.room:
            raise Refused("not_found")
        return log

    def remove_papers_of(self, room: str, limit: int) -> int:
        """Remove papers of a room; return how many."""
        some = [id for id, log in self._logs.items() if log.paper.room == room][:limit]
        for id in some:
            del self._logs[id]
        return len(some)

    def _log(self, id: str) -> _Log | None:
        log = self._logs.get(id)
        return None if log is None or self.rooms_by_id[log.paper.room].deleted else log

    async def paper(self, id: str, reader: str | None = None) -> Paper | None:
        log = self._log(id)
        if log is None or (reader is not None and reader not in self.rooms_by_id[log.paper.room].members):
            return None
        return log.paper

    async def papers(self, room: str, *, after: str = "", limit: int = 50) -> list[Paper]:
        some = [log.paper for id in sorted(self._logs) if (log := self._log(id)) and log.paper.room == room]
        return [paper for paper in some if paper.id > after][:limit]

    async def append_updates(self, updates: Sequence[Update]) -> list[int | Refused]:
        return [self._append_update(update) for update in updates]

    def _append_update(self, u: Update) -> int | Refused:
        log = self._log(u.paper)
        if log is None or log.paper.key != u.key:
            return Refused("not_found")
        if log.paper.finished:
            return Refused("finished")
        for user, server in u.writers:
            if code := self._standing_of(log.paper.room, user).held(server=server):
                return Refused(code)
        if u.back_from is not None and log.paper.went_back > u.back_from:
            return Refused("overloaded")
        if log.paper.size + len(u.data) > MAX_PAPER:
            return Refused("too_big")
        seq = log.paper.seq + 1
        log.updates.append((seq, u.data))
        log.measure(seq)
        if u.back_from is not None:
            log.paper = msgspec.structs.replace(log.paper, went_back=seq)
        return seq

    def _standing_of(self, room: str, user: str) -> Standing:
        known = self.rooms_by_id.get(room)
        if known is None or known.deleted:
            return Standing()
        member = known.members.get(user)
        _, end = known.mutes.get(user, (None, 0))
        return Standing(member.role if member else None, state_of(known.info), end > self._now_ms())

    async def paper_log(self, id: str, after: int = 0) -> PaperLog | None:
        if (log := self._log(id)) is None:
            return None
        rest = [(seq, data) for seq, data in log.updates if seq > after]
        return PaperLog(log.paper, log.upto, log.snapshot if log.upto > after else b"", rest)

    async def compact_paper(self, paper: Paper, upto: int, snapshot: bytes) -> bool:
        log = self._logs.get(paper.id)
        if log is None or log.paper.key != paper.key or not log.upto < upto <= log.paper.seq:
            return False
        log.upto, log.snapshot = upto, snapshot
        log.updates = [(seq, data) for seq, data in log.updates if seq > upto]
        log.measure(log.paper.seq)
        return True

    async def keep_rendering(self, paper: Paper, rendering: Rendering) -> bool:
        log = self._logs.get(paper.id)
        if log is None or (log.paper.key, log.paper.seq) != (paper.key, paper.seq) or not log.paper.finished:
            return False
        log.rendering = rendering
        return True

    async def rendering(self, paper: Paper) -> Rendering | None:
        log = self._logs.get(paper.id)
        return log.rendering if log and log.paper.key == paper.key else None

    async def keep_version(self, paper: Paper, new: NewVersion) -> Version | Refused:
        log = self._keyed(paper)
        if log is None:
            return Refused("not_found")
        there = await self.versions(paper)
        if new.cause != ASKED:
            for each in there:
                if each.seq == new.seq:
                    return each
        elif refused := too_many(there):
            return refused
        gone = making_way(there, new)
        if gone is None:
            return Refused("too_big")
        for each in gone:
            del log.versions[each.number]
        log.kept += 1
        kept = Version(
            number=log.kept, title=new.title, cause=new.cause, user=new.user, at_ms=self._now_ms(), seq=new.seq,
            size=len(new.data),
        )  # fmt: skip
        log.versions[kept.number] = kept, new.data
        return kept

    async def versions(self, paper: Paper) -> list[Version]:
        log = self._keyed(paper)
        return [] if log is None else [version for version, _ in reversed(log.versions.values())]

    async def version(self, paper: Paper, number: int) -> bytes | None:
        log = self._keyed(paper)
        return log.versions[number][1] if log and number in log.versions else None

    async def drop_version(self, paper: Paper, number: int) -> bool:
        log = self._keyed(paper)
        return log is not None and log.versions.pop(number, None) is not None

    def _keyed(self, paper: Paper) -> _Log | None:
        log = self._logs.get(paper.id)
        return None if log is None or log.paper.key != paper.key else log

    async def finished_at(self, places: Sequence[tuple[str, int]]) -> list[FinishedPaper]:
        found = []
        for id, log in self._logs.items():
            paper, said = log.paper, log.rendering
            known = self.rooms_by_id[paper.room]
            if said and (paper.room, paper.finished_seq) in places and paper.finished_seq > known.erased:
                event = known.log[paper.finished_seq - 1]
                found.append(
                    FinishedPaper(
                        room=paper.room, seq=event.seq, id=event.id, user=event.user, name=event.name, paper=id,
                        title=paper.title, text=said.text[:SEARCHED],
                    )
                )  # fmt: skip
        return sorted(found, key=lambda each: (each.room, each.seq))

    async def watched(self, papers: Sequence[str], users: Sequence[tuple[str, str]]) -> Watched:
        found = {id: log.paper for id in papers if (log := self._log(id))}
        return Watched(found, {who: self._standing_of(*who) for who in users})
