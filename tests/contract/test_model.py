"""The model that databases are compared with keeps their contract itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from madang.core.ids import IdSource
from madang.testing import (
    FakeClock,
    ModelStore,
    check_accounts,
    check_changes,
    check_consumers,
    check_directory,
    check_erasures,
    check_log,
    check_papers,
    check_people,
    check_profiles,
    check_signing,
    check_tickets,
    check_upkeep,
    check_versions,
)


async def test_the_model_keeps_the_contracts() -> None:
    model = ModelStore(IdSource(1), FakeClock())

    @asynccontextmanager
    async def make() -> AsyncIterator[ModelStore]:
        yield model

    await check_log(make, shared=True)
    await check_directory(make)
    await check_papers(make)
    await check_versions(make)
    await check_upkeep(make)
    await check_erasures(make)
    await check_accounts(make)
    await check_profiles(make)
    await check_people(make)
    await check_signing(make)
    await check_changes(make)
    await check_tickets(make)
    await check_consumers(make)
