"""`madang room`: list, create, show and delete rooms, on the running server or on its data."""

from datetime import timedelta
from typing import Annotated

import typer

from madang.cli.options import Config, Data, Database, settings_of

app = typer.Typer(no_args_is_help=True, help="List, create, show and delete rooms.")
_Id = Annotated[str, typer.Argument(help="The room's id.", show_default=False)]


@app.command("list")
def list_rooms(data: Data = None, database: Database = None, config: Config = None) -> None:
    """List all rooms; of those that are not open it says how one joins."""
    from madang.cli.admin_client import ask

    settings = settings_of(config, data=data, database=database)
    after = ""
    while True:
        page = ask(settings, "GET", f"/rooms?limit=200&after={after}")
        for room in page["rooms"]:
            how = "" if room["access"] == "open" else f"  ({room['access']})"
            print(f"{room['id']:<24} {room['title']}{how}")
        if not page["more"]:
            return
        after = page["rooms"][-1]["id"]


@app.command("create")
def create_room(
    id: _Id,
    title: Annotated[str, typer.Option(help="The title that users see; the id if left out.")] = "",
    invite: Annotated[bool, typer.Option("--invite", help="Only users with an invite may join.")] = False,
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Create a room that belongs to the server itself, like the lobby."""
    from madang.cli.admin_client import ask

    settings = settings_of(config, data=data, database=database)
    room = ask(settings, "POST", "/rooms", {"id": id, "title": title, "access": "invite" if invite else "open"})
    print(f"{room['id']} is open to {'users with an invite' if room['access'] == 'invite' else 'all'}.")


@app.command("delete")
def delete_room(id: _Id, data: Data = None, database: Database = None, config: Config = None) -> None:
    """Delete a room for good, with all that was said there. Nobody is asked whether that is meant."""
    from madang.cli.admin_client import ask_about

    ask_about(settings_of(config, data=data, database=database), "DELETE", "room", id)
    print(f"{id} is deleted: nobody can read or join it any more.")
    print("A running server removes what was said there within minutes; the id stays taken for a week.")


@app.command("show")
def show_room(id: _Id, data: Data = None, database: Database = None, config: Config = None) -> None:
    """Show a room, open or not: its settings and first members."""
    from madang.cli.admin_client import ask_about

    shown = ask_about(settings_of(config, data=data, database=database), "GET", "room", id)
    room, members = shown["room"], shown["members"]["members"]
    print(f"{room['id']}: {room['title']}")
    print(f"  access     {room['access']}")
    print(f"  slow mode  {timedelta(milliseconds=room['slow_ms']) if room['slow_ms'] else 'off'}")
    print(f"  sockets    {shown['sockets']} on this node")
    print(f"  members    {'the first 50' if shown['members']['more'] else len(members)}")
    for member in members:
        print(f"    {member['role']:<9}  {member['name']}  ({member['user']})")
