"""`madang search`: how far the search index has come, and making it again, on a server or its data."""

import sys
from typing import Any

import typer

from madang.cli.options import Config, Data, Database, settings_of

app = typer.Typer(no_args_is_help=True, help="Show the search index, or make it again.")


@app.command("status")
def status(data: Data = None, database: Database = None, config: Config = None) -> None:
    """Show what the search index has, and whether it is behind."""
    from madang.cli.admin_client import ask

    _print(ask(settings_of(config, data=data, database=database), "GET", "/search"))


@app.command("rebuild")
def rebuild(data: Data = None, database: Database = None, config: Config = None) -> None:
    """Make the search index again, beside the one that serves until then. If this is stopped, the server goes on with it."""
    from madang.cli.admin_client import watch

    shown = sys.stderr.isatty()
    told = ""

    def again(index: dict[str, Any]) -> bool:
        nonlocal told
        if index["waits"] != told:
            told = index["waits"]
            if told:
                print(f"\r\x1b[K{told}" if shown else told, file=sys.stderr, flush=True)
        if shown and index["making"]:
            print(f"\r{_made(index)}", end="\x1b[K", file=sys.stderr, flush=True)
        return bool(index["making"])

    index = watch(settings_of(config, data=data, database=database), "DELETE", "/search", again)
    if shown:
        print("\r", end="\x1b[K", file=sys.stderr, flush=True)
    _print(index)


def _made(index: dict[str, Any]) -> str:
    return f"{index['made_messages']} of about {index['messages']} messages are in a new index."


def _print(index: dict[str, Any]) -> None:
    if not index["there"]:
        print("There is no search index: searches look through the newest messages of each room, or are off.")
        return
    print(f"{index['messages']} messages of {index['rooms']} rooms are in the index.")
    if index["making"]:
        print(_made(index))
        if index["waits"]:
            print(index["waits"])
    if index["behind"]:
        print(f"{index['behind']} rooms or more wait, the first for {index['lag_s']:g} s.")
    elif not index["walked"]:
        print("Not all rooms have been compared with it yet.")
    else:
        print("It is not behind.")
