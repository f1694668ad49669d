"""Servers whose Socket.IO door gives sessions back from elsewhere than where their clients are."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from madang.transports.socketio import recovery


def _goes_on_from(step: int) -> None:
    """A client that has missed something goes on from one event later, or earlier."""
    follow = recovery._follow  # noqa: SLF001

    async def wrong(session: Any, client: Any, actor: Any, position: Any) -> bool:
        followed = await follow(session, client, actor, position)
        if followed and session.node.hub.rooms[position.room].sealed > position.seq:
            client.subscriptions[position.room].position += step
        return followed

    recovery._follow = wrong  # noqa: SLF001


PROTECTIONS: Final[dict[str, Callable[[], None]]] = {
    "recovers-late": partial(_goes_on_from, 1),
    "recovers-early": partial(_goes_on_from, -1),
}
