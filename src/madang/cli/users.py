"""`madang user`: accounts and the sessions of their users, and the deletion of any user; while the server runs or not."""

import json
import sys
from typing import Annotated, Any
from urllib.parse import quote

import typer

from madang.cli.options import Config, Data, Database, settings_of

app = typer.Typer(no_args_is_help=True, help="Create and list accounts, let passwords be set, sign out, delete users.")
_Login = Annotated[str, typer.Argument(help="What the user signs in by.", show_default=False)]


@app.callback()
def _users() -> None:
    """Create and list accounts, let passwords be set, sign out, delete users."""


@app.command("create")
def create_user(
    login: _Login,
    name: Annotated[str, typer.Option(help="The name that others see; the login if left out.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="Their token opens the admin listener, too.")] = False,
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Make an account, and print the code by which its user sets a password."""
    from madang.cli.admin_client import ask

    settings = settings_of(config, data=data, database=database)
    made = ask(settings, "POST", "/accounts", {"login": login, "name": name, "admin": admin})
    print(made["code"])
    print(f"{made['login']} is the user {made['user']}. {_how(made)}", file=sys.stderr)


@app.command("list")
def list_users(data: Data = None, database: Database = None, config: Config = None) -> None:
    """List the accounts: login, user, when it was made, name."""
    from madang.cli.admin_client import walk

    def take(page: dict[str, Any]) -> str:
        for one in page["accounts"]:
            notes = [
                note for note, there in (("admin", one.get("admin")), ("no password", not one.get("password"))) if there
            ]
            more = f"  ({', '.join(notes)})" if notes else ""
            print(f"{one['login']:<24} {one['user']}  {one['at'][:10]}  {one['name']}{more}")
        return page["accounts"][-1]["login"] if page["more"] else ""

    walk(settings_of(config, data=data, database=database), "/accounts?limit=200", take)


@app.command("password")
def give_code(login: _Login, data: Data = None, database: Database = None, config: Config = None) -> None:
    """Print a code by which the user of an account sets another password. Until they do, the present one holds."""
    made = _ask(login, "/code", "POST", data=data, database=database, config=config)
    print(made["code"])
    print(_how(made), file=sys.stderr)


@app.command("sessions")
def sessions(
    login: _Login,
    end: Annotated[str, typer.Option(help="End this one.", show_default=False)] = "",
    end_all: Annotated[bool, typer.Option("--end-all", help="End all of them.")] = False,
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """List what the user of an account is signed in to, or end one, or all: those connections close at once."""
    where: dict[str, Any] = {"data": data, "database": database, "config": config}
    if end or end_all:
        _ask(login, "/sessions" if end_all else f"/sessions/{quote(end, safe='')}", "DELETE", **where)
        print(f"{login} is signed out{' everywhere' if end_all else f' of {end}'}.")
        return
    for one in _ask(login, "/sessions", "GET", **where)["sessions"]:
        print(f"{one['id']}  since {one['at'][:16]}  last seen {one['seen_at'][:16]}")


@app.command("export")
def export_user(
    id: Annotated[
        str,
        typer.Argument(help="The user's id, as `madang user list` and `madang room show` show it.", show_default=False),
    ],
    after: Annotated[str, typer.Option(help="Go on where an export was broken off.", show_default=False)] = "",
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Print what a user said in all rooms, a message a line, as JSON: with their room, and as they stand now."""
    from madang.cli.admin_client import walk

    count = 0

    def take(page: dict[str, Any]) -> str:
        nonlocal after, count
        for message in page["messages"]:
            print(json.dumps(message, ensure_ascii=False))
        count += len(page["messages"])
        after = page.get("next", "")
        return after

    try:
        settings = settings_of(config, data=data, database=database)
        walk(settings, f"/users/{quote(id, safe='')}/export?limit=200", take, after)
    except BaseException:
        if after:
            print(f"{count} messages are exported. Go on with --after {after}", file=sys.stderr)
        raise
    print(f"{count} messages.", file=sys.stderr)


@app.command("reset")
def reset_user(
    id: Annotated[str, typer.Argument(help="The user's id.", show_default=False)],
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Take a user's name and picture away, because nobody shall be shown them. They may choose others."""
    from madang.cli.admin_client import ask_about

    ask_about(settings_of(config, data=data, database=database), "DELETE", "user", id, "/profile")
    print(f"{id} has no name and picture of their own any more.")


@app.command("delete")
def delete_user(
    id: Annotated[
        str,
        typer.Argument(help="The user's id, as `madang user list` and `madang room show` show it.", show_default=False),
    ],
    anonymise: Annotated[
        bool, typer.Option("--anonymise", help="Remove their name and picture from what they did.")
    ] = False,
    erase: Annotated[bool, typer.Option("--erase", help="Remove what they said, too, from all rooms.")] = False,
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Delete a user: they can do nothing any more, and are a member of no room. What they said stays, unless you say otherwise."""
    from madang.cli.admin_client import ask_about

    said = "erase" if erase else "anonymise" if anonymise else "keep"
    ask_about(settings_of(config, data=data, database=database), "DELETE", "user", id, f"?said={said}")
    print(f"{id} is deleted: their token means nothing any more, and they are a member of no room.")
    if said != "keep":
        print(
            f"A running server goes through all rooms: `madang user erasure {id}` says how far it is.", file=sys.stderr
        )


@app.command("erasure")
def erasure(
    id: Annotated[
        str, typer.Argument(help="The user's id; without it, all of them are listed.", show_default=False)
    ] = "",
    data: Data = None,
    database: Database = None,
    config: Config = None,
) -> None:
    """Show how far what deleted users said is erased, or their names: user, how, state, rooms and events."""
    from madang.cli.admin_client import ask_about, walk

    settings = settings_of(config, data=data, database=database)

    def take(page: dict[str, Any]) -> str:
        for one in page["erasures"]:
            done = one["done_at"]
            state = f"done {done[:16]}" if done else f"standing since {one['asked_at'][:16]}"
            print(f"{one['user']:<24} {one['said']:<9}  {state}  rooms {one['rooms']}  events {one['events']}")
        return page["erasures"][-1]["user"] if page["more"] else ""

    if id:
        take({"erasures": [ask_about(settings, "GET", "user", id, "/erasure")], "more": False})
    else:
        walk(settings, "/erasures?limit=200", take)


def _ask(login: str, path: str, method: str, **where: Any) -> Any:
    from madang.cli.admin_client import ask

    return ask(settings_of(where.pop("config"), **where), method, f"/accounts/{quote(login, safe='')}{path}")


def _how(made: dict[str, Any]) -> str:
    minutes = made["expires_ms"] // 60_000
    return (
        f"With this code they set their password, once, within {minutes} minutes: "
        'PUT /api/me/password {"login", "code", "password"}.'
    )
