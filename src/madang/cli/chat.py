"""`madang chat ROOM`: talk in a room from a terminal, or through a pipe. What happens then is `talk.py`'s."""

import asyncio
import getpass
import sys
from typing import Annotated, Final

import typer

URL: Final = "ws://127.0.0.1:8400/ws"
_NO_GUESTS_NAME: Final = ("root", "admin")  # logins that a server refuses


def chat(
    room: Annotated[str, typer.Argument(help="The room's id; an open room is created if there is none.")] = "lobby",
    url: Annotated[str, typer.Option(help="The server's WebSocket.")] = URL,
    name: Annotated[str | None, typer.Option(help="Your name in the room; your login name if left out.")] = None,
) -> None:
    """Talk in a room from this terminal; from a pipe: send each line, and end when all are stored."""
    from madang.cli.chat_session import Talk
    from madang.cli.terminal import Terminal
    from madang.cli.translations import language
    from madang.client import Disconnected

    talk = Talk(Terminal(sys.stdin, sys.stdout), room, url, name or _login_name(), language())
    try:
        status = asyncio.run(talk.run())
    except Disconnected as over:
        hint = "" if over.code != 1006 else f"\nIs there a server at {url}? `madang serve` starts one."
        print(f"madang: {over}{hint}", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:  # as good a way to leave as any
        status = 0
    sys.exit(status)


def _login_name() -> str:
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a user that is not in passwd
        return "guest"
    return "guest" if name in _NO_GUESTS_NAME else name
