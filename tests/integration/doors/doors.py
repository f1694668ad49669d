"""The doors of a node, each behind one adapter: who comes in, does an operation, and is told how it ended.

A new door brings a class like those below and a line in DOORS; the table of operations is run through it as it is.
"""

import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Protocol
from urllib.parse import quote

from websockets.asyncio.client import ClientConnection, connect

from madang.protocol.native.commands import COMMANDS
from tests.http import http_client
from tests.rest import Rest, described
from tests.socketio import Socket, visitor
from tests.streams import Reader
from tests.waiting import PATIENCE_S

Fields = dict[str, Any]


@dataclass
class Outcome:
    """How an operation ended: a code if it was refused, else what the answer says."""

    code: str | None = None
    fields: Fields = field(default_factory=dict)


class Visitor(Protocol):
    """Somebody in front of a door."""

    async def do(self, op: str, room: str, /, **arguments: Any) -> Outcome:
        """Do an operation in a room."""


class Door(Protocol):
    """A door of a node.

    Attributes:
        operations: what it offers, by the names of the table.
        stranger: the code by which it refuses who has no membership. A connection knows what it follows; a request does
            not, and must not tell a hidden room from a missing one.
    """

    operations: Collection[str]
    stranger: str

    def open(self, url: str, token: str, rooms: Collection[str]) -> Any:
        """Bring a user in, who follows some rooms where a door has such a thing. An async context of a Visitor."""


# -- /ws ---------------------------------------------------------------------------------------------------------------


ROOMLESS: Final = ("hello", "refresh", "profile", "ping", "rooms")


class NativeVisitor:
    """A WebSocket. `heard` has every frame that was not an answer."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = count(1)
        self.heard: list[Fields] = []

    async def next(self) -> Fields:
        """Return the next frame."""
        frame: Fields = json.loads(await self._socket.recv())
        return frame

    async def ask(self, op: str, **fields: Any) -> Fields:
        """Send a command and return its answer."""
        n = next(self._numbers)
        await self._socket.send(json.dumps({"op": op, "n": n, **fields}))
        while (frame := await self.next()).get("n") != n:
            self.heard.append(frame)
        return frame

    async def hear_until(self, last: Callable[[Fields], bool]) -> list[Fields]:
        """Return all frames that were not answers, up to the one that is the last."""
        while not any(last(frame) for frame in self.heard):
            self.heard.append(await self.next())
        heard, self.heard = self.heard, []
        return heard

    async def do(self, op: str, room: str, /, **arguments: Any) -> Outcome:
        if op == "guest":
            return _outcome(await self.ask("hello", guest=arguments["name"]), op)
        fields = arguments if op in ROOMLESS else {"room": room, **arguments}
        return _outcome(await self.ask(op, **fields), op)


def _outcome(answer: Fields, op: str) -> Outcome:
    if answer["op"] == "error":
        return Outcome(answer["code"])
    return _shown(op, {name: value for name, value in answer.items() if name not in ("op", "n")})


def _shown(op: str, fields: Fields) -> Outcome:
    if op == "join":
        fields = {"role": fields["role"]}
    elif op == "direct":
        fields = fields["room"]
    elif op in ("paper", "createpaper", "changepaper", "finish", "reopen", "deletepaper"):
        fields = fields["paper"]
    elif op in ("createversion", "deleteversion"):
        fields = fields["version"]
    elif op == "guest":
        fields = {"user": {"name": fields["user"]["name"]}}
    return Outcome(None, fields)


class Native:
    """The WebSocket."""

    operations: Collection[str] = frozenset({*COMMANDS, "guest"})
    stranger = "not_member"

    @asynccontextmanager
    async def open(self, url: str, token: str, rooms: Collection[str]) -> AsyncIterator[NativeVisitor]:
        async with connect(url.replace("http", "ws", 1) + "/ws", proxy=None, open_timeout=PATIENCE_S) as socket:
            visitor = NativeVisitor(socket)
            if token:
                assert (await visitor.ask("hello", token=token))["op"] == "ok"
            for room in rooms:
                assert (await visitor.ask("join", room=room, limit=0))["op"] == "ok"
            yield visitor


# -- /socket.io/ -------------------------------------------------------------------------------------------------------


class SocketIoVisitor:
    """A Socket.IO client over a WebSocket."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    async def do(self, op: str, room: str, /, **arguments: Any) -> Outcome:
        if op == "guest":
            said = await self._socket.connect(guest=arguments["name"])
            if "data" in said:
                return Outcome(said["data"]["code"])
            _, hello, _ = await self._socket.named("hello")
            return Outcome(None, {"user": {"name": hello["user"]["name"]}})
        fields = arguments if op in ROOMLESS else {"room": room, **arguments}
        answer = await self._socket.ask(op, fields)
        if "error" in answer:
            return Outcome(answer["error"]["code"])
        return _shown(op, answer)


