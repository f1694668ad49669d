"""Presence of one node: who has a live device in which room. It ends with the process, as the devices do."""

import heapq
from collections.abc import Sequence


class MemoryPresence:
    """Counts devices per (room, user). A call costs in proportion to the devices it names, a sweep to those that are gone.

    Args:
        ttl_s: seconds after which a device that was not refreshed is gone.
    """

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self._rooms: dict[str, dict[str, tuple[str, set[str]]]] = {}  # room -> user -> name and devices
        # Moved to the end at every refresh, so that those due for a sweep are in front.
        self._seen: dict[tuple[str, str, str], float] = {}

    async def enter(self, room: str, user: str, name: str, device: str, now: float) -> bool:
        users = self._rooms.setdefault(room, {})
        first = user not in users
        devices = set() if first else users[user][1]
        devices.add(device)
        users[user] = name, devices
        self._touch((room, user, device), now)
        return first

    async def leave(self, room: str, user: str, device: str, now: float) -> bool:
        return self._forget((room, user, device))

    async def refresh(self, devices: Sequence[tuple[str, str, str]], now: float) -> list[tuple[str, str, str]]:
        unknown = [key for key in devices if key not in self._seen]
        for key in devices:
            if key in self._seen:
                self._touch(key, now)
        return unknown

    async def sweep(self, now: float) -> list[tuple[str, str]]:
        gone = []
        for key, seen in self._seen.items():
            if seen + self._ttl_s > now:
                break
            gone.append(key)
        return [key[:2] for key in gone if self._forget(key)]

    async def online(self, room: str, *, after: str = "", limit: int = 100) -> list[tuple[str, str]]:
        users = self._rooms.get(room, {})
        return [(user, users[user][0]) for user in heapq.nsmallest(limit, (u for u in users if u > after))]

    async def count(self, room: str) -> int:
        return len(self._rooms.get(room, ()))

    def _touch(self, key: tuple[str, str, str], now: float) -> None:
        self._seen.pop(key, None)
        self._seen[key] = now

    def _forget(self, key: tuple[str, str, str]) -> bool:
        """Remove a device; return whether it was the user's last in the room."""
        if self._seen.pop(key, None) is None:
            return False
        room, user, device = key
        users = self._rooms[room]
        devices = users[user][1]
        devices.discard(device)
        if devices:
            return False
        del users[user]
        if not users:
            del self._rooms[room]
        return True
