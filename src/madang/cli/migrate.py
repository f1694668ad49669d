"""`madang migrate`: everything moved from one database to another, say from the laptop's SQLite to the fleet's PostgreSQL."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from madang.cli.options import Config, Data, settings_of
from madang.cli.signals import stop_signals
from madang.errors import SetupError

if TYPE_CHECKING:
    from madang.config import Settings

INTERRUPTED: Final = 130
LINE_SECONDS: Final = 10.0
"""How often a line says how far it is, where no bar can."""


def migrate(
    source: Annotated[
        str | None, typer.Option("--from", help="URL of the database to copy; if left out, SQLite in the data folder.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--to", help="URL of an empty database; if left out, the configured one.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print only the result.")] = False,
    data: Data = None,
    config: Config = None,
) -> None:
    """Copy everything from one database to another, and compare.

    Between SQLite, PostgreSQL, MariaDB and MySQL, in any direction, while no server runs on either. Rooms keep their
    history and epoch, so that clients resume; tokens and keys stay valid. If interrupted, run it again: it continues.

    Exit status: 0 everything is there and the same, 1 it failed, 2 wrong use or set-up, 130 interrupted.
    """
    from madang.adapters.sql import Stopped, copy, place
    from madang.cli.host import now_ms

    settings = settings_of(config, data=data)
    source, target = source or _in_data_folder(settings), target or settings.database
    if not target:
        raise SetupError("There is no target.", "Name an empty database with --to, or with MADANG_DATABASE.")
    here, there = place(source), place(target)
    stop = asyncio.Event()

    async def copying(tell: Callable[[str, int, int], None]) -> int:
        with stop_signals(stop):
            return await copy(source, target, now_ms, tell, stop.is_set)

    started = time.monotonic()
    if not quiet:
        print(f"From  {here}\nTo    {there}", flush=True)
    try:
        with progress_shown(quiet) as tell:
            rows = asyncio.run(copying(tell))
    except Stopped:
        print("Interrupted. Run the same command again: it continues where it stopped.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    seconds = time.monotonic() - started
    print(f"All {rows:,} rows are there, and the same on both sides ({seconds:.1f} s). Serve from {there} from now on.")


def _in_data_folder(settings: "Settings") -> str:
    return settings.model_copy(update={"database": ""}).database_url


@contextmanager
def progress_shown(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar on a terminal; elsewhere print a line from time to time."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = console.is_terminal and not quiet
    columns = (
        BarColumn(bar_width=20), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(),
        TextColumn("{task.description}"), TextColumn("[dim]{task.fields[rate]}"),
    )  # fmt: skip
    pace = Pace()
    with Progress(*columns, console=console, transient=True, disable=not bar) as progress:
        task = progress.add_task("looking at both databases", total=None, rate="")

        def tell(doing: str, done: int, total: int) -> None:
            per_second = pace.at(doing, done)
            progress.update(task, description=doing, completed=done, total=total, rate=f"{per_second:,.0f} rows/s")
            if not bar and not quiet and pace.due():
                print(f"{doing}: {done:,} of {total:,} rows, {per_second:,.0f} rows/s", flush=True)

        yield tell


class Pace:
    """How many rows a second, since copying began, or since comparing did."""

    def __init__(self) -> None:
        self._work = ""
        self._began = (0, 0.0)
        self._told = time.monotonic()

    def at(self, doing: str, done: int) -> float:
        """Return the rate so far. The first rows of each kind of work, of an earlier run perhaps, do not count."""
        now = time.monotonic()
        work = doing.partition(" ")[0]
        if work != self._work:
            self._work, self._began = work, (done, now)
        rows, since = self._began
        return (done - rows) / (now - since) if now > since else 0.0

    def due(self) -> bool:
        """Whether it is time for another line."""
        if time.monotonic() - self._told < LINE_SECONDS:
            return False
        self._told = time.monotonic()
        return True
