"""All commands under one name, and what every error of set-up looks like."""

import sys

import typer

from madang.cli.serve import serve
from madang.errors import SetupError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Madang: live rooms you host yourself.")
app.command()(serve)


@app.callback()
def _root() -> None:
    """Madang: live rooms you host yourself."""


def main() -> None:
    """Run the command line."""
    try:
        app()
    except SetupError as error:
        print(f"madang: {error}", file=sys.stderr)
        sys.exit(2)