class OverSocketIo:
    """Socket.IO."""

    operations: Collection[str] = frozenset({*COMMANDS, "guest"}) - {"hello"}
    stranger = "not_member"

    @asynccontextmanager
    async def open(self, url: str, token: str, rooms: Collection[str]) -> AsyncIterator[SocketIoVisitor]:
        async with visitor(url, **({"token": token} if token else {})) as socket:
            for room in rooms:
                assert "error" not in await socket.ask("join", {"room": room, "limit": 0})
            yield SocketIoVisitor(socket)


# -- REST --------------------------------------------------------------------------------------------------------------

ROOM: Final = "/api/rooms/{room}"
PAPER: Final = "/api/papers/{paper}"
ROUTES: Final = {
    "guest": ("POST", "/api/guests"),
    "ticket": ("POST", "/api/tickets"),
    "sign_up": ("POST", "/api/accounts"),
    "sign_in": ("POST", "/api/sessions"),
    "sessions": ("GET", "/api/sessions"),
    "end_session": ("DELETE", "/api/sessions/{session}"),
    "password": ("PUT", "/api/me/password"),
    "me": ("GET", "/api/me"),
    "profile": ("PATCH", "/api/me"),
    "delete_me": ("DELETE", "/api/me"),
    "rooms": ("GET", "/api/me/rooms"),
    "search": ("GET", "/api/search"),
    "export": ("GET", "/api/me/export"),
    "open_rooms": ("GET", "/api/rooms"),
    "create": ("POST", "/api/rooms"),
    "direct": ("PUT", "/api/direct/{user}"),
    "room": ("GET", ROOM),
    "title": ("GET", ROOM + "/title"),
    "change": ("PATCH", ROOM),
    "delete_room": ("DELETE", ROOM),
    "server": ("GET", "/api/server"),
    "reactors": ("GET", ROOM + "/messages/{seq}/reactions/{emoji}"),
    "members": ("GET", ROOM + "/members"),
    "members_of_rooms": ("POST", "/api/members/query"),
    "presence": ("GET", ROOM + "/presence"),
    "presence_of_rooms": ("POST", "/api/presence/query"),
    "join": ("PUT", ROOM + "/members/me"),
    "leave": ("DELETE", ROOM + "/members/me"),
    "kick": ("DELETE", ROOM + "/members/{user}"),
    "role": ("PATCH", ROOM + "/members/{user}"),
    "add": ("PUT", ROOM + "/members/{user}"),
    "add_many": ("PUT", "/api/members"),
    "publish": ("POST", "/api/publish"),
    "put_user": ("PUT", "/api/users/{user}"),
    "put_users": ("PUT", "/api/users"),
    "delete_user": ("DELETE", "/api/users/{user}"),
    "erasure": ("GET", "/api/users/{user}/erasure"),
    "reset_user": ("DELETE", "/api/users/{user}/profile"),
    "token": ("POST", "/api/users/{user}/tokens"),
    "disconnect": ("POST", "/api/users/{user}/disconnect"),
    "ban": ("PUT", ROOM + "/bans/{user}"),
    "unban": ("DELETE", ROOM + "/bans/{user}"),
    "bans": ("GET", ROOM + "/bans"),
    "mute": ("PUT", ROOM + "/mutes/{user}"),
    "unmute": ("DELETE", ROOM + "/mutes/{user}"),
    "mutes": ("GET", ROOM + "/mutes"),
    "audit": ("GET", ROOM + "/audit"),
    "words": ("GET", ROOM + "/words"),
    "setwords": ("PUT", ROOM + "/words"),
    "report": ("POST", ROOM + "/reports"),
    "reports": ("GET", ROOM + "/reports"),
    "resolve": ("DELETE", ROOM + "/reports/{seq}"),
    "invite": ("POST", ROOM + "/invites"),
    "invites": ("GET", ROOM + "/invites"),
    "revoke": ("DELETE", ROOM + "/invites/{invite}"),
    "papers": ("GET", ROOM + "/papers"),
    "createpaper": ("POST", ROOM + "/papers"),
    "paper": ("GET", PAPER),
    "paper_content": ("GET", PAPER + "/content"),
    "changepaper": ("PATCH", PAPER),
    "finish": ("POST", PAPER + "/finish"),
    "reopen": ("POST", PAPER + "/reopen"),
    "deletepaper": ("DELETE", PAPER),
    "versions": ("GET", PAPER + "/versions"),
    "createversion": ("POST", PAPER + "/versions"),
    "version_content": ("GET", PAPER + "/versions/{version}/content"),
    "restore": ("POST", PAPER + "/versions/{version}/restore"),
    "deleteversion": ("DELETE", PAPER + "/versions/{version}"),
    "read": ("PUT", ROOM + "/read"),
    "events": ("GET", ROOM + "/events"),
    "all_events": ("GET", "/api/events"),
    "consumers": ("GET", "/api/consumers"),
    "put_consumer": ("PUT", "/api/consumers/{name}"),
    "drop_consumer": ("DELETE", "/api/consumers/{name}"),
    "acks": ("POST", "/api/consumers/{name}/acks"),
    "history": ("GET", ROOM + "/messages"),
    "send": ("POST", ROOM + "/messages"),
    "edit": ("PATCH", ROOM + "/messages/{seq}"),
    "delete": ("DELETE", ROOM + "/messages/{seq}"),
    "react": ("PUT", ROOM + "/messages/{seq}/reactions/{emoji}"),
    "unreact": ("DELETE", ROOM + "/messages/{seq}/reactions/{emoji}"),
    "pins": ("GET", ROOM + "/pins"),
    "pin": ("PUT", ROOM + "/pins/{seq}"),
    "unpin": ("DELETE", ROOM + "/pins/{seq}"),
}
"""Every route under /api; "unreact" and "unpin" are "react" and "pin" with `on` false."""


