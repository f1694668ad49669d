"""`madang words`: the word list of the server or of a room, besides that of the settings; while the server runs or not."""

from typing import Annotated, Any

import typer

from madang.cli.options import Config, Data, Database, settings_of

app = typer.Typer(no_args_is_help=True, help="List, add and remove words that are refused, masked or flagged.")
_Room = Annotated[str, typer.Option(help="Of this room; without it, of the whole server.", show_default=False)]
_Words = Annotated[list[str], typer.Argument(help="One word or more.", show_default=False)]


@app.callback()
def _words() -> None:
    """List, add and remove words that are refused, masked or flagged."""


@app.command("list")
def list_words(room: _Room = "", data: Data = None, database: Database = None, config: Config = None) -> None:
    """List the words, each behind what is done about it."""
    for action, some in _ask("GET", room, None, data=data, database=database, config=config).items():
        for word in some:
            print(f"{action:<6}  {word}")


@app.command("add")
def add_words(
    action: Annotated[str, typer.Argument(help="What is done about them: refuse, mask or flag.", show_default=False)],
    words: _Words,
    room: _Room = "",
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Add words; one that is listed already is moved."""
    where = {"data": data, "database": database, "config": config}
    listed = _without(_ask("GET", room, None, **where), words)
    kept = _ask("PUT", room, {**listed, action: [*listed.get(action, []), *words]}, **where)
    print(f"{sum(map(len, kept.values()))} words are listed.")


@app.command("remove")
def remove_words(
    words: _Words, room: _Room = "", data: Data = None, database: Database = None, config: Config = None
) -> None:
    """Remove words, whatever is done about them."""
    where = {"data": data, "database": database, "config": config}
    kept = _ask("PUT", room, _without(_ask("GET", room, None, **where), words), **where)
    print(f"{sum(map(len, kept.values()))} words are listed.")


def _without(listed: dict[str, list[str]], words: list[str]) -> dict[str, list[str]]:
    return {action: [word for word in some if word not in words] for action, some in listed.items()}


def _ask(method: str, room: str, body: Any, **where: Any) -> Any:
    from madang.cli.admin_client import ask, ask_about

    settings = settings_of(where.pop("config"), **where)
    if room:
        return ask_about(settings, method, "room", room, "/words", body=body)
    return ask(settings, method, "/words", body)
