"""`madang key`: keys with which other servers act through REST, and those that sign tokens; while the server runs or not."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import typer

from madang.cli.options import Config, Data, Database, settings_of

app = typer.Typer(no_args_is_help=True, help="Create, list and drop server keys; rotate the keys that sign tokens.")


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


@app.command("rotate")
def rotate_signing_key(
    retire: Annotated[
        bool, typer.Option("--retire", help="Forget the older keys: whoever has a token of theirs is signed out.")
    ] = False,
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Sign tokens with a new key from now on. Those signed by older keys stay valid until these are retired."""
    from madang.cli.admin_client import ask
    from madang.ports.signing import LEAD_MS

    settings = settings_of(config, data=data, database=database)
    if retire:
        newest = ask(settings, "DELETE", "/signing-keys")["newest"]
        print(f"{newest} is the only signing key now. Tokens that older ones signed are worth nothing.")
        return
    made = ask(settings, "POST", "/signing-keys")
    print(f"{made['newest']} signs in {LEAD_MS // 1000} s, on every node. {made['keys'] - 1} older stay valid.")
    print("Retire them with madang key rotate --retire, once nobody has a token of theirs.", file=sys.stderr)
