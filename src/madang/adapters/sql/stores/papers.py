"""The logs of papers."""

from collections.abc import Sequence

from madang.adapters.sql import papers
from madang.adapters.sql.engine import OnEngine
from madang.core.papers import FinishedPaper, Paper, Rendering, Update
from madang.errors import Refused
from madang.ports.papers import PaperLog, Watched


class SqlPapers(OnEngine):
    """`ports.papers`."""

    async def paper(self, id: str, reader: str | None = None) -> Paper | None:
        return await self._engine.read(lambda c: papers.one(c, id, reader))

    async def papers(self, room: str, *, after: str = "", limit: int = 50) -> list[Paper]:
        return await self._engine.read(lambda c: papers.page(c, room, after, limit))

    async def append_updates(self, updates: Sequence[Update]) -> list[int | Refused]:
        return await self._engine.write(lambda c: papers.append(c, updates))

    async def paper_log(self, id: str, after: int = 0) -> PaperLog | None:
        return await self._engine.read(lambda c: papers.log(c, id, after))

    async def compact_paper(self, paper: Paper, upto: int, snapshot: bytes) -> bool:
        return await self._engine.write(lambda c: papers.compact(c, paper, upto, snapshot))

    async def keep_rendering(self, paper: Paper, rendering: Rendering) -> bool:
        return await self._engine.write(lambda c: papers.keep_rendering(c, paper, rendering))

    async def rendering(self, paper: Paper) -> Rendering | None:
        return await self._engine.read(lambda c: papers.rendering(c, paper))

    async def finished_at(self, places: Sequence[tuple[str, int]]) -> list[FinishedPaper]:
        waiting = self._engine.waiting()
        return await self._engine.read(lambda c: papers.finished_at(c, places, waiting))

    async def watched(self, papers_: Sequence[str], users: Sequence[tuple[str, str]]) -> Watched:
        return await self._engine.read(lambda c: papers.watched(c, papers_, users))
