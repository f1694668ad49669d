"""Servers that tell their clients something other than what is in the log; every EVERYth time, or always."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from madang.adapters.issuers import issuers
from madang.core import search as query
from madang.core.events import TYPES, MessageSent
from madang.delivery import room as live_room
from madang.delivery.room import LiveRoom
from madang.protocol.native import codec
from madang.protocol.native.answers import Answer, AppendAnswer
from madang.services import following, messages, searching
from madang.transports.native.session import Session

EVERY: Final = 20
_count = itertools.count(1)


def _now() -> bool:
    return next(_count) % EVERY == 0


def _tells_wrongly(what: str) -> None:
    """A message is left out for those who follow the room, or told twice, or after the next one."""
    accept = LiveRoom.accept

    def wrong(room: LiveRoom, event: Any, quiet_above: int) -> None:
        accept(room, event, quiet_above)
        if event.type == MessageSent.type and _now():
            for audience in room.audiences.values():
                pending = audience.pending
                if what == "drop":
                    pending.pop()
                elif what == "double":
                    pending.append(pending[-1])
                else:
                    pending.reverse()

    LiveRoom.accept = wrong  # type: ignore[method-assign, assignment]


def _lies() -> None:
    """An ack names the next seq."""
    answer = codec.answer

    def wrong(n: int, said: Answer) -> bytes:
        if isinstance(said, AppendAnswer) and _now():
            said = msgspec.structs.replace(said, seq=said.seq + 1)
        return answer(n, said)

    codec.answer = wrong  # type: ignore[assignment]


def _forgets() -> None:
    """A cid is not known again."""
    send = messages.send
    known: set[tuple[str, str, str]] = set()

    def wrong(user: Any, room: str, cid: str, *more: Any) -> Any:
        key = (user.id, room, cid)
        again = key in known
        known.add(key)
        return send(user, room, f"{cid} {next(_count)}" if again else cid, *more)

    messages.send = wrong  # type: ignore[assignment]


def _is_deaf() -> None:
    """Who has left or was kicked is told on."""
    live_room.TYPES = {name: kind for name, kind in TYPES.items() if not kind.ends_access}  # type: ignore[attr-defined]


def _looks_at_the_index_alone() -> None:
    """A search finds only what the index has by now."""

    async def nothing(*args: Any) -> Any:
        return searching._Tail([])  # noqa: SLF001

    searching.Searching._tail = nothing  # type: ignore[method-assign, assignment]  # noqa: SLF001
    following.GATHER_S = 5.0  # type: ignore[misc]


def _believes_the_index() -> None:
    """A search finds what the index has, as it was when it was sent, whatever has become of it."""
    query.Query.matches = lambda query, folded: True  # type: ignore[method-assign, assignment]


def _is_ageless() -> None:
    """A connection does not end with its token."""
    Session.left_s = property(lambda session: 1e6)  # type: ignore[assignment, method-assign]


def _is_credulous() -> None:
    """A token is taken long after its end."""
    issuers.LEEWAY_S = 1e6  # type: ignore[misc, assignment]


PROTECTIONS: Final[dict[str, Callable[[], None]]] = {
    **{what: partial(_tells_wrongly, what) for what in ("drop", "double", "swap")},
    "lie": _lies,
    "forget": _forgets,
    "deaf": _is_deaf,
    "late": _looks_at_the_index_alone,
    "believe": _believes_the_index,
    "ageless": _is_ageless,
    "credulous": _is_credulous,
}
