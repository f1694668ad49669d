"""`madang chat ROOM`: talk in a room from a terminal, or through a pipe. What happens then is `chat_session.py`'s."""

import asyncio
import getpass
import sys
from typing import Annotated, Final

import typer

URL: Final = "ws://127.0.0.1:8400/ws"
TIMEOUT_S: Final = 30.0
INTERRUPTED: Final = 130
NO_CODE: Final = 1006  # of a connection that was not opened, or broke: the server gave no reason
_NO_GUESTS_NAME: Final = ("root", "admin")  # logins that a server refuses


def chat(
    room: Annotated[str, typer.Argument(help="The room's id; an open room is created if there is none.")] = "lobby",
    url: Annotated[str, typer.Option(help="The server: ws://host:8400/ws, or the address of its page.")] = URL,
    name: Annotated[
        str | None, typer.Option(help="Your name in the room, the same user again next time; your login if left out.")
    ] = None,
    invite: Annotated[str | None, typer.Option(help="An invite, for a room that is not open.")] = None,
    timeout: Annotated[
        float,
        typer.Option(
            help="Seconds to wait for a server; once in a room, a terminal waits for good.", min=0.1, max=86_400
        ),
    ] = TIMEOUT_S,
) -> None:
    """Talk in a room from this terminal; from a pipe: send each line, and end when all are stored.

    Exit status: 0 all that was typed is stored, 1 something is not, or the server cannot be reached; 130 interrupted.
    """
    from madang.cli.chat_session import Talk
    from madang.cli.identities import Identity, state_folder
    from madang.cli.terminal import Terminal
    from madang.cli.translations import language
    from madang.client import Disconnected, printable, websocket_url
    from madang.errors import SetupError

    try:
        url = websocket_url(url)
    except ValueError:
        raise SetupError(
            f"{url!r} is not the URL of a server.", "Write ws://host:8400/ws, or wss:// behind TLS."
        ) from None
    name = name or _login_name()
    terminal = Terminal(sys.stdin, sys.stdout)
    talk = Talk(terminal, room, url, name, Identity(state_folder(), url, name), language(), invite, timeout)
    try:
        status = asyncio.run(talk.run())
    except Disconnected as over:
        print(f"madang: {url}: {printable(over.reason)}", file=sys.stderr)
        if over.code == NO_CODE:
            print("Is that the address of a Madang server? `madang serve` starts one.", file=sys.stderr)
        status = 1
    except KeyboardInterrupt:  # in a terminal as good a way to leave as any
        status = int(talk.unsent) if terminal.interactive else INTERRUPTED
    sys.exit(status)


def _login_name() -> str:
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a user that is not in passwd
        return "guest"
    return "guest" if name in _NO_GUESTS_NAME else name
