"""All commands under one name, and the form of every error: one sentence, how to fix it, an exit code.

Exit codes: 0 done, 1 it failed, 2 wrong use or set-up. Commands import what they need when they run; `plugins.py`
adds those of other packages.
"""

import io
import sys
from typing import Annotated

import typer

from madang import __version__
from madang.cli import keys, reports, rooms, search, users, words
from madang.cli.audit import audit
from madang.cli.backup import backup, restore
from madang.cli.chat import chat
from madang.cli.doctor import doctor
from madang.cli.migrate import migrate
from madang.cli.plugins import Commands
from madang.cli.serve import serve
from madang.cli.upgrade import upgrade
from madang.errors import MadangError, SetupError

app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Madang: live rooms you host yourself.",
)  # fmt: skip
app.command()(serve)
app.command()(chat)
app.add_typer(rooms.app, name="room")
app.add_typer(users.app, name="user")
app.add_typer(keys.app, name="key")
app.add_typer(reports.app, name="report")
app.add_typer(words.app, name="words")
app.command()(audit)
app.add_typer(search.app, name="search")
app.command()(doctor)
app.command()(backup)
app.command()(restore)
app.command()(migrate)
app.command()(upgrade)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"madang {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Madang: live rooms you host yourself."""


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path, or a name, that the terminal's encoding lacks
    try:
        app()
    except SetupError as error:
        print(f"madang: {error}", file=sys.stderr)
        sys.exit(2)
    except MadangError as error:
        print(f"madang: {error}", file=sys.stderr)
        sys.exit(1)
