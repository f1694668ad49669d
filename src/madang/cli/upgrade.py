"""`madang upgrade`: the tables of a database taken to this version's schema, in two halves around a rolling upgrade."""

import asyncio
from typing import Annotated

import typer

from madang.cli.options import Config, Data, Database, settings_of


def upgrade(
    finish: Annotated[
        bool, typer.Option("--finish", help="Remove what only older versions need; none of their nodes may be running.")
    ] = False,
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Bring the database to this version's schema.

    Without --finish it does what a start does, and nodes of the previous version go on working.
    """
    from madang.adapters.sql import finish_upgrade, need_database, open_store
    from madang.cli.host import now_ms

    settings = settings_of(config, data=data, database=database)
    url = settings.database_url

    async def add() -> None:
        await (await open_store(url, now_ms)).close()

    asyncio.run(need_database(url, bool(settings.database)))
    if not finish:
        asyncio.run(add())
        print("The database is ready for this version.")
    elif steps := asyncio.run(finish_upgrade(url, now_ms)):
        print(f"The upgrade to schema {steps[-1]} is finished. Older versions cannot use the database any more.")
    else:
        print("There was nothing to finish.")
