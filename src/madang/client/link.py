"""The link: keeps one conversation going over as many connections as it takes.

Decides, by the tables of `madang.codes`, when to connect again and when to give up. What is said on a connection is
`conversation.py`'s, what is still to be said `pending.py`'s; sockets and time come in (`sockets.py`).
"""

import asyncio
import logging
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from madang.client.answers import Refreshed
from madang.client.backoff import STEADY_S, Backoff, reconnect_after
from madang.client.conversation import Conversation, NotWelcome
from madang.client.credentials import Credentials
from madang.client.errors import Disconnected
from madang.client.frames import refusal
from madang.client.pending import Pending, what_then
from madang.client.sockets import Clock, Closed, NotOpened, Opener
from madang.errors import Refused, plain_reason
from madang.protocol.native.answers import HelloAnswer, ServerInfo, UserInfo

logger = logging.getLogger("madang.client")

REFRESH_S: Final = 7 * 24 * 3600.0  # a token has at least 15 days left when hello has been answered


class State(StrEnum):
    """The state of the conversation."""

    CONNECTING = "connecting"  # a socket is being opened, or hello has no answer yet
    LIVE = "live"
    WAITING = "waiting"  # for the time to try again
    CLOSED = "closed"  # for good


class Link:
    """The sequence of connections. One `run` per link."""

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        pending: Pending,
        *,
        opener: Opener,
        clock: Clock,
        random: Callable[[], float],
        on_state: Callable[[State], None] | None,
    ) -> None:
        self.state = State.WAITING
        self.user = UserInfo(id="", name="")
        self.server = ServerInfo()
        self.trouble = ""  # why the last connection ended, or did not begin
        self.settled = asyncio.Event()  # live for the first time, or over
        self._url = url
        self._credentials = credentials
        self._pending = pending
        self._opener = opener
        self._clock = clock
        self._random = random
        self._backoff = Backoff(random)
        self._on_state = on_state

    @property
    def token(self) -> str:
        """The newest token; empty before the first hello is answered."""
        return self._credentials.token or ""

    async def run(self) -> None:
        """Connect, talk, come back. Ends when there is nothing to come back to; cancel it to close."""
        reason: Exception = Disconnected("closed", 1000)
        closed = False
        try:
            while True:
                self._enter(State.CONNECTING)
                wait_s = await self._connection()
                self._enter(State.WAITING)
                logger.debug("%s; next try in %.1f s", self.trouble, wait_s)
                await self._clock.wait(asyncio.Event(), wait_s)
        except asyncio.CancelledError:
            closed = True
            raise
        except (Disconnected, Refused) as final:
            reason = final
        except Exception as bug:
            reason = Disconnected(f"The client failed: {bug!r}")
            raise
        finally:
            self._pending.end(reason, closed=closed)
            self._enter(State.CLOSED)
            self.settled.set()

    async def _connection(self) -> float:
        """Hold one connection from its opening to its end; return the seconds until the next.

        Raises:
            Disconnected, Refused: there is to be no next.
        """
        try:
            hello = await self._credentials.hello()
        except Exception as error:  # the application's own, mostly a server of its own that is away
            logger.warning("no token or ticket: %r", error)
            self.trouble = f"no token or ticket: {error!r}"
            return self._backoff.delay()
        try:
            socket = await self._opener(self._url)
        except NotOpened as refused:
            self.trouble = refused.reason
            if refused.never:
                raise Disconnected(refused.reason) from None
            return self._backoff.delay() + (refused.retry_s or 0.0)
        except TimeoutError:
            self.trouble = "no answer"
            return self._backoff.delay()
        except OSError as error:
            self.trouble = plain_reason(error)
            return self._backoff.delay()
        began = self._clock.now()
        conversation = Conversation(socket, self._clock, self._pending, self._welcome)
        keeping = asyncio.create_task(self._keep_token(conversation.expiring))
        try:
            await conversation.run(hello)
        except NotWelcome as refused:
            self.trouble = str(refused)
            return self._not_welcome(refused)
        except Closed as closed:
            self.trouble = closed.reason or f"the connection was closed ({closed.code})"
            if self._clock.now() - began >= STEADY_S:
                self._backoff.succeeded()
            return self._closed(closed, conversation.bye_s)
        finally:
            keeping.cancel()
            self._pending.lost()
            await socket.close()

    async def _keep_token(self, expiring: asyncio.Event) -> None:
        """Refresh the token while the connection lives: long before its end, which would be the connection's, or when told."""
        while True:
            await self._clock.wait(expiring, REFRESH_S)
            expiring.clear()
            try:
                refreshed = await self._pending.call(await self._credentials.refresh(), Refreshed)
            except (
                Exception
            ) as error:  # of the server, or of the application's own, which is asked again when it is over
                logger.warning("token not refreshed: %r", error)
            else:
                self._credentials.keep(refreshed.token)

    def _welcome(self, welcome: HelloAnswer) -> None:
        self.user, self.server = welcome.user, welcome.server
        self._credentials.keep(welcome.token)
        self.trouble = ""
        self._enter(State.LIVE)
        self.settled.set()

    def _closed(self, closed: Closed, bye_s: float | None) -> float:
        """Judge the end of a connection: seconds until the next, or Disconnected."""
        verdict = reconnect_after(closed.code)
        if verdict == "never" and not (closed.code == 4401 and self._credentials.renew()):
            raise Disconnected(f"The server closed the connection: {closed.reason or closed}", closed.code)
        if bye_s is not None:
            return self._random() * bye_s
        return self._backoff.later() if verdict == "later" else self._backoff.delay()

    def _not_welcome(self, refused: NotWelcome) -> float:
        """Judge a refused hello: seconds until the next, or the refusal."""
        error = refused.error
        if what_then(error) == "tell" and not (error.code == "bad_token" and self._credentials.renew()):
            raise refusal(error)
        return (error.retry_ms or 0) / 1000 + self._backoff.delay()

    def _enter(self, state: State) -> None:
        if state is self.state:
            return
        self.state = state
        if self._on_state is not None:
            try:
                self._on_state(state)
            except Exception:
                logger.exception("on_state failed")
