"""`madang key`: keys with which other servers act through REST, made and dropped while the server runs or not."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from madang.cli.options import Config, Data, Database, settings_of

app = typer.Typer(no_args_is_help=True, help="Create, list and drop server keys.")


@app.command("create")
def create_key(
    label: Annotated[str, typer.Argument(help="The key's owner; its messages carry this name.", show_default=False)],
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Make a server key and print it, once: only a hash of it is kept."""
    from madang.cli.admin_client import ask

    key = ask(settings_of(config, data=data, database=database), "POST", "/keys", {"label": label})
    print(key["key"])
    print("Keep it as a password: it acts as an owner in every room. It is not shown again.", file=sys.stderr)


@app.command("list")
def list_keys(data: Data = None, database: Database = None, config: Config = None) -> None:
    """List the server keys, without their secrets."""
    from madang.cli.admin_client import ask

    for key in ask(settings_of(config, data=data, database=database), "GET", "/keys")["keys"]:
        made = datetime.fromtimestamp(key["created_at"] / 1000, UTC)
        print(f"{key['id']}  {made:%Y-%m-%d}  {key['label']}")


@app.command("drop")
def drop_key(
    id: Annotated[str, typer.Argument(help="The key's id, as `madang key list` shows it.", show_default=False)],
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Drop a server key: it stops working at once."""
    from madang.cli.admin_client import ask_about

    ask_about(settings_of(config, data=data, database=database), "DELETE", "key", id)
    print(f"{id} is dropped.")
