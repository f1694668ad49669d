"""Hello: who is speaking, and what the server is. Refresh: that they may go on speaking."""

from madang import __version__
from madang.core.bounds import MAX_DATA, MAX_FRAME, MAX_MENTIONS
from madang.core.fields import exactly_one
from madang.delivery.catching_up import RESUME_EVENTS
from madang.errors import Refused
from madang.protocol.native import commands as c
from madang.protocol.native.frames import HelloAnswer, RefreshAnswer, ServerInfo, UserInfo
from madang.transports.conduct import ROOM_WINDOW, WINDOW
from madang.transports.native.session import Session


def hello(session: Session, m: c.Hello) -> None:
    """Open the session for a user."""
    if session.is_open:
        raise Refused("hello_twice")
    if m.v != c.VERSION:
        raise Refused("bad_version", f"This server speaks version {c.VERSION}.")
    exactly_one(guest=m.guest, token=m.token)
    node = session.node
    if m.token is not None:
        access = node.identity.shown(m.token, node.now(), session.socket.address)
    else:
        access = node.identity.guest(m.guest or "", session.socket.address, node.now())
    session.open(access)
    commands, appends = node.rates_told
    server = ServerInfo(
        name="madang", version=__version__, v=c.VERSION, ack=node.appender.ack, max_frame=MAX_FRAME,
        max_text=node.max_text, max_rooms=node.max_rooms, max_data=MAX_DATA, max_mentions=MAX_MENTIONS,
        resume_events=RESUME_EVENTS, ping_ms=int(node.ping_s * 1000), window=WINDOW, room_window=ROOM_WINDOW,
        command_ms=commands.each_ms, command_burst=commands.burst, append_ms=appends.each_ms, append_burst=appends.burst,
    )  # fmt: skip
    session.answer(
        m.n, HelloAnswer(user=UserInfo(id=access.user.id, name=access.user.name), token=access.token, server=server)
    )


def refresh(session: Session, m: c.Refresh) -> None:
    """Let the connection live as long as another token of its user."""
    node = session.node
    now = node.now()
    access = node.identity.refresh(session.actor(), m.token, now)
    session.go_on_by(access)
    session.answer(m.n, RefreshAnswer(token=access.token, expires_ms=max(0, int((access.until - now) * 1000))))
