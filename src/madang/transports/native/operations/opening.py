"""Hello: who is speaking, and what the server is. Refresh: that they may go on speaking."""

from collections.abc import Callable

from madang import __version__
from madang.core.bounds import MAX_DATA, MAX_FRAME, MAX_MENTIONS
from madang.core.fields import exactly_one
from madang.delivery.catching_up import RESUME_EVENTS
from madang.errors import Refused
from madang.protocol.native import commands as c
from madang.protocol.native.frames import Answer, HelloAnswer, RefreshAnswer, ServerInfo, UserInfo
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
    exactly_one(guest=m.guest, token=m.token)
    node, address = session.node, session.socket.address
    if m.token is None:
        session.answer(m.n, _welcome(session, node.identity.guest(m.guest or "", address, node.now())))
        return
    _show(session, m.n, m.token, lambda access: _welcome(session, access))


def refresh(session: Session, m: c.Refresh) -> None:
    """Let the connection live as long as another token of its user."""

    def go_on(access: Access) -> RefreshAnswer:
        access = session.node.identity.same_user(session.actor(), access)
        session.go_on_by(access)
        left_s = access.until - session.node.now()
        return RefreshAnswer(token=access.token, expires_ms=max(0, int(left_s * 1000)))

    _show(session, m.n, m.token, go_on)


def _show(session: Session, n: int, token: str, then: Callable[[Access], Answer]) -> None:
    """Answer by what a token grants: at once, unless its issuer has to be asked for keys."""
    identity, address = session.node.identity, session.socket.address
    try:
        access = identity.shown(token, session.node.now(), address)
    except Unfetched:

        async def work() -> Answer:
            return then(await identity.shown_later(token, session.node.now(), address))

        session.later(n, work)
    else:
        session.answer(n, then(access))


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
    return HelloAnswer(user=UserInfo(id=access.user.id, name=access.user.name), token=access.token, server=server)
