"""`madang doctor`: check the machine, the settings and the data, and say what is wrong and how to fix it."""

import asyncio
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from madang.cli.options import Config, Data, Database, settings_of

if TYPE_CHECKING:
    from madang.cli.unsafe_settings import Finding
    from madang.config import Settings

COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "red"}


def doctor(
    host: Annotated[str | None, typer.Option(help="Address that serve will be given.")] = None,
    port: Annotated[int | None, typer.Option(help="Port that serve will be given.")] = None,
    admin_port: Annotated[int | None, typer.Option(help="Port of /metrics that serve will be given.")] = None,
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Check the set-up, and say how to fix it. Give it the options that serve is given.

    Exit status: 1 when something fails. Changes nothing; works while the server runs.
    """
    settings = settings_of(config, host=host, port=port, admin_port=admin_port, data=data, database=database)
    failed = False
    for finding in _checks(settings):
        failed |= finding.level == "fail"
        label = (
            typer.style(f"{finding.level:<4}", fg=COLOURS[finding.level])
            if sys.stdout.isatty()
            else f"{finding.level:<4}"
        )
        print(f"{label}  {finding.what}")
        if finding.hint:
            print(f"      -> {finding.hint}")
    sys.exit(1 if failed else 0)


def _checks(settings: "Settings") -> Iterator["Finding"]:
    from madang.adapters.catalogue import for_one_node
    from madang.adapters.sql.open import inspect_database
    from madang.cli import checks, emitters, engines, fleet
    from madang.cli.admin_client import NOTE, is_copied, running
    from madang.cli.unsafe_settings import Finding, unsafe
    from madang.errors import SetupError

    alone = for_one_node(settings.database_url)
    yield checks.python()
    if alone:
        yield checks.sqlite()
    folder = checks.data_folder(settings.data)
    yield folder
    if alone and folder.level != "fail":  # a node of a fleet keeps only a note for commands there
        yield checks.disk_space(settings.data)
        yield checks.fsync(settings.data)
    yield checks.open_files(settings.max_sockets)
    here = (server := asyncio.run(running(settings.data))) is not None
    if server is not None:
        yield Finding("ok", f"A server runs on {settings.data}.")
        yield checks.connections(asyncio.run(server.ask("GET", "/connections")))
    else:
        if is_copied(settings.data):
            yield Finding(
                "warn", f"{settings.data} is a copy: {NOTE} in it leads to the server of another folder.",
                f"Delete {settings.data / NOTE}; commands do not follow it, and serve writes its own.",
            )  # fmt: skip
        yield from checks.free_to_start(settings)
    try:
        found = asyncio.run(inspect_database(settings.database_url))
    except SetupError as error:
        yield fleet.unusable(error, settings)
    else:
        yield checks.database(found)
        yield from (Finding("warn", one.problem, one.hint) for one in found.warnings)
        yield from fleet.neighbours(settings, found.nodes, here=here)
    yield from asyncio.run(fleet.bus(settings))
    yield from asyncio.run(engines.engine(settings.search))
    yield from asyncio.run(emitters.emitter(settings))
    dangers = unsafe(settings)
    yield from dangers
    if not dangers:
        yield Finding("ok", "The settings are safe.")
