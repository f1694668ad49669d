"""Turns for those who have sent much: a piece each, around over addresses, in a bounded part of the time."""

from collections.abc import Callable

import pytest

from madang.transports.shares import PAUSE, READ_S, TURN_S, Shares

PIECE_S = 0.0001


class Loop:
    """A clock that work moves forward, and what was asked to be called later."""

    def __init__(self, paced: bool = True) -> None:
        self.now = 100.0
        self.calls: list[tuple[float, Callable[[], None]]] = []
        self.shares = Shares(lambda: self.now, self.later, paced=paced)
        self.turns: list[tuple[float, float]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.calls.append((self.now + seconds, call))

    def run(self, most: int = 10_000) -> None:
        """Make the calls that are due next, until there are none."""
        for _ in range(most):
            if not self.calls:
                return
            assert len(self.calls) == 1, "one callback"
            due, call = self.calls.pop()
            self.now = max(self.now, due)
            began = self.now
            call()
            self.turns.append((began, self.now))


class Worker:
    """Somebody with so many pieces to do, who notes whose turn it was."""

    def __init__(self, loop: Loop, name: str, pieces: int, log: list[str], seconds: float = PIECE_S) -> None:
        self.loop, self.name, self.pieces, self.log, self.seconds = loop, name, pieces, log, seconds

    def work(self) -> bool:
        self.log.append(self.name)
        self.loop.now += self.seconds
        self.pieces -= 1
        return self.pieces > 0


def test_one_goes_on_until_nothing_is_left() -> None:
    loop, log = Loop(), list[str]()
    loop.shares.enter("a", Worker(loop, "a", 50, log))
    loop.run()
    assert log == ["a"] * 50
    assert loop.shares.pieces == 50


@pytest.mark.parametrize("seconds", [0.00001, 0.0001, 0.0009])
def test_pieces_have_a_bounded_part_of_every_turn_and_of_all_time(seconds: float) -> None:
    loop, log = Loop(), list[str]()
    for n in range(100):
        loop.shares.enter(f"a-{n}", Worker(loop, "a", 30, log, seconds))
    loop.run()
    assert len(log) == 3000
    assert all(end - began <= TURN_S + seconds for began, end in loop.turns)
    worked = sum(end - began for began, end in loop.turns)
    passed = loop.turns[-1][1] - loop.turns[0][0]
    assert worked <= passed / (1 + PAUSE) + TURN_S + seconds


def test_turns_go_around_over_addresses_and_then_sockets() -> None:
    """A hundred sockets of one address have together what the one of another address has alone."""
    loop, log = Loop(), list[str]()
    for n in range(100):
        loop.shares.enter("many", Worker(loop, f"many-{n}", 10, log))
    loop.shares.enter("one", Worker(loop, "one", 10, log))
    loop.run()
    assert [n for n, name in enumerate(log) if name == "one"] == list(range(1, 20, 2))
    assert log[0:200:2] == [f"many-{n % 100}" for n in range(10)] + log[20:200:2]
    assert len(set(log)) == 101


def test_who_enters_at_work_is_not_lost() -> None:
    loop, log = Loop(), list[str]()
    second = Worker(loop, "second", 2, log)

    class First(Worker):
        def work(self) -> bool:
            loop.shares.enter("a", second)
            return super().work()

    loop.shares.enter("a", First(loop, "first", 1, log))
    loop.run()
    assert log == ["first", "second", "second"]


def test_one_that_fails_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    loop, log = Loop(), list[str]()

    class Broken(Worker):
        def work(self) -> bool:
            raise ValueError

    loop.shares.enter("a", Broken(loop, "broken", 5, log))
    loop.shares.enter("a", Worker(loop, "a", 3, log))
    loop.run()
    assert log == ["a"] * 3
    assert [line.message for line in caplog.records] == ["a piece failed"]


def test_not_all_who_are_read_again_come_in_one_turn() -> None:
    loop, log = Loop(), list[str]()
    for n in range(500):
        loop.shares.enter(f"a-{n}", Worker(loop, "a", 1, log, 0.0))
    loop.run()
    assert len(log) == 500
    assert len(loop.turns) >= 500 / (TURN_S / READ_S + 1)


def test_a_pause_is_kept_by_who_enters_in_it() -> None:
    loop, log = Loop(), list[str]()
    loop.shares.enter("a", Worker(loop, "a", 1, log, 0.001))
    loop.run()
    loop.shares.enter("a", Worker(loop, "a", 1, log, 0.001))
    loop.run()
    assert loop.turns[1][0] - loop.turns[0][1] >= PAUSE * 0.001


def test_without_limits_there_are_no_pauses() -> None:
    loop, log = Loop(paced=False), list[str]()
    loop.shares.enter("a", Worker(loop, "a", 1000, log))
    loop.run()
    assert loop.now - 100.0 == pytest.approx(1000 * PIECE_S)


def test_who_waits_is_counted() -> None:
    loop, log = Loop(), list[str]()
    for n in range(3):
        loop.shares.enter("a", Worker(loop, f"{n}", 2, log))
    assert [m.value for m in loop.shares.metrics()] == [3, 0]
    loop.run()
    assert [m.value for m in loop.shares.metrics()] == [0, 6]
