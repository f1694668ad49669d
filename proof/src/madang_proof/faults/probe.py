"""The probe: a guest of the fault, in a room of its own, that asks over REST what the fault needs to know.

It is not part of the load, and the history does not know of it.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2

from madang.codes import ERRORS
from madang_proof.faults.fault import Broken
from madang_proof.testbed.server import Server

PATIENCE_S: Final = 30.0
PAUSE_S: Final = 0.05


class Refusal(Exception):
    """The server answered with an error; `code` is the published one."""

    def __init__(self, code: str, retry_ms: int) -> None:
        super().__init__(code)
        self.code = code
        self.retry_ms = retry_ms


class Probe:
    """A guest. Requests are not repeated, except where a method says so."""

    def __init__(self, server: Server, http: httpx2.AsyncClient, room: str = "") -> None:
        self.server = server
        self._http = http
        self.user = ""
        self.token = ""
        self.room = room or f"probe-{secrets.token_hex(6)}"
        self._makes = not room

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Make a request, and return the answer.

        Raises:
            Refusal: the answer was an error.
            httpx2.HTTPError: no answer came.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = await self._http.request(method, self.server.url + path, json=body, headers=headers)
        if answer.is_error:
            error = answer.json()["error"]
            raise Refusal(error["code"], error.get("retry_ms", 0))
        return answer.json()

    async def surely(self, method: str, path: str, body: Any = None) -> Any:
        """Repeat a request until it succeeds, waiting as long as the answers ask for.

        Raises:
            Broken: it did not succeed within PATIENCE_S, or was refused for good.
        """
        problem: Exception | None = None
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    try:
                        return await self.ask(method, path, body)
                    except Refusal as refusal:
                        if not ERRORS[refusal.code].temporary:
                            raise Broken(f"{method} {path} was refused: {refusal.code}.") from None
                        problem = refusal
                        await asyncio.sleep(max(PAUSE_S, refusal.retry_ms / 1000))
                    except httpx2.HTTPError as error:
                        problem = error
                        await asyncio.sleep(PAUSE_S)
        except TimeoutError:
            raise Broken(f"{method} {path} was not answered in {PATIENCE_S:.0f} s ({problem!r}).") from None

    async def send(self, cid: str, text: str) -> Any:
        """Send a message once; return id, seq, ack, and duplicate where it is one. Raise what `ask` does."""
        return await self.ask("POST", self.messages, {"cid": cid, "text": text})

    async def surely_send(self, cid: str, text: str) -> Any:
        """Send a message until it is acked. Raise Broken."""
        return await self.surely("POST", self.messages, {"cid": cid, "text": text})

    async def history(self) -> list[Any]:
        """Return the newest messages of the room. Raise Broken."""
        answer = await self.surely("GET", f"{self.messages}?limit=200")
        found: list[Any] = answer["messages"]
        return found

    @property
    def messages(self) -> str:
        """The path of the messages of its room."""
        return f"/api/rooms/{self.room}/messages"

    async def arrive(self) -> None:
        """Become a guest, and create the room if it is the probe's own. Raise Broken."""
        came = await self.surely("POST", "/api/guests", {"name": "Probe"})
        self.user, self.token = came["user"]["id"], came["token"]
        if self._makes:
            await self.surely("POST", "/api/rooms", {"id": self.room, "title": "Probe"})


@asynccontextmanager
async def probing(server: Server, room: str = "") -> AsyncIterator[Probe]:
    """Run a probe, which talks to the server directly, past the proxy. Raise Broken.

    Args:
        room: the room of another probe, in which it will be once it has joined; if empty, it creates one of its own.
    """
    async with httpx2.AsyncClient(timeout=PATIENCE_S, trust_env=False, verify=False) as http:  # plain HTTP
        probe = Probe(server, http, room)
        await probe.arrive()
        yield probe
