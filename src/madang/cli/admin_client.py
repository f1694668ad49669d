"""The admin listener as the command line calls it; a file in the data folder says where it is.

When no server runs there, a node is started for as long as the question takes, so there is one way to ask. The file
holds the listener's address and its secret, and only its owner may read it.
"""

import asyncio
import ipaddress
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from madang.cli.host import write_private
from madang.errors import InUse, MadangError, SetupError, plain_reason

if TYPE_CHECKING:
    from madang.config import Settings
    from madang.node.run import RunningNode

T = TypeVar("T")
NOTE: Final = "admin.json"
ANSWER_SECONDS: Final = 15.0
LOOK_SECONDS: Final = 0.3


class AdminClient:
    """An admin listener."""

    def __init__(self, host: str, port: int, secret: str) -> None:
        self._host = host
        self.port = port
        self._secret = secret

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask, and give the answer's JSON, None for none.

        Raises:
            MadangError: what the server says is wrong.
            OSError: nobody answers.
        """
        return await asyncio.to_thread(self._ask, method, path, body)

    def _ask(self, method: str, path: str, body: Any) -> Any:
        connection = HTTPConnection(self._host, self.port, timeout=ANSWER_SECONDS)
        try:
            text = None if body is None else json.dumps(body)
            headers = {"Authorization": f"Bearer {self._secret}", "Content-Type": "application/json"}
            connection.request(method, path, text, headers)
            response = connection.getresponse()
            answer = response.read()
        except HTTPException as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()
        if response.status >= 400:
            problem = json.loads(answer)["error"]
            raise MadangError(problem["code"], problem["message"])
        return json.loads(answer) if answer else None


@contextmanager
def announced(settings: "Settings", running: "RunningNode") -> Iterator[None]:
    """Leave the note for as long as the block lasts."""
    note = settings.data / NOTE
    place = {
        "host": reachable(settings.admin_host), "port": running.admin_port, "secret": running.node.admin_secret,
        "folder": _identity(settings.data),
    }  # fmt: skip
    write_private(note, json.dumps(place))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def reachable(host: str) -> str:
    """Return an address at which a listener of this machine is reached, also where it listens on all interfaces."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return host if not address.is_unspecified else "::1" if address.version == 6 else "127.0.0.1"


def _identity(folder: Path) -> list[int]:
    """Return what tells a folder from a copy of it, under whatever name it is reached."""
    found = folder.stat()
    return [found.st_dev, found.st_ino]


def _noted(data: Path) -> dict[str, Any] | None:
    """Return what the note in a data folder says, None where there is none that can be read."""
    try:
        place = json.loads((data / NOTE).read_text())
    except (OSError, ValueError):
        return None
    return place if isinstance(place, dict) else None


def is_copied(data: Path) -> bool:
    """Return whether the note in a data folder came there with a copy of another: it leads to that folder's server."""
    return (place := _noted(data)) is not None and place.get("folder") != _identity(data)


async def running(data: Path) -> AdminClient | None:
    """Return an admin client of the server that runs on a data folder; None when none does.

    The note of a copied folder is not followed: a command for the copy would be carried out by the server of the original.
    """
    place = await asyncio.to_thread(_noted, data)
    if place is None or await asyncio.to_thread(is_copied, data):
        return None
    try:
        admin = AdminClient(place["host"], place["port"], place["secret"])
        await admin.ask("GET", "/keys")
    except (OSError, ValueError, KeyError, TypeError, MadangError):
        return None  # the note of a server that was killed
    return admin


@asynccontextmanager
async def open_admin(settings: "Settings") -> AsyncIterator[AdminClient]:
    """Return an admin client: the running server's, or else one of our own.

    Raises:
        SetupError: there is no database. Only `madang serve` makes one: a command in the wrong folder would have made one
            that no server uses.
    """
    if (admin := await running(settings.data)) is not None:
        yield admin
        return
    from madang import logs
    from madang.adapters.sql import need_database
    from madang.node.run import run_node

    logs.set_up("warning", settings.log_format)
    await need_database(settings.database_url, bool(settings.database))
    nowhere = {"host": "127.0.0.1", "port": 0, "admin_host": "127.0.0.1", "admin_port": 0}
    async with run_node(settings.model_copy(update=nowhere)) as own:
        yield AdminClient("127.0.0.1", own.admin_port, own.node.admin_secret)


def ask_about(settings: "Settings", method: str, kind: str, id: str, more: str = "", body: Any = None) -> Any:
    """Ask about one room, user or key, or `more` of it. An operator may see all, so what is not found is not there."""
    try:
        return ask(settings, method, f"/{kind}s/{quote(id, safe='')}{more}", body)
    except MadangError as error:
        if error.code == "not_found":
            raise MadangError("not_found", f"There is no {kind} {id!r}.") from None
        raise


def walk(settings: "Settings", path: str, take: Callable[[Any], str], after: str = "") -> None:
    """Ask for page after page, from a command.

    Args:
        path: what to ask for, with a query, to which `after` is added.
        take: is given each page, and returns where to go on; "" at the end.
    """

    async def walking(admin: AdminClient) -> None:
        mark: str | None = after
        while mark is not None:
            mark = take(await admin.ask("GET", f"{path}&after={quote(mark, safe='')}")) or None

    using(settings, walking)


def ask(settings: "Settings", method: str, path: str, body: Any = None) -> Any:
    """Ask one question, from a command."""
    return using(settings, lambda admin: admin.ask(method, path, body))


def watch(settings: "Settings", method: str, path: str, again: Callable[[Any], bool]) -> Any:
    """Ask, and look again for as long as `again` returns True for what was answered; return the last answer."""

    async def watching(admin: AdminClient) -> Any:
        answer = await admin.ask(method, path)
        while again(answer):
            await asyncio.sleep(LOOK_SECONDS)
            answer = await admin.ask("GET", path)
        return answer

    return using(settings, watching)


def using(settings: "Settings", work: Callable[[AdminClient], Awaitable[T]]) -> T:
    """Ask as much as `work` does, from a command; return what it returns."""

    async def working() -> T:
        async with open_admin(settings) as admin:
            return await work(admin)

    try:
        return asyncio.run(working())
    except InUse as error:  # whoever serves it has left no note yet, or none any longer
        hint = "A server that is starting or stopping has it for itself, or another command: try again in a moment."
        raise SetupError(error.problem, hint) from None
    except OSError as error:
        raise MadangError("internal", f"The server did not answer: {plain_reason(error)}.") from None
