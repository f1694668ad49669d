"""What a backend emits by Socket.IO's Redis emitter becomes messages, by the right of a server key, as `POST /api/publish` sends them.

Nothing is answered: an emitter does not ask. What is wrong is dropped, counted and told in the log, each reason once a minute.
"""

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from madang.codes import ERRORS
from madang.core.bounds import MAX_ITEMS, RoomId
from madang.core.messages import Content
from madang.core.metrics import Metric
from madang.errors import Limited, MadangError, without_frames
from madang.protocol import strict_json
from madang.protocol.socketio import emitted
from madang.protocol.wording import bad_field
from madang.services.publishing import Publication, Published
from madang.transports.http.bodies import NewMessage
from madang.transports.http.schemas import carried
from madang.transports.node import Node

logger = logging.getLogger("madang.emitter")

AGAIN_S: Final = 0.2  # at least, before what has to wait is tried again
GIVEN_UP_S: Final = 30.0
"""What had to wait for this long is dropped, so that what is published meanwhile is not lost behind it."""
TOLD_S: Final = 60.0
STORED, REFUSED, MALFORMED = "stored", "refused", "malformed"
_body: Final = msgspec.json.Decoder(NewMessage).decode
_rooms: Final = list[RoomId]


class Emitter:
    """Publishes what is emitted.

    Args:
        key: text of the server key.
    """

    def __init__(self, node: Node, key: str) -> None:
        self._node = node
        self._key = key
        self._counted: Counter[str] = Counter()
        self._told: dict[str, float] = {}  # loop times, by reason

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        help = "What Socket.IO's Redis emitters sent: messages by what became of them, and packets that are none."
        name = "madang_socketio_emitted"
        return [
            Metric("counter", name, help, self._counted[outcome], ("outcome", outcome))
            for outcome in (STORED, REFUSED, MALFORMED)
        ]

    async def take(self, packets: Sequence[bytes]) -> None:
        """Publish what packets hold, in their order."""
        wanted: list[Publication] = []
        for packet in packets:
            try:
                found = list(_publications(packet))
            except (emitted.Unreadable, MadangError) as wrong:
                self._drop(MALFORMED, wrong.code if isinstance(wrong, MadangError) else str(wrong), wrong)
                continue
            if len(wanted) + len(found) > MAX_ITEMS:
                await self._publish(wanted)
                wanted = []
            wanted += found
        await self._publish(wanted)

    async def _publish(self, wanted: Sequence[Publication]) -> None:
        """Publish; what has to wait is sent again, under its cid, as soon as it may be."""
        time = self._node.turns.time
        until = time() + GIVEN_UP_S
        waiting = [(0.0, each) for each in wanted]  # with when it may be sent
        while waiting:
            now = time()
            due = [each for at, each in waiting if at <= now]
            if not due:
                await asyncio.sleep(min(at for at, _ in waiting) - now)
                continue
            waiting = [(at, each) for at, each in waiting if at > now]
            outcomes = await self._outcomes(due)
            now = time()
            for each, outcome in zip(due, outcomes, strict=True):
                again_at = now + (wait_s := _waits(outcome))
                if not isinstance(outcome, MadangError):
                    self._counted[STORED] += not outcome.duplicate
                elif wait_s and again_at <= until:
                    waiting.append((again_at, each))
                else:
                    self._drop(REFUSED, outcome.code, outcome)

    async def _outcomes(self, wanted: Sequence[Publication]) -> Sequence[Published]:
        node = self._node
        try:
            caller = await node.identity.caller(self._key, node.now(), "", "publish")
            return await node.publishing.publish(caller.user, wanted)
        except MadangError as error:
            return [without_frames(error)] * len(wanted)

    def _drop(self, outcome: str, reason: str, wrong: Exception) -> None:
        self._counted[outcome] += 1
        now = self._node.turns.time()
        if now >= self._told.get(reason, 0.0):
            self._told[reason] = now + TOLD_S
            logger.warning("what an emitter sent was dropped (%s): %s", outcome, wrong)


def _publications(packet: bytes) -> Iterator[Publication]:
    """Yield the messages that a packet is, one for each room. Raise Unreadable, or Refused for wrong fields."""
    message = emitted.read(packet)
    found = strict_json.outline(message.body)
    strict_json.check_short(found)
    strict_json.check_message(message.body, found)
    strict_json.check(message.body)
    try:
        rooms, m = msgspec.convert(message.rooms, _rooms), _body(message.body)
    except msgspec.ValidationError as error:
        raise bad_field(error) from None
    content = Content(text=m.text, data=carried(m.data), reply_to=m.reply_to, mentions=m.mentions)
    sender = (m.sender.id, m.sender.name) if m.sender is not None else None
    cid = m.cid or secrets.token_hex(16)
    for room in rooms:
        yield Publication(room=room, content=content, cid=cid, sender=sender)


def _waits(outcome: Published) -> float:
    """Return after how many seconds a message may be sent again, 0 if that is of no use."""
    if not isinstance(outcome, MadangError) or not ERRORS[outcome.code].temporary:
        return 0.0
    return max(AGAIN_S, outcome.retry_ms / 1000 if isinstance(outcome, Limited) else 0.0)
