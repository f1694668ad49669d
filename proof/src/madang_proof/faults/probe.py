"""The probe: a guest of a fault's own, in a room of its own, who asks over REST what the fault itself wants to know.

It is no part of the load, and the history does not know of it.
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

PATIENCE_S: Final = 20.0
PAUSE_S: Final = 0.05


class Refusal(Exception):
    """The server answered with an error; `code` is the published one."""

    def __init__(self, code: str, retry_ms: int) -> None:
        super().__init__(code)
        self.code = code
        self.retry_ms = retry_ms


class Probe:
    """A guest. Nothing is asked twice but where it says so."""

    def __init__(self, server: Server, http: httpx2.AsyncClient, room: str = "") -> None:
        self.server = server
        self._http = http
        self.user = ""
        self.token = ""
        self.room = room or f"probe-{secrets.token_hex(6)}"
        self._makes = not room

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Ask once, and give the answer.

        Raises:
            Refusal: an error came.
            httpx2.HTTPError: no answer came.
        """
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = await self._http.request(method, self.server.url + path, json=body, headers=headers)
        if answer.is_error:
            error = answer.json()["error"]
            raise Refusal(error["code"], error.get("retry_ms", 0))
        return answer.json()

    async def surely(self, method: str, path: str, body: Any = None) -> Any:
        """Ask until an answer comes; again where that is what the answer asks for, and when it says.

        Raises:
            Broken: none came in PATIENCE_S, or a refusal that waiting does not mend.
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
        """Send into its room once; gives id, seq, ack, and duplicate where it is one. Raises what `ask` does."""
        return await self.ask("POST", self.messages, {"cid": cid, "text": text})

    async def surely_send(self, cid: str, text: str) -> Any:
        """Send into its room until it is acked. Raises Broken."""
        return await self.surely("POST", self.messages, {"cid": cid, "text": text})

    async def history(self) -> list[Any]:
        """Give the newest messages of its room. Raises Broken."""
        answer = await self.surely("GET", f"{self.messages}?limit=200")
        found: list[Any] = answer["messages"]
        return found

    @property
    def messages(self) -> str:
        """The path of its room's messages."""
        return f"/api/rooms/{self.room}/messages"

    async def arrive(self) -> None:
        """Become a guest, and make the room if it is its own. Raises Broken."""
        came = await self.surely("POST", "/api/guests", {"name": "Probe"})
        self.user, self.token = came["user"]["id"], came["token"]
        if self._makes:
            await self.surely("POST", "/api/rooms", {"id": self.room, "title": "Probe"})


@asynccontextmanager
async def probing(server: Server, room: str = "") -> AsyncIterator[Probe]:
    """Give a probe that has arrived. It talks to the server itself, past the proxy. Raises Broken.

    Args:
        room: of another probe, to be in it too once the probe has joined; where it is empty, it makes one of its own.
    """
    async with await asyncio.to_thread(_client) as http:
        probe = Probe(server, http, room)
        await probe.arrive()
        yield probe


def _client() -> httpx2.AsyncClient:
    return httpx2.AsyncClient(timeout=PATIENCE_S, trust_env=False)  # reads certificates, though we use none
