"""Hello: who is speaking, and what the server is. Refresh: that they may go on speaking. Profile: how they are shown."""

from collections.abc import Awaitable, Callable

from msgspec import UNSET, UnsetType

from madang.core.fields import exactly_one
from madang.errors import Refused
from madang.protocol.native import commands as c
from madang.protocol.native.answers import Answer, HelloAnswer, ProfileAnswer, RefreshAnswer, UserInfo
from madang.services.identity import Unfetched
from madang.services.tokens import Access
from madang.transports.native.session import Session
from madang.transports.offers import server_info


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


async def welcome(session: Session, m: c.Hello) -> HelloAnswer:
    """Open the session for a user where something had to be awaited before: what `hello` does, in the work of a command."""
    exactly_one(guest=m.guest, token=m.token, ticket=m.ticket)
    identity, address, now = session.node.identity, session.socket.address, session.node.now()
    if m.guest is not None:
        access = identity.guest(m.guest, address, now)
    elif m.token is not None:
        access = await identity.shown_later(m.token, now, address)
    else:
        access = await identity.shown_ticket(m.ticket or "", address)
    return _welcome(session, access)


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
    user = UserInfo(id=access.user.id, name=access.user.name)
    return HelloAnswer(user=user, token=_kept(access), server=server_info(node, access.user))
