"""Versions of papers."""

from madang.adapters.sql import versions
from madang.adapters.sql.engine import OnEngine
from madang.core.papers import Paper
from madang.core.versions import NewVersion, Version
from madang.errors import Refused


class SqlVersions(OnEngine):
    """`ports.versions`."""

    async def keep_version(self, paper: Paper, new: NewVersion) -> Version | Refused:
        return await self._engine.write(lambda c: versions.keep(c, paper, new))

    async def versions(self, paper: Paper) -> list[Version]:
        return await self._engine.read(lambda c: versions.list_of(c, paper))

    async def version(self, paper: Paper, number: int) -> bytes | None:
        return await self._engine.read(lambda c: versions.data(c, paper, number))

    async def drop_version(self, paper: Paper, number: int) -> bool:
        return await self._engine.write(lambda c: versions.drop(c, paper, number))
