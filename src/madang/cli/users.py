"""`madang user`: delete users, on the running server or on its data."""

from typing import Annotated

import typer

from madang.cli.options import Config, Data, Database, settings_of

app = typer.Typer(no_args_is_help=True, help="Delete users.")


@app.callback()
def _users() -> None:
    """Delete users."""


@app.command("delete")
def delete_user(
    id: Annotated[str, typer.Argument(help="The user's id, as `madang room show` shows it.", show_default=False)],
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Delete a user: they can do nothing any more, and are a member of no room. What they said stays."""
    from madang.cli.admin_client import ask_about

    ask_about(settings_of(config, data=data, database=database), "DELETE", "user", id)
    print(f"{id} is deleted: their token means nothing any more, and they are a member of no room.")
