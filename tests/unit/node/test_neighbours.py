"""Two nodes on one database without a bus are found out; one that died a moment ago is not complained of for long."""

import asyncio
import logging

import pytest

from madang.errors import StorageFailed
from madang.node.lease import LEASE_MS
from madang.node.neighbours import POLL_S, logger, watch_neighbours
from madang.testing import VirtualLoop


class Holders:
    """Leases of which only the holders are asked."""

    def __init__(self) -> None:
        self.sick = False
        self.names = ["own"]

    async def holders(self) -> list[str]:
        if self.sick:
            raise StorageFailed
        return self.names


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    monkeypatch.setattr(logger, "warning", lambda text, *args: found.append((logging.WARNING, text % args)))
    monkeypatch.setattr(logger, "error", lambda text, *args: found.append((logging.ERROR, text % args)))
    return found


def test_neighbours_without_a_bus_are_warned_of(warned: list[tuple[int, str]]) -> None:
    loop, holders, checks = VirtualLoop(), Holders(), list[float]()
    watching = loop.create_task(
        watch_neighbours(holders, "own", lambda: checks.append(loop.time()))  # type: ignore[arg-type]
    )

    def passes(seconds: float) -> None:
        loop.run_until_complete(asyncio.sleep(seconds))

    passes(100)
    assert not warned and not checks, "alone, and all is well"
    holders.names = ["own", "the dead"]
    passes(LEASE_MS / 1000)
    holders.names = ["own"]
    passes(100)
    assert [level for level, _ in warned] == [logging.WARNING], "who died is named once"
    assert "the dead" in warned[0][1]
    warned.clear()
    checks.clear()
    holders.names = ["own", "the other"]
    passes(20)
    holders.sick = True
    passes(20)
    holders.sick = False
    passes(100)
    assert [level for level, _ in warned] == [logging.WARNING, logging.ERROR]
    assert "the other" in warned[1][1] and "MADANG_BUS" in warned[1][1]
    assert len(checks) >= 140 / POLL_S - 1, "the log is looked at as long as there are two"
    watching.cancel()
    passes(0)
    loop.close()