class RestVisitor:
    """A client of REST."""

    def __init__(self, client: Rest) -> None:
        self._client = client

    async def do(self, op: str, room: str, /, **arguments: Any) -> Outcome:
        on = arguments.pop("on", True)
        method, path = ROUTES[op if on else f"un{op}"]
        if op == "create":
            arguments["id"] = room
        if op == "createpaper" and "paper" in arguments:
            arguments["id"] = arguments.pop("paper")
        places = {"room": room} | {
            name: arguments.pop(name)
            for name in ("user", "seq", "emoji", "invite", "session", "paper", "version", "name")
            if "{" + name + "}" in path
        }
        path = path.format(**{name: quote(str(value), safe="") for name, value in places.items()})
        if op == "events":
            return await self._stream(path, arguments)
        if method == "GET":
            response = await self._client.call(method, path, params=arguments)
        else:
            response = await self._client.call(
                method,
                path,
                None if method == "DELETE" or (not arguments and op not in ("change", "profile")) else arguments,
            )
        body: Fields = response.json()
        if response.is_error:
            return Outcome(body["error"]["code"])
        if op == "join":
            body = {"role": body["role"]}
        elif op in ("guest", "sign_up"):
            body = {"user": {"name": body["user"]["name"]}}
        return Outcome(None, body)

    async def _stream(self, path: str, query: Fields) -> Outcome:
        """Read a stream up to its first event, or how it was refused."""
        headers = {"Authorization": f"Bearer {self._client.token}"}
        async with self._client.http.stream("GET", path, params=query, headers=headers) as response:
            if response.is_error:
                return Outcome(json.loads(await response.aread())["error"]["code"])
            async for first in Reader(response):
                return Outcome(None, {"event": first.name, **first.data})
        raise AssertionError("the stream ended before its first event")


class OverRest:
    """REST."""

    operations: Collection[str] = frozenset(ROUTES) - {"unreact", "unpin"}
    stranger = "not_found"

    @asynccontextmanager
    async def open(self, url: str, token: str, rooms: Collection[str]) -> AsyncIterator[RestVisitor]:
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(http_client(url))
            yield RestVisitor(Rest(http, await described(http), token))


DOORS: Final[dict[str, Door]] = {"native": Native(), "socketio": OverSocketIo(), "rest": OverRest()}
