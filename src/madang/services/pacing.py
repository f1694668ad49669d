"""Pacing: work in the background goes through the database in small pieces, between which appends have their turn."""

import asyncio
from collections.abc import Awaitable
from time import perf_counter


async def paced(piece: Awaitable[int]) -> int:
    """Do a piece, and give appends four times as long; return what it returns."""
    began = perf_counter()
    done = await piece
    await asyncio.sleep(4 * (perf_counter() - began))
    return done
