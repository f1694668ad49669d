"""Queries: members, or who is online, of many rooms at once. Each room is judged, paid for and answered as if it were asked for alone."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from madang.core.actors import Actor
from madang.errors import MadangError, Refused, without_frames
from madang.services.pages import Rows
from madang.services.reading import Reading

T = TypeVar("T")

MOST_ROWS: Final = 2_000
"""Rows of all rooms of a query together, so that an answer is no larger than a megabyte or so."""
Online = tuple[Rows, int]
"""A page of the users online in a room, and how many there are in all."""


class Queries:
    """Reads of many rooms."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    async def members(self, actor: Actor, rooms: Sequence[str], limit: int) -> list[Rows | MadangError]:
        """Return the first members of each room, or why they are not shown (bad_field for too many rows)."""
        return await self._each(rooms, limit, lambda room: self._reading.members(actor, room, "", limit))

    async def online(self, actor: Actor, rooms: Sequence[str], limit: int) -> list[Online | MadangError]:
        """Return the first users who are online in each room, or why they are not shown (bad_field for too many rows)."""
        return await self._each(rooms, limit, lambda room: self._reading.online(actor, room, "", limit))

    async def _each(
        self, rooms: Sequence[str], limit: int, read: Callable[[str], Awaitable[T]]
    ) -> list[T | MadangError]:
        if len(rooms) * limit > MOST_ROWS:
            raise Refused(
                "bad_field", f"limit: at most {MOST_ROWS} rows in all, which are {MOST_ROWS // len(rooms)} a room."
            )
        found: list[T | MadangError] = []
        for room in rooms:
            try:
                found.append(await read(room))
            except MadangError as error:
                found.append(without_frames(error))
        return found
