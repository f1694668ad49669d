"""`madang key consumers`: who reads every room with a server key, how far they are behind, and how one is removed."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

import typer

from madang.cli.options import Config, Data, Database, settings_of
from madang.errors import MadangError

if TYPE_CHECKING:
    from madang.cli.admin_client import AdminClient

app = typer.Typer(no_args_is_help=True, help="List the consumers of a server key, and drop one.")
KeyId = Annotated[str, typer.Argument(help="The key's id, as `madang key list` shows it.", show_default=False)]


@app.command("list")
def list_consumers(id: KeyId, data: Data = None, database: Database = None, config: Config = None) -> None:
    """List the consumers of a key: when each was here last, to the hour, and how much it has not acknowledged."""
    from madang.cli.admin_client import using

    async def look(admin: "AdminClient") -> None:
        for each in (await admin.ask("GET", _path(id)))["consumers"]:
            state = await _state(admin, id, each["name"]) if each["seen_at"] else "not made to the end, or not removed"
            print(f"{each['name']}  {_minute(each['seen_at'] or each['made_at'])}  {state}")

    try:
        using(settings_of(config, data=data, database=database), look)
    except MadangError as error:
        if error.code == "not_found":
            raise MadangError("not_found", f"There is no key {id!r}.") from None
        raise


async def _state(admin: "AdminClient", id: str, name: str) -> str:
    events, rooms, after = 0, 0, ""
    while True:
        page: dict[str, Any] = await admin.ask("GET", f"{_path(id, name)}/behind?after={quote(after, safe='')}")
        events, rooms, after = events + page["events"], rooms + page["rooms"], page["next"]
        if not after:
            return f"{events:,} events behind, in {rooms:,} rooms" if events else "up to date"


@app.command("drop")
def drop_consumer(
    id: KeyId,
    name: Annotated[str, typer.Argument(help="The consumer's name.", show_default=False)],
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Drop a consumer: its stream ends, and its place is forgotten."""
    from madang.cli.admin_client import ask

    try:
        ask(settings_of(config, data=data, database=database), "DELETE", _path(id, name))
    except MadangError as error:
        if error.code in ("not_found", "bad_field"):
            raise MadangError("not_found", f"The key {id!r} has no consumer {name!r}.") from None
        raise
    print(f"{name} is dropped.")


def _path(id: str, *name: str) -> str:
    return "/".join(["/keys", quote(id, safe=""), "consumers", *(quote(each, safe="") for each in name)])


def _minute(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}"
