"""Servers that tell their clients something other than what is in the log; every EVERYth time, or always."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from madang.core.events import TYPES, MessageSent
from madang.delivery.room import LiveRoom
from madang.protocol.native import codec
from madang.protocol.native.frames import Answer, AppendAnswer
from madang.services import messages

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
    apply = LiveRoom._apply

    def wrong(room: LiveRoom, event: Any) -> None:
        if not TYPES[event.type].ends_access:
            apply(room, event)

    LiveRoom._apply = wrong  # type: ignore[method-assign, assignment]


PROTECTIONS: Final[dict[str, Callable[[], None]]] = {
    **{what: partial(_tells_wrongly, what) for what in ("drop", "double", "swap")},
    "lie": _lies,
    "forget": _forgets,
    "deaf": _is_deaf,
}
