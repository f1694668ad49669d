"""Passwords are hashed in one thread, by turns of addresses; whoever comes when too many wait is told so."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator

import pytest
from argon2 import extract_parameters

from madang.errors import Limited
from madang.services.passwords import LANES, MEMORY_KIB, NICENESS, NICEST, NOBODY, PASSES, WAITING, Passwords
from tests.waiting import eventually, turns


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    made = Passwords()
    yield made
    await made.stop()


def counted(passwords: Passwords) -> list[float]:
    """How many were hashed, were refused, and wait."""
    return [metric.value for metric in passwords.metrics()]


async def test_a_password_is_known_by_its_hash_alone(passwords: Passwords) -> None:
    hash = await passwords.hash("비밀번호 여덟", "a")
    assert "비밀" not in hash
    found = extract_parameters(hash)
    assert (found.memory_cost, found.time_cost, found.parallelism, found.type.name) == (MEMORY_KIB, PASSES, LANES, "ID")
    assert await passwords.is_right("비밀번호 여덟", hash, "a")
    assert not await passwords.is_right("비밀번호 아홉", hash, "a")
    assert hash != await passwords.hash("비밀번호 여덟", "a"), "the salt is another"


async def test_nobody_has_no_password_and_it_takes_as_long_to_say_so(passwords: Passwords) -> None:
    """Of the same costs, and it is compared, not refused as unreadable."""
    found, real = extract_parameters(NOBODY), extract_parameters(await passwords.hash("password", "a"))
    assert found == real
    assert not await passwords.is_right("password", "", "a")


async def test_a_hash_that_cannot_be_read_is_nobodys(passwords: Passwords, caplog: pytest.LogCaptureFixture) -> None:
    assert not await passwords.is_right("password", "$argon2id$nonsense", "a")
    assert [record.getMessage() for record in caplog.records] == ["a stored hash cannot be read: VerificationError"]


async def test_addresses_take_turns_and_too_many_are_told_so(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, order = threading.Event(), []

    def work(name: str) -> None:
        go.wait()
        order.append(name)

    async def ask(address: str, name: str) -> None:
        await passwords.run(address, lambda: work(name))

    first = asyncio.create_task(ask("a", "first"))
    await eventually(lambda: counted(passwords)[0] == 1)
    flood = [asyncio.create_task(ask("a", "flood")) for _ in range(WAITING - 1)]
    await turns()
    other = asyncio.create_task(ask("b", "other"))
    await turns()
    with pytest.raises(Limited) as refusal:
        await ask("c", "too late")
    assert refusal.value.code == "overloaded"
    assert counted(passwords) == [1, 1, WAITING]
    go.set()
    await asyncio.gather(first, other, *flood)
    assert order.index("other") <= 2, "one of the flood's turns, then the other's"


async def test_who_hangs_up_leaves_nothing_that_no_bound_counts(passwords: Passwords) -> None:
    go = threading.Event()
    first = asyncio.create_task(passwords.run("a", go.wait))
    await eventually(lambda: counted(passwords)[0] == 1)
    first.cancel()
    second = asyncio.create_task(passwords.run("a", lambda: None))
    await turns()
    assert counted(passwords)[2] == 1, "the thread is still busy with the first"
    go.set()
    await second


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no niceness of their own")
async def test_the_thread_gives_way_and_nothing_else(passwords: Passwords) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    thread = await passwords.run("a", lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert thread == min(NICEST, before + NICENESS)
    assert os.getpriority(os.PRIO_PROCESS, 0) == before


async def test_no_thread_runs_before_the_first_password() -> None:
    def threads() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name.startswith("madang-passwords")}

    before = threads()  # another test's may be about to end
    made = Passwords()
    assert not threads() - before
    await made.hash("password", "a")
    assert len(threads() - before) == 1
    await made.stop()
