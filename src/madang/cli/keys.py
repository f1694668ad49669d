"""`madang key`: keys with which other servers act through REST, and those that sign tokens; while the server runs or not."""

import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from madang.cli import consumers
from madang.cli.options import Config, Data, Database, settings_of
from madang.core.durations import milliseconds
from madang.core.scopes import EVERYTHING, SCOPES
from madang.errors import Refused

app = typer.Typer(no_args_is_help=True, help="Create, list and drop server keys; rotate the keys that sign tokens.")
app.add_typer(consumers.app, name="consumers")


@app.command("create")
def create_key(
    label: Annotated[str, typer.Argument(help="The key's owner; its messages carry this name.", show_default=False)],
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"What it may be used for: {', '.join(SCOPES)}; again for more. By default everything."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="After what time it is worth nothing: 12h, 30d … By default it stays.")
    ] = None,
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Make a server key and print it, once: only a hash of it is kept."""
    from madang.cli.admin_client import ask

    new: dict[str, Any] = {"label": label, "scopes": scope or []}
    if expires is not None:
        try:
            new["for_ms"] = milliseconds(expires)
        except Refused as wrong:
            raise typer.BadParameter(wrong.message, param_hint="--expires") from None
    key = ask(settings_of(config, data=data, database=database), "POST", "/keys", new)
    print(key["key"])
    scopes = key.get("scopes", EVERYTHING)
    what = "acts as an owner in every room" if scopes == EVERYTHING else f"is for {scopes.replace(' ', ', ')}"
    until = f", until {_day(key['expires_at'])}" if "expires_at" in key else ""
    print(f"Keep it as a password: it {what}{until}. It is not shown again.", file=sys.stderr)


@app.command("list")
def list_keys(data: Data = None, database: Database = None, config: Config = None) -> None:
    """List the server keys, without their secrets."""
    from madang.cli.admin_client import ask

    for key in ask(settings_of(config, data=data, database=database), "GET", "/keys")["keys"]:
        print(f"{key['id']}  {_day(key['created_at'])}  {key['label']}{_limits(key)}")


def _limits(key: dict[str, Any]) -> str:
    """Return what a key is limited to, in brackets; nothing where it is not."""
    limits = [key["scopes"].replace(" ", ", ")] if key.get("scopes", EVERYTHING) != EVERYTHING else []
    if "expires_at" in key:
        limits.append(f"until {_day(key['expires_at'])}")
    return f"  ({'; '.join(limits)})" if limits else ""


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"


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
