"""Hello: who is speaking, and what the server is. Refresh: that they may go on speaking. Profile: how they are shown."""

from collections.abc import Awaitable, Callable

from msgspec import UNSET, UnsetType

from madang import __version__
from madang.core.bounds import MAX_DATA, MAX_FRAME, MAX_MENTIONS
from madang.core.fields import exactly_one
from madang.delivery.catching_up import RESUME_EVENTS
from madang.errors import Refused
from madang.protocol.native import commands as c
from madang.protocol.native.frames import Answer, HelloAnswer, ProfileAnswer, RefreshAnswer, ServerInfo, UserInfo
from madang.services.identity import Unfetched
from madang.services.tokens import Access
from madang.transports.conduct import ROOM_WINDOW, WINDOW
from madang.transports.native.session import Session


def hello(session: Session, m: c.Hello) -> None:
    """Open the session for a user."""
    if session.is_open:
        raise Refused("hello_twice")
    if m.v != c.VERSION:
        raise Refused("bad_version", f"This server speaks version {c.VERSION}.")
    exactly_one(guest=m.guest, token=m.token, ticket=m.ticket)
    node, address = session.node, session.socket.address
    if m.guest is not None:
        session.answer(m.n, _welcome(session, node.identity.guest(m.guest, address, node.now())))
        return
    _show(session, m, lambda access: _welcome(session, access))


def refresh(session: Session, m: c.Refresh) -> None:
    """Let the connection live as long as another token of its user, or the one that a ticket was made with."""
    exactly_one(token=m.token, ticket=m.ticket)

    def go_on(access: Access) -> RefreshAnswer:
        access = session.node.identity.same_user(session.actor(), access)
        session.go_on_by(access)
        left_s = access.until - session.node.now()
        return RefreshAnswer(token=_kept(access), expires_ms=max(0, int(left_s * 1000)))

    _show(session, m, go_on)


def profile(session: Session, m: c.Profile) -> None:
    """Change the user's profile, where something is given, and show it."""

    async def change() -> ProfileAnswer:
        me = session.actor()
        kept = await session.node.profiles.change(me, name=m.name, picture=m.picture, locale=m.locale)
        return ProfileAnswer(user=UserInfo(id=me.id, name=kept.name, picture=kept.picture, locale=kept.locale))

    session.later(m.n, change)


def _show(session: Session, m: c.Hello | c.Refresh, then: Callable[[Access], Answer]) -> None:
    """Answer by what a token grants: at once, unless its issuer has to be asked for keys; or by a ticket, once it is noted."""
    identity, address, token = session.node.identity, session.socket.address, m.token
    if token is None:
        session.later(m.n, _then(lambda: identity.shown_ticket(m.ticket or "", address), then))
        return
    try:
        access = identity.shown(token, session.node.now(), address)
    except Unfetched:
        session.later(m.n, _then(lambda: identity.shown_later(token, session.node.now(), address), then))
    else:
        session.answer(m.n, then(access))


def _then(ask: Callable[[], Awaitable[Access]], then: Callable[[Access], Answer]) -> Callable[[], Awaitable[Answer]]:
    async def work() -> Answer:
        return then(await ask())

    return work


def _kept(access: Access) -> str | UnsetType:
    """Return the token to come back with; there is none behind a ticket."""
    return access.token or UNSET


def _welcome(session: Session, access: Access) -> HelloAnswer:
    """Open the session for a user."""
    node = session.node
    session.open(access)
    commands, appends = node.rates_told
    server = ServerInfo(
        name="madang", version=__version__, v=c.VERSION, ack=node.appender.ack, max_frame=MAX_FRAME,
        max_text=node.max_text, max_rooms=node.max_rooms, max_data=MAX_DATA, max_mentions=MAX_MENTIONS,
        resume_events=RESUME_EVENTS, ping_ms=int(node.ping_s * 1000), window=WINDOW, room_window=ROOM_WINDOW,
        command_ms=commands.each_ms, command_burst=commands.burst, append_ms=appends.each_ms, append_burst=appends.burst,
    )  # fmt: skip
    return HelloAnswer(user=UserInfo(id=access.user.id, name=access.user.name), token=_kept(access), server=server)
