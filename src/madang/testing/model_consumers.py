"""`ports.consumers` in memory: the part of `ModelStore` that knows who reads every room."""

from collections.abc import Mapping, Sequence

import msgspec

from madang.core.consumers import MOST, Consumer
from madang.errors import Refused
from madang.ports.consumers import Reached
from madang.ports.followers import Position
from madang.testing.model_room import ModelRoom


class ModelConsumers:
    """Consumers and their positions. Every call is one step that nothing interrupts."""

    rooms_by_id: dict[str, ModelRoom]

    def __init__(self) -> None:
        self._consumers: dict[tuple[str, str], Consumer] = {}
        self._reached: dict[tuple[str, str, str], Position] = {}

    async def add_consumer(self, consumer: Consumer) -> bool:
        if (consumer.key, consumer.name) in self._consumers:
            return False
        if len(await self.consumers(consumer.key)) >= MOST:
            raise Refused("too_many")
        self._consumers[consumer.key, consumer.name] = consumer
        return True

    async def consumer(self, key: str, name: str) -> Consumer | None:
        return self._consumers.get((key, name))

    async def next_reader(self, key: str, name: str) -> Consumer | None:
        known = self._consumers.get((key, name))
        if known is None or not known.seen_ms:
            return None
        self._consumers[key, name] = known = msgspec.structs.replace(known, reader=known.reader + 1)
        return known

    async def consumers(self, key: str) -> list[Consumer]:
        return [each for (of, _), each in sorted(self._consumers.items()) if of == key]

    async def note_consumer(self, key: str, name: str, now_ms: int, making: bool = False) -> bool:
        known = self._consumers.get((key, name))
        if known is not None and (making or known.seen_ms):
            self._consumers[key, name] = msgspec.structs.replace(known, seen_ms=max(known.seen_ms, now_ms))
        return known is not None

    async def unseen_consumers(self, before_ms: int, limit: int) -> list[Consumer]:
        return [each for each in self._consumers.values() if max(each.seen_ms, each.made_ms) < before_ms][:limit]

    async def reached(self, key: str, name: str, rooms: Sequence[str]) -> dict[str, Reached]:
        known = [room for room in rooms if room in self.rooms_by_id]
        return {room: Reached(self.rooms_by_id[room].epoch, self._reached.get((key, name, room))) for room in known}

    async def reach(self, key: str, name: str, positions: Mapping[str, Position], making: bool = False) -> None:
        consumer = self._consumers.get((key, name))
        if consumer is None or (making and consumer.seen_ms):
            return
        for room, position in positions.items():
            known = self._reached.get((key, name, room))
            if known is None or known.epoch != position.epoch or known.upto < position.upto:
                self._reached[key, name, room] = position

    async def drop_consumer(self, key: str, name: str, limit: int) -> bool:
        if (known := self._consumers.get((key, name))) is not None:
            self._consumers[key, name] = msgspec.structs.replace(known, seen_ms=0)
        theirs = [each for each in self._reached if each[:2] == (key, name)][:limit]
        for each in theirs:
            del self._reached[each]
        if len(theirs) == limit:
            return True
        self._consumers.pop((key, name), None)
        return False

    def forget_reached(self, room: str) -> None:
        """Forget how far consumers were in a room that is not there any longer."""
        self._reached = {each: at for each, at in self._reached.items() if each[2] != room}
