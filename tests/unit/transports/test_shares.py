"""Shares of the processor: turns around over addresses, a bounded part of every turn and of all time."""

from collections.abc import Awaitable, Callable, Generator

import pytest

from madang.transports.shares import (
    BURST_S,
    OWED_S,
    READ_S,
    SHARE,
    SHORTEST_PAUSE_S,
    TURN_S,
    UNPACED_TURN_S,
    VISIT_S,
    Shares,
)

PIECE_S = 0.0001


class Loop:
    """A clock that work moves forward, and what was asked to be called later."""

    def __init__(self, paced: bool = True) -> None:
        self.now = 100.0
        self.elsewhere = 0.0
        self.calls: list[tuple[float, Callable[[], None]]] = []
        self.shares = Shares(lambda: self.now, self.later, lambda: self.elsewhere, paced=paced)
        self.turns: list[tuple[float, float]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.calls.append((self.now + seconds, call))

    def run(self, most: int = 100_000) -> None:
        """Make the calls that are due next, until there are none."""
        for _ in range(most):
            if not self.calls:
                return
            assert len(self.calls) == 1, "one callback"
            due, call = self.calls.pop()
            self.now = max(self.now, due)
            began = self.now
            call()
            if self.now > began:
                self.turns.append((began, self.now))

    def spend(self, seconds: float) -> None:
        self.now += seconds


class Worker:
    """Somebody with that many pieces to do, who notes whose turn it was."""

    def __init__(self, loop: Loop, name: str, pieces: int, log: list[str], seconds: float = PIECE_S) -> None:
        self.loop, self.name, self.pieces, self.log, self.seconds = loop, name, pieces, log, seconds

    def work(self) -> bool:
        self.log.append(self.name)
        self.loop.now += self.seconds
        self.pieces -= 1
        return self.pieces > 0


class Step(Awaitable[None]):
    """What a task waits for."""

    def __await__(self) -> Generator[None, None, None]:
        yield


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
        loop.shares.enter(f"a-{n}", Worker(loop, "a", 100, log, seconds))
    loop.run()
    assert len(log) == 10_000
    assert all(end - began <= TURN_S + seconds + 1e-9 for began, end in loop.turns)
    worked = sum(end - began for began, end in loop.turns)
    assert worked <= BURST_S + SHARE * (loop.turns[-1][1] - loop.turns[0][0]) + TURN_S + seconds


def test_turns_go_around_over_addresses_and_then_sockets() -> None:
    """A hundred sockets of one address have together what the one of another address has alone."""
    loop, log = Loop(), list[str]()
    for n in range(100):
        loop.shares.enter("many", Worker(loop, f"many-{n}", 10, log, VISIT_S))
    loop.shares.enter("one", Worker(loop, "one", 10, log, VISIT_S))
    loop.run()
    assert [n for n, name in enumerate(log) if name == "one"] == list(range(1, 20, 2))
    assert log[0:200:2] == [f"many-{n % 100}" for n in range(10)] + log[20:200:2]
    assert len(set(log)) == 101


def test_a_visit_is_as_long_for_many_small_pieces_as_for_a_large_one() -> None:
    """Whoever comes again and again, each time with little, does not keep one with much from coming to an end."""
    loop, log = Loop(), list[str]()
    small = VISIT_S / 7
    loop.shares.enter("a", Worker(loop, "much", 70, log, small))
    for n in range(100):
        loop.shares.enter("a", Worker(loop, f"little-{n}", 1, log, small))
    loop.run()
    assert log[:7] == ["much"] * 7
    assert log.count("much") == 70


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
    loop, log, turns = Loop(), list[str](), set[float]()

    class Reader(Worker):
        def work(self) -> bool:
            turns.add(loop.now)
            return super().work()

    for n in range(500):
        loop.shares.enter(f"a-{n}", Reader(loop, "a", 1, log, 0.0))
    loop.run()
    assert len(log) == 500
    assert len(turns) >= 500 / (TURN_S / READ_S + 1)


def test_without_limits_there_are_no_pauses() -> None:
    loop, log = Loop(paced=False), list[str]()
    loop.shares.enter("a", Worker(loop, "a", 1000, log))
    loop.run()
    assert loop.now - 100.0 == pytest.approx(1000 * PIECE_S)
    assert all(end - began <= UNPACED_TURN_S + PIECE_S for began, end in loop.turns)


def test_who_waits_is_counted() -> None:
    loop, log = Loop(), list[str]()
    for n in range(3):
        loop.shares.enter("a", Worker(loop, f"{n}", 2, log))
    assert [m.value for m in loop.shares.metrics()] == [3, 0]
    loop.run()
    assert [m.value for m in loop.shares.metrics()] == [0, 6]


# -- at once, and later ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paced", [True, False])
def test_a_few_begin_at_once_and_the_others_in_order_in_the_next_turns(paced: bool) -> None:
    loop, begun = Loop(paced), list[int]()
    for n in range(450):
        loop.shares.begin("a", lambda n=n: begun.append(n))  # type: ignore[misc]
    at_once = len(begun)
    assert 0 < at_once < (20 if paced else 120)
    loop.run()
    assert begun == list(range(450))
    loop.now += SHORTEST_PAUSE_S
    loop.shares.begin("a", lambda: begun.append(450))
    assert begun[-1] == 450, "nobody waits any more"


def test_a_turn_that_is_used_up_has_nothing_left_for_others() -> None:
    loop = Loop()
    assert loop.shares.at_once(lambda: loop.spend(2 * TURN_S))
    assert not loop.shares.at_once(lambda: loop.spend(TURN_S))
    loop.now += SHORTEST_PAUSE_S
    assert loop.shares.at_once(lambda: loop.spend(TURN_S))


def test_who_waits_comes_before_who_comes_now() -> None:
    loop, log = Loop(), list[str]()
    loop.shares.enter("a", Worker(loop, "waits", 1, log))
    assert not loop.shares.at_once(lambda: log.append("new"))
    loop.run()
    assert log == ["waits"]


# -- what is spent in tasks and threads --------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["tasks", "threads"])
def test_what_goes_on_elsewhere_is_paid_for_before_others_begin(where: str) -> None:
    loop, begun = Loop(), list[float]()

    def begin() -> None:
        begun.append(loop.now)
        if where == "tasks":
            loop.shares.spent(0.01)
        else:
            loop.elsewhere += 0.01

    for n in range(100):
        loop.shares.begin(f"a-{n}", begin)
    loop.run()
    assert begun[-1] - begun[0] >= (100 * 0.01 - BURST_S - 0.03) / SHARE


def test_one_that_took_very_long_does_not_keep_the_others_waiting_for_ever() -> None:
    loop, begun = Loop(), list[float]()
    loop.shares.spent(60.0)
    loop.shares.begin("a", lambda: begun.append(loop.now))
    loop.run()
    assert begun == [pytest.approx(100.0 + OWED_S / SHARE, abs=0.01)]


@pytest.mark.parametrize("awaited", [False, True])
@pytest.mark.parametrize(("rests_s", "waits_s"), [(0.0, (0.09 - BURST_S) / SHARE - 0.09), (5.0, 0.0)])
def test_a_metered_coroutine_does_what_it_does_and_is_charged_for_each_step(
    awaited: bool, rests_s: float, waits_s: float
) -> None:
    loop, begun = Loop(), list[float]()

    async def inner() -> str:
        loop.spend(0.045)
        await Step()
        loop.spend(0.045)
        return "done"

    async def outer() -> str:
        return str(await loop.shares.metered(inner()))

    running = outer() if awaited else loop.shares.metered(inner())
    running.send(None)
    loop.now += rests_s
    with pytest.raises(StopIteration) as end:
        running.send(None)
    assert end.value.value == "done"
    ended_at = loop.now
    loop.shares.begin("a", lambda: begun.append(loop.now))
    loop.run()
    assert begun == [pytest.approx(ended_at + waits_s, abs=0.002)]


async def test_a_metered_coroutine_is_cancelled_as_any_other() -> None:
    loop, ends = Loop(), list[str]()

    async def forever() -> None:
        try:
            await Step()
        except GeneratorExit:
            ends.append("closed")
            raise
        except ValueError:
            ends.append("thrown")
            raise

    closed, thrown = loop.shares.metered(forever()), loop.shares.metered(forever())
    closed.send(None)
    closed.close()
    thrown.send(None)
    with pytest.raises(ValueError):
        thrown.throw(ValueError())
    assert ends == ["closed", "thrown"]
