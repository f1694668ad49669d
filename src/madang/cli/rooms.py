"""`madang room`: list, create, show, change, archive and delete rooms, and show who did what there, on a server or its data."""

from datetime import timedelta
from typing import Annotated, Any, Final

import typer

from madang.cli.audit import Limit, show
from madang.cli.options import Config, Data, Database, settings_of

app = typer.Typer(no_args_is_help=True, help="List, create, show, change, archive and delete rooms.")
_Id = Annotated[str, typer.Argument(help="The room's id.", show_default=False)]


DAY_MS: Final = 24 * 3600 * 1000


def _kept(room: dict[str, Any]) -> str:
    """Return in words how much of a room is kept."""
    days, most = room.get("keep_ms", 0) / DAY_MS, room.get("keep_messages", 0)
    said = [*([f"{days:g} days"] if days else []), *([f"{most} messages"] if most else [])]
    return ", ".join(said) or "everything"


@app.command("list")
def list_rooms(data: Data = None, database: Database = None, config: Config = None) -> None:
    """List all rooms; of those that are not open it says how one joins, and which are archived."""
    from madang.cli.admin_client import walk

    def take(page: dict[str, Any]) -> str:
        for room in page["rooms"]:
            said = [
                *([] if room["access"] == "open" else [room["access"]]),
                *(["archived"] if room.get("archived") else []),
            ]
            how = f"  ({', '.join(said)})" if said else ""
            print(f"{room['id']:<24} {room['title']}{how}")
        return page["rooms"][-1]["id"] if page["more"] else ""

    walk(settings_of(config, data=data, database=database), "/rooms?limit=200", take)


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


@app.command("set")
def set_room(
    id: _Id,
    title: Annotated[str | None, typer.Option(help="The title that users see.")] = None,
    access: Annotated[str | None, typer.Option(help="Who may join: open, unlisted or invite.")] = None,
    slow_ms: Annotated[int | None, typer.Option(help="Milliseconds between two messages of a plain member.")] = None,
    write: Annotated[str | None, typer.Option(help="Who may write: everyone or moderators.")] = None,
    history: Annotated[str | None, typer.Option(help="Which history members see: all, or since they joined.")] = None,
    keep_days: Annotated[float | None, typer.Option(help="For how many days messages are kept; 0 for good.")] = None,
    keep_messages: Annotated[
        int | None, typer.Option(help="How many messages are kept, the newest; 0 for all.")
    ] = None,
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Change a room's settings, those that are given; whoever follows it is told at once."""
    from madang.cli.admin_client import ask_about

    given = {"title": title, "access": access, "slow_ms": slow_ms, "write": write, "history": history}
    given["keep_messages"] = keep_messages
    given["keep_ms"] = None if keep_days is None else round(keep_days * DAY_MS)
    change = {name: value for name, value in given.items() if value is not None}
    ask_about(settings_of(config, data=data, database=database), "PATCH", "room", id, body=change)
    print(f"{id} has these settings now." if change else f"{id} stays as it is.")


@app.command("archive")
def archive_room(id: _Id, data: Data = None, database: Database = None, config: Config = None) -> None:
    """Archive a room: its members go on reading, and nobody writes there."""
    from madang.cli.admin_client import ask_about

    ask_about(settings_of(config, data=data, database=database), "PATCH", "room", id, body={"archived": True})
    print(f"{id} is archived: it can be read, and nobody writes.")


@app.command("unarchive")
def unarchive_room(id: _Id, data: Data = None, database: Database = None, config: Config = None) -> None:
    """Let members write in an archived room again."""
    from madang.cli.admin_client import ask_about

    ask_about(settings_of(config, data=data, database=database), "PATCH", "room", id, body={"archived": False})
    print(f"{id} is not archived: its members may write.")


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
    print(f"  written by {room.get('write', 'everyone')}")
    print(f"  history    {room.get('history', 'all')}")
    print(f"  keeps      {_kept(room)}")
    print(f"  archived   {'yes' if room.get('archived') else 'no'}")
    print(f"  sockets    {shown['sockets']} on this node")
    print(f"  members    {'the first 50' if shown['members']['more'] else len(members)}")
    for member in members:
        print(f"    {member['role']:<9}  {member['name']}  ({member['user']})")


@app.command("audit")
def audit_room(id: _Id, limit: Limit = 50, data: Data = None, database: Database = None, config: Config = None) -> None:
    """Show who did what in a room by the rights of a moderator or an owner, the newest first."""
    from madang.cli.admin_client import ask_about

    settings = settings_of(config, data=data, database=database)
    show(limit, lambda query: ask_about(settings, "GET", "room", id, f"/audit{query}"))
