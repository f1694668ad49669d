"""Calls of a search engine's HTTP API, each bounded in time. While it does not answer, most calls fail without asking it.

Nothing is asked twice here: whoever calls can do so, because every write is made so that a second one does no harm.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

import httpx2
import msgspec

from madang.adapters.opensearch.place import Place
from madang.errors import StorageFailed

T = TypeVar("T")
log = logging.getLogger("madang.search")

READ_S: Final = 3.0
"""For what a search waits for."""
WRITE_S: Final = 30.0
REST_S: Final = 3.0
"""After a call that was not answered nobody asks for so long; then one search does, and one of the calls that wait longer, and
the others go on failing until one knows."""
CONNECTIONS: Final = 16
LONGEST: Final = 300

JSON: Final = "application/json"
LINES: Final = "application/x-ndjson"


class EngineRefused(StorageFailed):
    """The engine answered, with an error.

    Attributes:
        status: of HTTP.
        kind: its name for the error, like "index_not_found_exception"; "" where it gives none.
    """

    def __init__(self, message: str, status: int, kind: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class _Problem(msgspec.Struct):
    type: str = ""
    reason: str | None = None


class _Refusal(msgspec.Struct):
    error: _Problem | str = ""


_refusal: Final = msgspec.json.Decoder(_Refusal)


class _Done(msgspec.Struct):
    pass


DONE: Final = msgspec.json.Decoder(_Done)
"""Of an answer that says nothing but that it is the engine's."""


class Engine:
    """A search engine. Methods raise StorageFailed when it does not answer, or says no (EngineRefused), or what we cannot read.

    Args:
        clock: seconds.
    """

    def __init__(self, place: Place, clock: Callable[[], float] = time.monotonic) -> None:
        self.place = place
        self.unanswered = 0
        """Calls that it did not answer, or not in time."""
        self._clock = clock
        # While it does not answer: when somebody may ask for a search, and for what takes longer
        self._asked_again: dict[bool, float] | None = None
        self._since = 0.0
        headers = {"Accept-Encoding": "identity"}
        if place.authorization:
            headers["Authorization"] = place.authorization
        self._http = httpx2.AsyncClient(
            base_url=place.base, headers=headers, verify=place.tls, trust_env=False, timeout=None,
            limits=httpx2.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        )  # fmt: skip

    @property
    def answers(self) -> bool:
        """Whether it answered the last call that it was asked."""
        return self._asked_again is None

    async def ask(
        self, answer: msgspec.json.Decoder[T], method: str, path: str, body: bytes = b"", *,
        within: float | None = None, kind: str = JSON,
    ) -> T:  # fmt: skip
        """Return the answer to a request.

        Args:
            answer: reads it.
            within: seconds for all of it; READ_S if not said.
            kind: of the body that is sent.
        """
        within = READ_S if within is None else within
        self._wait_for_others(within)
        headers = {"Content-Type": kind} if body else {}
        try:
            async with asyncio.timeout(within):
                response = await self._http.request(method, path, content=body, headers=headers)
        except TimeoutError:
            raise self._failed(f"no answer in {within:g} s") from None
        except httpx2.RequestError as error:
            raise self._failed(str(error) or type(error).__name__) from error
        if response.status_code >= 300:
            self._answered()
            raise self._refused(response.status_code, response.content)
        try:
            read = answer.decode(response.content)
        except msgspec.ValidationError as error:
            self._answered()
            raise StorageFailed(f"{self.name} answers what is not understood ({error}).") from error
        except (ValueError, RecursionError) as error:  # not the engine: a page of what is before it, say
            raise self._failed("something else does, without JSON") from error
        self._answered()
        return read

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    def _wait_for_others(self, within: float) -> None:
        if self._asked_again is None:
            return
        now, long = self._clock(), within > READ_S
        if now < self._asked_again[long]:
            raise StorageFailed(f"{self.name} does not answer.")
        self._asked_again[long] = now + within

    def _failed(self, reason: str) -> StorageFailed:
        self.unanswered += 1
        now = self._clock()
        if self._asked_again is None:
            self._since = now
            log.warning("%s does not answer (%s); searches look through the newest messages", self.name, reason)
        self._asked_again = dict.fromkeys((False, True), now + REST_S)
        return StorageFailed(f"{self.name} does not answer ({reason}).")

    def _answered(self) -> None:
        if self._asked_again is not None:
            self._asked_again = None
            log.warning("%s answers again, after %.1f s", self.name, self._clock() - self._since)

    def _refused(self, status: int, body: bytes) -> EngineRefused:
        try:
            error = _refusal.decode(body).error
        except (ValueError, RecursionError):
            error = ""
        kind, reason = ("", error) if isinstance(error, str) else (error.type, error.reason or "")
        said = f" {kind}: {reason}".rstrip(" :")[:LONGEST]
        return EngineRefused(f"{self.name} refuses: {status}{said}.", status, kind)

    @property
    def name(self) -> str:
        """What it is and where, for people."""
        return f"{self.place.product} at {self.place.where}"
