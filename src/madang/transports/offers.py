"""What a server says about itself, over every door: its limits, who may come in and make rooms, and what there is."""

from typing import Final

from madang import __version__
from madang.core.actors import Actor
from madang.core.bounds import MAX_DATA, MAX_FRAME, MAX_MENTIONS
from madang.delivery.catching_up import RESUME_EVENTS
from madang.protocol.native.answers import ServerInfo
from madang.protocol.native.commands import VERSION
from madang.transports.conduct import ROOM_WINDOW, WINDOW
from madang.transports.node import Node

FEATURES: Final = (
    "accounts",
    "around",
    "audit",
    "bans",
    "direct",
    "erasure",
    "invites",
    "mutes",
    "names",
    "papers",
    "profiles",
    "reactors",
    "reports",
    "search",
    "versions",
    "watch",
    "words",
)
"""What later versions have, and earlier ones had not: PROTOCOL.md says what each stands for. `search` can be turned off."""


def server_info(node: Node, actor: Actor | None) -> ServerInfo:
    """Return what the server says to a user, or to somebody who is nobody yet."""
    commands, appends = node.rates_told
    return ServerInfo(
        name="madang", version=__version__, v=VERSION, ack=node.appender.ack, max_frame=MAX_FRAME,
        max_text=node.max_text, max_rooms=node.max_rooms, max_data=MAX_DATA, max_mentions=MAX_MENTIONS,
        resume_events=RESUME_EVENTS, ping_ms=int(node.ping_s * 1000), window=WINDOW, room_window=ROOM_WINDOW,
        command_ms=commands.each_ms, command_burst=commands.burst, append_ms=appends.each_ms, append_burst=appends.burst,
        guests=node.identity.guests, accounts=node.accounts.makers, create_rooms=node.rooms.may_create(actor),
        features=tuple(each for each in FEATURES if each != "search" or node.searching.on),
    )  # fmt: skip
