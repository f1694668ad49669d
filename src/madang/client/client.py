"""`connect`, and the Client it returns: the application's side of one connection that is kept up."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from random import random as random_fraction
from types import TracebackType
from typing import Literal, Self

from madang.client.answers import Appended, Found, Membership, MembershipPage, Sent
from madang.client.credentials import Credentials
from madang.client.cursor import WAITING_EVENTS
from madang.client.errors import Disconnected
from madang.client.feed import Feed
from madang.client.link import Link, State
from madang.client.moderation import PAGE
from madang.client.paging import walked
from madang.client.papers import Papers
from madang.client.pending import Pending
from madang.client.room import Cids, Room
from madang.client.sockets import Clock, Opener, SystemClock, open_websocket
from madang.client.watch import Watch
from madang.protocol.native import commands as c
from madang.protocol.native.answers import DirectAnswer, ProfileAnswer, ServerInfo, UserInfo

TIMEOUT_S = 10.0


def connect(
    url: str,
    *,
    guest: str | None = None,
    token: str | None = None,
    get_token: Callable[[], Awaitable[str]] | None = None,
    get_ticket: Callable[[], Awaitable[str]] | None = None,
    timeout: float = TIMEOUT_S,
    on_state: Callable[[State], None] | None = None,
    waiting_events: int = WAITING_EVENTS,
    in_flight: int | None = None,
    opener: Opener = open_websocket,
    clock: Clock | None = None,
    random: Callable[[], float] = random_fraction,
) -> "Client":
    """Return a client to enter, which connects to a server.

    As in `async with connect("ws://127.0.0.1:8400/ws", guest="Mina") as client:`.

    Exactly one of `guest` (a name; makes a new user), `token`, `get_token` (asked again when a token has expired) and
    `get_ticket` (asked for a new ticket before each connection, as one is used once).

    Args:
        timeout: seconds that the first connection may take, retries included; infinity never gives up.
            Later ones are tried until one succeeds.
        on_state: told of every change of `Client.state`.
        waiting_events: events per room that wait for the application; what comes beyond them is read again from the
            server's log when there is room.
        in_flight: writes per room on their way at once: as many as the server says keep their order, or your own number.
            With more, one that is told to wait may be overtaken by those on their way already.
        opener, clock, random: the network, time and chance, for tests.
    """
    pending = Pending(random, in_flight)
    link = Link(
        url,
        Credentials(guest, token, get_token, get_ticket),
        pending,
        opener=opener,
        clock=clock or SystemClock(),
        random=random,
        on_state=on_state,
    )
    return Client(link, pending, clock or SystemClock(), timeout, waiting_events)


class Client:
    """One user's connection to one server, which is kept up until the block is left."""

    def __init__(self, link: Link, pending: Pending, clock: Clock, timeout: float, waiting_events: int) -> None:
        self._link = link
        self._pending = pending
        self._clock = clock
        self._timeout = timeout
        self._waiting_events = waiting_events
        self._papers = Papers(pending, clock)
        self._cids = Cids(secrets.token_hex(8))
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            Refused: the server does not take this name or token.
            Disconnected: it was not reached in time, or wants no such connection.
        """
        self._running = asyncio.create_task(self._link.run())
        try:
            await self._clock.wait(self._link.settled, self._timeout)
        except BaseException:
            await self.close()
            raise
        if self._link.settled.is_set() and self._pending.over is None:
            return self
        reason = self._pending.over or Disconnected(
            f"Not reached within {self._timeout:g} s: {self._link.trouble or 'no answer'}"
        )
        await self.close()
        raise reason

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the conversation. Iterations end; what still waits for an answer raises Disconnected."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})
            if not self._running.cancelled():
                self._running.result()  # a fault of the client itself is not kept quiet

    @property
    def state(self) -> State:
        """The state of the connection."""
        return self._link.state

    @property
    def trouble(self) -> str:
        """Why it is not live; empty while it is."""
        return self._link.trouble

    @property
    def user(self) -> UserInfo:
        """The user of this client."""
        return self._link.user

    @property
    def token(self) -> str:
        """The newest token: keep it to come back as the same user. Empty where `get_ticket` is asked instead."""
        return self._link.token

    @property
    def server(self) -> ServerInfo:
        """What the server is, and its limits."""
        return self._link.server

    @property
    def papers(self) -> Papers:
        """The papers of rooms: documents that many write at once."""
        return self._papers

    async def join(
        self,
        room: str,
        *,
        limit: int = 50,
        invite: str | None = None,
        since: int | None = None,
        epoch: str | None = None,
    ) -> Room:
        """Become a member if permitted, and follow the room, on every connection until the user leaves.

        Cancelling does not take it back.

        Args:
            limit: newest events wanted in `Room.recent`, 0 to 200.
            invite: what `Room.invite` gave a moderator, for the first join of a room that is not open.
            since, epoch: a position that an earlier run of the program has kept (`Room.seq`, `Room.epoch`). Iterating gives
                all events after it, or a Reset first where that cannot be done. Of a room that is joined
                already, the position is what it is.

        Raises:
            Refused: not_found, also for rooms that one may not see, and with `since` for those that one is no longer a
                member of; kicked, for some minutes; too_many.
        """
        if (since is None) != (epoch is None):
            raise ValueError("since and epoch make a position only together")
        if self._pending.over is not None:
            raise self._pending.over
        feed = self._pending.feeds.get(room)
        if feed is None:
            position = None if since is None or epoch is None else (since, epoch)
            feed = Feed(room, limit, self._waiting_events, invite, position)
            self._pending.follow(feed)
        await asyncio.shield(feed.ready)
        return Room(feed, self._pending, self._cids)

    async def profile(self) -> UserInfo:
        """Return the user with their profile as it is now: name, picture and locale."""
        return await self.change_profile()

    async def change_profile(
        self, *, name: str | None = None, picture: str | None = None, locale: str | None = None
    ) -> UserInfo:
        """Change what is given of the user's profile, "" for no picture or locale; return the user. Their rooms hear it.

        Raises:
            Refused: bad_name, bad_field, forbidden (the name comes from whoever signs the user in), quota.
        """
        command = c.Profile(name=name, picture=picture, locale=locale)
        return (await self._pending.call(command, ProfileAnswer)).user

    async def create(
        self, room: str | None = None, *, title: str = "", access: Literal["open", "unlisted", "invite"] = "open"
    ) -> Sent | None:
        """Create a room and own it; join it to follow it. Without an id, the server makes one: `Sent.room`.

        Raises:
            Refused: room_exists, bad_field, bad_name.
            ConnectionLost: it is there, or not: join it to see.
        """
        command = c.Create(room=room, title=title, access=access)
        return (await self._pending.call(command, Appended, again=False)).sent()

    async def direct(self, user: str, *, limit: int = 50) -> Room:
        """Join the direct room with another user, which is made if there is none.

        Args:
            limit: as of `join`.
        """
        opened = await self._pending.call(c.Direct(user=user), DirectAnswer)
        return await self.join(opened.room.id, limit=limit)

    def watch(self) -> Watch:
        """Return an iterator over the user's own rooms: first all, then each one in which something has changed.

        There is one: asked again, the same is returned. It counts what is unread in rooms that were not joined here.
        """
        if self._pending.watch is None:
            self._pending.watch = Watch(self._watched)
            if self._pending.over is not None:
                self._pending.watch.end()
        return self._pending.watch

    async def _watched(self, after: str, limit: int) -> MembershipPage:
        return await self._pending.call(c.Rooms(after=after, limit=limit, watch=True), MembershipPage)

    async def search(
        self, q: str, *, room: str | None = None, user: str | None = None, since: str | None = None,
        until: str | None = None, before: str | None = None, limit: int = 50,
    ) -> Found:  # fmt: skip
        """Search for messages in one room, or in all that the user is a member of; the newest first, at most 200.

        Args:
            q: words, all of which are in the message, phrases in double quotes, and operators such as `in:lobby`
                (docs/reference/search.md).
            user: whose messages.
            since, until: times or dates, both included.
            before: the id of the last message of the page before.

        Raises:
            Refused: bad_field; not_found for a room that the user is not a member of.
        """
        command = c.Search(q=q, room=room, user=user, since=since, until=until, before=before, limit=limit)
        return await self._pending.call(command, Found)

    def rooms(self) -> AsyncIterator[Membership]:
        """Read the user's own rooms, and what is unread in them, page after page."""

        async def ask(after: str) -> MembershipPage:
            return await self._pending.call(c.Rooms(after=after, limit=PAGE), MembershipPage)

        return walked("", ask, lambda page: page.rooms, lambda membership: membership.room)
