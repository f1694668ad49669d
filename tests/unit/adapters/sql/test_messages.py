"""How much of the log a page of messages takes: as many rows as its answer has room for, whatever they are written in."""

from typing import NamedTuple

import pytest

from madang.adapters.sql.messages import as_many
from madang.core.bounds import ANSWER_BYTES


class Row(NamedTuple):
    """A row of an event."""

    body: str


@pytest.mark.parametrize("letter", ["a", "é", "마", "🌳"])
@pytest.mark.parametrize("beyond", [0, 1])
def test_large_messages_are_counted_by_their_bytes(letter: str, beyond: int) -> None:
    rows = (Row(letter * 4_000) for _ in range(1_000))
    size = len((letter * 4_000).encode())
    assert len(as_many(rows, beyond)) == ANSWER_BYTES // size + 1 + beyond
    assert len(list(rows)) == 1_000 - (ANSWER_BYTES // size + 1 + beyond), "no others are read"


def test_small_ones_are_all_returned() -> None:
    rows = [Row("a")] * 200
    assert as_many(iter(rows), 1) == rows
