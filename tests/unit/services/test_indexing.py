"""Indexing: others have their turn while long messages are folded, however many of them are in one stretch of a log."""

import asyncio
from collections.abc import Callable

import pytest

from madang.core import events as kinds
from madang.core.events import Body, Event, draft
from madang.core.folding import fold
from madang.ports.followers import Position, Stretch
from madang.services.breath import BREATH, Breath
from madang.services.indexing import changes_of

TEXT = "마당 " * 1_300


def event(seq: int, body: Body) -> Event:
    made = draft(body, "yard", "ann", "Ann")
    return Event("yard", seq, seq, made.type, "ann", "Ann", 0, made.body)


@pytest.mark.parametrize(
    "body", [lambda n: kinds.MessageSent(text=TEXT), lambda n: kinds.MessageEdited(target=n, text=TEXT)]
)
async def test_others_have_their_turn_while_a_stretch_is_folded(body: Callable[[int], Body]) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    stretch = Stretch("yard", Position("e", 0), [event(seq, body(seq)) for seq in range(1, 101)])
    task = asyncio.get_running_loop().create_task(others())
    changes = await changes_of(stretch, {}, Breath())
    task.cancel()
    assert [document.folded for document in changes.put] + list(changes.edit.values()) == [fold(TEXT)] * 100
    assert turns >= 100 * len(TEXT) // (BREATH + len(TEXT))
