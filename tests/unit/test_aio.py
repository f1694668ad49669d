"""Equal calls at one time are made once, nobody gets an answer older than the question, and a crowd comes in turns."""

import asyncio
import gc
from collections.abc import Sequence
from functools import partial

import pytest

from madang.aio import APART_S, Batcher, FairTurns, NextFlight, SingleFlight, cancelled
from madang.testing import VirtualLoop
from tests.waiting import turns


class Source:
    """Answers with what stood there when it was asked, when the test says so."""

    def __init__(self) -> None:
        self.value = 0
        self.asked = 0
        self.running = 0
        self.most = 0
        self.go = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.asked += 1
        self.running += 1
        self.most = max(self.most, self.running)
        value = self.value
        try:
            await self.go.wait()
        finally:
            self.running -= 1
        if self.error is not None:
            raise self.error
        return value


@pytest.mark.parametrize("kind", [SingleFlight, NextFlight])
async def test_equal_calls_that_overlap_share_an_answer(kind: type[SingleFlight[int]]) -> None:
    flight, source = kind(), Source()
    asking = [asyncio.ensure_future(flight.do("key", source)) for _ in range(50)]
    await turns()
    source.go.set()
    assert await asyncio.gather(*asking) == [0] * 50
    assert source.asked == (1 if kind is SingleFlight else 2)
    assert source.most == 1
    assert await flight.do("key", source) == 0
    assert source.asked == (2 if kind is SingleFlight else 3), "nothing is kept"


@pytest.mark.parametrize("kind", [SingleFlight, NextFlight])
async def test_other_keys_do_not_wait(kind: type[SingleFlight[int]]) -> None:
    flight, slow, quick = kind(), Source(), Source()
    waiting = asyncio.ensure_future(flight.do("slow", slow))
    quick.go.set()
    assert await flight.do("quick", quick) == 0
    slow.go.set()
    assert await waiting == 0


@pytest.mark.parametrize("kind", [SingleFlight, NextFlight])
async def test_an_error_is_everybodys_and_then_forgotten(kind: type[SingleFlight[int]]) -> None:
    flight, source = kind(), Source()
    source.error = OSError("once")
    asking = [asyncio.ensure_future(flight.do("key", source)) for _ in range(3)]
    await turns()
    source.go.set()
    assert all(isinstance(e, OSError) for e in await asyncio.gather(*asking, return_exceptions=True))
    source.error = None
    assert await flight.do("key", source) == 0


@pytest.mark.parametrize("kind", [SingleFlight, NextFlight])
async def test_who_is_cancelled_leaves_the_call_to_the_others(kind: type[SingleFlight[int]]) -> None:
    flight, source = kind(), Source()
    asking = [asyncio.ensure_future(flight.do("key", source)) for _ in range(4)]
    await turns()
    asking[0].cancel()
    asking[2].cancel()
    await turns()
    source.go.set()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert [isinstance(a, asyncio.CancelledError) for a in answers] == [True, False, True, False]
    assert answers[1] == answers[3] == 0


@pytest.mark.parametrize("kind", [SingleFlight, NextFlight])
async def test_an_error_that_nobody_waits_for_is_not_reported(kind: type[SingleFlight[int]]) -> None:
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))
    flight, source = kind(), Source()
    source.error = OSError("once")
    asking = [asyncio.ensure_future(flight.do("key", source)) for _ in range(2)]
    await turns()
    for each in asking:
        each.cancel()
    source.go.set()
    await turns()
    del asking
    gc.collect()
    await turns()
    asyncio.get_running_loop().set_exception_handler(None)
    assert reports == []


async def test_a_fresh_answer_is_not_older_than_its_question() -> None:
    flight, source = NextFlight[int](), Source()
    first = asyncio.ensure_future(flight.do("key", source))
    await turns()
    source.value = 1  # acked to somebody, who now asks
    second = asyncio.ensure_future(flight.do("key", source))
    third = asyncio.ensure_future(flight.do("key", source))
    await turns()
    assert source.asked == 1, "one at a time"
    source.go.set()
    assert list(await asyncio.gather(first, second, third)) == [0, 1, 1]
    assert source.asked == 2
    assert len(flight) == 0


# -- Batcher ------------------------------------------------------------------------------------------------------------


