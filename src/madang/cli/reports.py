"""`madang report`: messages that members have reported to the moderators of a room; while the server runs or not."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from madang.cli.options import Config, Data, Database, settings_of

app = typer.Typer(no_args_is_help=True, help="List reported messages of a room, and resolve their reports.")
_Room = Annotated[str, typer.Argument(help="The room's id.", show_default=False)]


@app.callback()
def _reports() -> None:
    """List reported messages of a room, and resolve their reports."""


@app.command("list")
def list_reports(room: _Room, data: Data = None, database: Database = None, config: Config = None) -> None:
    """List the messages with open reports: seq, author, and who reported it why."""
    from madang.cli.admin_client import walk

    def take(page: dict[str, Any]) -> str:
        for one in page["reported"]:
            gone = "  (deleted)" if one.get("deleted") else ""
            print(f"{one['seq']:>8}  by {one['name']} ({one['user']}){gone}")
            for report in one["reports"]:
                why = f"  “{' '.join(report['reason'].split())}”" if report.get("reason") else ""
                print(f"          reported by {report['name']} ({report['user']}) {report['at'][:16]}{why}")
        return str(page["reported"][-1]["seq"]) if page["more"] else ""

    settings = settings_of(config, data=data, database=database)
    walk(settings, f"/rooms/{quote(room, safe='')}/reports?limit=200", take, "0")


@app.command("resolve")
def resolve(
    room: _Room,
    seq: Annotated[int, typer.Argument(help="The message, by its seq.", min=1, show_default=False)],
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Take a message out of the queue: its reports are done with."""
    from madang.cli.admin_client import ask

    settings = settings_of(config, data=data, database=database)
    left = ask(settings, "DELETE", f"/rooms/{quote(room, safe='')}/reports/{seq}")
    print(f"The reports of {seq} are resolved; {left['open']} messages have open ones.")
