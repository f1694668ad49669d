"""A server with one fault of its own: `python -m tests.scenario.saboteur WHAT serve …`. `madang prove` has to find it.

Every EVERYth time, `drop` leaves an event out on its way to those who follow the room, `double` tells it twice, `swap`
tells it after the next one, `lie` names another seq in an ack, `forget` does not know a cid again. `deaf` goes on telling
those who have left.
"""

import itertools
import sys
from typing import Any, Final

from madang.cli.main import main
from madang.core.events import ENDS_ACCESS, SENT
from madang.delivery.room import LiveRoom
from madang.protocol import codec
from madang.services import messages

EVERY: Final = 20
_count = itertools.count(1)


def _now() -> bool:
    return next(_count) % EVERY == 0


def _tells_wrongly(what: str) -> None:
    accept = LiveRoom.accept

    def wrong(room: LiveRoom, event: Any, quiet_above: int) -> None:
        accept(room, event, quiet_above)
        if event.type == SENT and _now():
            for audience in room.audiences.values():
                pending = audience.pending
                if what == "drop":
                    pending.pop()
                elif what == "double":
                    pending.append(pending[-1])
                else:
                    pending.reverse()

    LiveRoom.accept = wrong  # type: ignore[method-assign]


def _lies() -> None:
    ack = codec.ack

    def wrong(n: int, id: int, seq: int, level: str, duplicate: bool) -> bytes:
        return ack(n, id, seq + (1 if _now() else 0), level, duplicate)

    codec.ack = wrong


def _forgets() -> None:
    send = messages.send
    known: set[tuple[str, str, str]] = set()

    def wrong(user: Any, room: str, cid: str, *more: Any) -> Any:
        key = (user.id, room, cid)
        again = key in known
        known.add(key)
        return send(user, room, f"{cid} {next(_count)}" if again else cid, *more)

    messages.send = wrong


def _is_deaf() -> None:
    apply = LiveRoom._apply

    def wrong(room: LiveRoom, event: Any) -> None:
        if event.type not in ENDS_ACCESS:
            apply(room, event)

    LiveRoom._apply = wrong  # type: ignore[method-assign]


if __name__ == "__main__":
    what = sys.argv.pop(1)
    {"lie": _lies, "forget": _forgets, "deaf": _is_deaf}.get(what, lambda: _tells_wrongly(what))()
    main()