class Asked:
    """Answers keys with themselves doubled, when it is let; "none" is not known, "bad" is an error."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.go = asyncio.Event()

    async def __call__(self, keys: Sequence[str]) -> dict[str, str]:
        self.calls.append(list(keys))
        await self.go.wait()
        if "bad" in keys:
            raise ValueError("bad")
        return {key: key * 2 for key in keys if key != "none"}


async def test_what_is_asked_while_a_call_is_under_way_shares_the_next_one() -> None:
    asked = Asked()
    batcher = Batcher(asked, most=3)
    lone = asyncio.ensure_future(batcher.get("a"))
    await turns()
    others = [asyncio.ensure_future(batcher.get(key)) for key in ("b", "none", "c", "a", "d", "b")]
    await turns()
    assert asked.calls == [["a"]], "a question waits for nobody, or a later one was put in"
    asked.go.set()
    assert await lone == "aa"
    assert await asyncio.gather(*others) == ["bb", None, "cc", "aa", "dd", "bb"]
    assert asked.calls == [["a"], ["b", "none", "c"], ["a", "d"]]


def test_a_crowd_that_comes_one_by_one_shares_a_few_calls() -> None:
    loop, asked = VirtualLoop(), list[tuple[float, int]]()

    async def ask(keys: Sequence[str]) -> dict[str, str]:
        asked.append((loop.time(), len(keys)))
        await asyncio.sleep(APART_S / 5)
        return {key: key for key in keys}

    async def crowd() -> None:
        batcher, began = Batcher(ask, most=50), loop.time()

        async def come(n: int) -> float:
            await asyncio.sleep(n * APART_S / 10)
            assert await batcher.get(f"{n}") == f"{n}"
            return loop.time() - began - n * APART_S / 10

        waited = await asyncio.gather(*map(come, range(100)))
        assert max(waited) < 1.3 * APART_S
        assert len(asked) <= 12
        alone_at = loop.time()
        assert await batcher.get("alone") == "alone"
        assert asked[-1] == (alone_at, 1), "who is alone has waited"

    loop.run_until_complete(crowd())
    loop.close()


async def test_an_error_is_everybodys_of_that_call_and_of_no_other() -> None:
    asked = Asked()
    batcher = Batcher(asked, most=10)
    asked.go.set()
    first = await asyncio.gather(batcher.get("bad"), batcher.get("a"), return_exceptions=True)
    assert [type(answer) for answer in first] == [ValueError, ValueError]
    assert await batcher.get("a") == "aa"


async def test_who_is_cancelled_leaves_the_answer_to_the_others() -> None:
    asked = Asked()
    batcher = Batcher(asked, most=10)
    gone, stays = asyncio.ensure_future(batcher.get("a")), asyncio.ensure_future(batcher.get("a"))
    await turns()
    gone.cancel()
    await turns()
    asked.go.set()
    assert await stays == "aa"
    assert gone.cancelled()


async def test_who_loses_a_cancellation_is_cancelled_again() -> None:
    """As redis-py does; a node that was told to stop once waited for its presence forever."""
    lost = 0

    async def careless() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                lost += 1
                if lost > 1:
                    raise

    async def failing() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("on the way out")

    tasks = [asyncio.create_task(careless()), asyncio.create_task(failing())]
    await turns()
    await cancelled(tasks)
    assert lost == 2 and all(task.done() for task in tasks)


async def test_those_who_wait_take_turns() -> None:
    """However much one asks for, the next of another is next but one; everybody's own calls keep their order."""
    fair, went, go = FairTurns(2, 100), list[str](), asyncio.Event()

    async def call(name: str) -> str:
        went.append(name)
        await go.wait()
        return name

    calls = [asyncio.ensure_future(fair.do("flood", partial(call, f"flood {n}"))) for n in range(20)]
    await turns()
    calls += [
        asyncio.ensure_future(fair.do(who, partial(call, f"{who} {n}"))) for n in range(2) for who in ("ara", "bora")
    ]
    await turns()
    assert went == ["flood 0", "flood 1"]
    go.set()
    assert len(await asyncio.gather(*calls)) == 24
    assert went[2:8] == ["flood 2", "ara 0", "bora 0", "flood 3", "ara 1", "bora 1"]
    assert went[8:] == [f"flood {n}" for n in range(4, 20)]
    assert fair.waiting == 0


async def test_a_turn_is_passed_on_whatever_happens() -> None:
    """By calls that fail, by callers that are cancelled: while they wait, as their turn comes, during the call."""
    fair, go = FairTurns(1, 3), asyncio.Event()

    async def fails() -> None:
        await go.wait()
        raise ValueError

    async def answers() -> int:
        return 7

    first = asyncio.ensure_future(fair.do("ara", fails))
    await turns()
    waiting = [asyncio.ensure_future(fair.do("bora", answers)) for _ in range(3)]
    await turns()
    with pytest.raises(OverflowError):
        await fair.do("chul", answers)
    waiting[0].cancel()
    go.set()
    with pytest.raises(ValueError):
        await first
    waiting[1].cancel()  # it has been given the turn, and has not run yet
    assert await waiting[2] == 7
    during = asyncio.ensure_future(fair.do("ara", asyncio.Event().wait))
    await turns()
    during.cancel()
    await asyncio.gather(during, *waiting, return_exceptions=True)
    assert await fair.do("chul", answers) == 7
