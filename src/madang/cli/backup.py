"""`madang backup` and `madang restore`: everything a server keeps, in one file. Backing up works while it runs."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from madang.cli.options import Config, Data, Database, settings_of

STEPS: Final = 1000  # of a progress bar


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.", show_default=False)],
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Copy everything into a file, as of one moment.

    The server may run meanwhile, and is not slowed down. The file contains messages and secrets, and only its owner may read it.
    """
    from madang.adapters.sql import backup as copy

    settings = settings_of(config, data=data, database=database)
    with _bar("Backing up") as progress:
        copy(settings.database_url, file, progress, bool(settings.database))
    print(f"{file} is complete, {file.stat().st_size / (1 << 20):.1f} MiB.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `madang backup` has written.", show_default=False)],
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Restore a backup into a data folder that has no data yet.

    Clients notice that the history has changed and fetch it again; what was sent after the backup is gone.
    """
    from madang.adapters.sql import restore as put_back

    settings = settings_of(config, data=data, database=database)
    with _bar("Restoring") as progress:
        put_back(file, settings.database_url, progress)
    print(f"{settings.data.absolute()} is restored. Start the server with: madang serve --data {settings.data}")


@contextmanager
def _bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar from the first step on: what is refused before has not begun."""
    with ExitStack() as shown:
        bar: Any = None

        def progress(done: int, total: int) -> None:
            nonlocal bar
            if bar is None:
                bar = shown.enter_context(typer.progressbar(length=STEPS, label=label))
            bar.update(done * STEPS // max(total, 1) - bar.pos)

        yield progress
