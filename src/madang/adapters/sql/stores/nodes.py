"""What nodes share in a database: keys, used tickets, node numbers, and the clock."""

from collections.abc import Mapping, Sequence

from madang.adapters.sql import changes, consumers, dialects, directory, leases, signing, used_tickets
from madang.adapters.sql.engine import OnEngine
from madang.core.consumers import Consumer
from madang.core.signing import SigningKey, SigningKeys
from madang.ports.changes import Changes, Known
from madang.ports.consumers import Reached
from madang.ports.directory import ServerKey
from madang.ports.followers import Position
from madang.ports.leases import Lease
from madang.ports.signing import LEAD_MS


class SqlNodes(OnEngine):
    """`ports.changes`, `ports.signing`, `ports.tickets`, `ports.consumers`, `ports.leases` and the server keys of `ports.directory`."""

    async def changes(self, known: Known) -> Changes:
        return await self._engine.read(lambda c: changes.changes(c, known))

    # Signing keys, tickets and server keys

    async def signing_keys(self) -> SigningKeys:
        found: SigningKeys | None = await self._engine.read(signing.stored)
        if found is None:
            found = await self._engine.write(signing.make)
        return found

    async def add_signing_key(self, lead_ms: int = LEAD_MS) -> SigningKey:
        return await self._engine.write(lambda c: signing.add(c, lead_ms))

    async def retire_signing_keys(self) -> int:
        return await self._engine.write(signing.retire)

    async def use_tickets(self, tickets: Sequence[tuple[str, int]]) -> set[str]:
        return await self._engine.write(lambda c: used_tickets.use(c, tickets))

    async def add_key(self, key: ServerKey) -> None:
        await self._engine.write(lambda c: directory.add_key(c, key))

    async def key(self, id: str) -> ServerKey | None:
        return await self._engine.read(lambda c: directory.one_key(c, id))

    async def keys(self) -> list[ServerKey]:
        return await self._engine.read(directory.keys)

    async def drop_key(self, id: str) -> bool:
        return await self._engine.write(lambda c: directory.drop_key(c, id))

    # Consumers

    async def add_consumer(self, consumer: Consumer) -> bool:
        return await self._engine.write(lambda c: consumers.add(c, consumer))

    async def consumers(self, key: str) -> list[Consumer]:
        return await self._engine.read(lambda c: consumers.of_key(c, key))

    async def consumer(self, key: str, name: str) -> Consumer | None:
        return await self._engine.read(lambda c: consumers.one(c, key, name))

    async def next_reader(self, key: str, name: str) -> Consumer | None:
        return await self._engine.write(lambda c: consumers.next_reader(c, key, name))

    async def note_consumer(self, key: str, name: str, now_ms: int, making: bool = False) -> bool:
        return await self._engine.write(lambda c: consumers.note(c, key, name, now_ms, making))

    async def unseen_consumers(self, before_ms: int, limit: int) -> list[Consumer]:
        return await self._engine.read(lambda c: consumers.unseen(c, before_ms, limit))

    async def reached(self, key: str, name: str, rooms: Sequence[str]) -> dict[str, Reached]:
        return await self._engine.read(lambda c: consumers.reached(c, key, name, rooms))

    async def reach(self, key: str, name: str, positions: Mapping[str, Position], making: bool = False) -> None:
        await self._engine.write(lambda c: consumers.reach(c, key, name, positions, making))

    async def drop_consumer(self, key: str, name: str, limit: int) -> bool:
        return await self._engine.write(lambda c: consumers.drop(c, key, name, limit))

    # Leases

    async def acquire(self, holder: str, now_ms: int, ttl_ms: int, common: str = "") -> Lease:
        return await self._engine.write(lambda c: leases.acquire(c, holder, now_ms, ttl_ms, common))

    async def renew(self, lease: Lease, now_ms: int, ttl_ms: int, used_ms: int) -> Lease | None:
        return await self._engine.write(lambda c: leases.renew(c, lease, now_ms, ttl_ms, used_ms))

    async def release(self, lease: Lease, used_ms: int) -> None:
        await self._engine.write(lambda c: leases.release(c, lease, used_ms))

    async def holders(self) -> list[str]:
        return await self._engine.read(leases.holders)

    # The installation

    async def epoch(self) -> bytes:
        """Return random bytes of this installation, created now if there are none; others after each restore."""
        return await self._engine.write(directory.epoch)

    async def clock_ms(self) -> int:
        """Return the time by the database's clock, in Unix milliseconds."""
        return await self._engine.read(dialects.clock_ms)
