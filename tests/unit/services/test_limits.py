"""Whoever is too fast waits, for as long as they are told; nobody else does; and what is forgotten is bounded."""

import asyncio
import heapq
import math
import sys
from collections.abc import Callable

import pytest

from madang.aio import cancelled
from madang.core.actors import Actor
from madang.core.rate import Bucket, Rate
from madang.errors import Limited
from madang.services import buckets
from madang.services.address_limits import PACE_S
from madang.services.buckets import PORTION, Buckets, take
from madang.services.limits import OWED_SWEEPS, SWEEP_S, UNLIMITED, Limits, Rates
from madang.services.quotas import DAY_S, HOUR_S, PIECE, QuotaRates, Quotas
from madang.testing import VirtualLoop
from tests.unit.services.refusals import refusal

NOW = 1000.0
FEW = Rates(user=Rate(10, 3), room=Rate(100, 6), address=Rate(1, 2), connection=Rate(5, 4))


def passed(call: Callable[[], None], tries: int) -> int:
    return sum(refusal(call) is None for _ in range(tries))


def test_a_user_is_held_over_all_rooms_and_connections() -> None:
    limits = Limits(FEW)
    assert passed(lambda: limits.appends.append("u", "a", NOW), 2) == 2
    assert passed(lambda: limits.appends.append("u", "b", NOW), 5) == 1
    assert passed(lambda: limits.appends.append("other", "a", NOW), 3) == 3


def test_a_room_is_held_over_all_users() -> None:
    limits = Limits(FEW)
    assert sum(passed(lambda: limits.appends.append(f"u-{n}", "a", NOW), 1) for n in range(20)) == 6  # noqa: B023
    assert passed(lambda: limits.appends.append("u-99", "b", NOW), 1) == 1


def test_a_server_is_held_by_the_room_alone() -> None:
    limits = Limits(FEW)
    assert passed(lambda: limits.appends.append("key", "a", NOW, server=True), 20) == 6


def test_slow_mode_is_a_wait_between_two_messages_of_one_member() -> None:
    limits = Limits(FEW)
    limits.appends.append("u", "a", NOW, 5000)
    refused = refusal(lambda: limits.appends.append("u", "a", NOW + 1, 5000))
    assert refused is not None
    assert refused.code == "slow_mode"
    assert refused.retry_ms == pytest.approx(4000, abs=2)
    limits.appends.append("u", "b", NOW + 1, 5000)
    limits.appends.append("other", "a", NOW + 1, 5000)
    limits.appends.append("u", "a", NOW + 5, 5000)


@pytest.mark.parametrize("slow_ms", [0, 50, 1000])
@pytest.mark.parametrize("others", [0, 4])
def test_waiting_as_told_succeeds(slow_ms: int, others: int) -> None:
    """Whatever refuses: the longest wait is told."""
    limits, now = Limits(FEW), NOW
    for n in range(others):
        limits.appends.append(f"other-{n}", "a", now)
    for _ in range(20):
        refused = refusal(lambda: limits.appends.append("u", "a", now, slow_ms))  # noqa: B023
        if refused is None:
            continue
        now += refused.retry_ms / 1000
        limits.appends.append("u", "a", now, slow_ms)


@pytest.mark.parametrize("what", ["append", "room", "command", "request", "page", "address"])
def test_those_refused_together_are_told_different_times(what: str) -> None:
    """Each comes back when told, and not one of them for nothing."""
    limits, bucket = Limits(FEW), Bucket()

    def come(n: int, now: float) -> Limited | None:
        calls: dict[str, Callable[[], None]] = {
            "append": lambda: limits.appends.append("u", f"r-{n}", now),
            "room": lambda: limits.appends.append(f"u-{n}", "r", now),
            "command": lambda: limits.commands.command(bucket, now),
            "request": lambda: limits.commands.request("u", now),
            "page": lambda: limits.commands.page(bucket, 20, "", "", now),
            "address": lambda: limits.addresses.guest("10.0.0.1", now),
        }
        return refusal(calls[what])

    told = {n: refused.retry_ms for n in range(20) if (refused := come(n, NOW)) is not None}
    assert len(told) >= 14
    assert list(told.values()) == sorted(set(told.values())), "in the order they came, and no two together"
    assert [n for n, wait_ms in told.items() if come(n, NOW + wait_ms / 1000) is not None] == []


def test_what_is_given_back_can_be_spent_again() -> None:
    limits = Limits(FEW)
    for _ in range(100):
        limits.appends.append("u", "a", NOW, 5000)
        limits.appends.give_back(NOW, user="u", room="a")
        limits.appends.give_back_slow("u", "a", NOW, 5000)
    assert passed(lambda: limits.appends.append("u", "a", NOW), 10) == 3


def test_what_one_limit_refuses_costs_nothing_with_the_others() -> None:
    limits = Limits(FEW)
    limits.appends.append("u", "a", NOW, 60_000)
    assert passed(lambda: limits.appends.append("u", "a", NOW, 60_000), 10) == 0
    assert passed(lambda: limits.appends.append("u", "b", NOW), 10) == 2, "of three, one was spent"
    assert passed(lambda: limits.appends.append("u", "a", NOW), 10) == 0
    assert passed(lambda: limits.appends.append("v", "a", NOW), 3) == 3, "nor does a flooder use up the room"
    assert passed(lambda: limits.appends.append("w", "a", NOW), 3) == 2


def test_commands_requests_and_addresses_have_limits_of_their_own() -> None:
    limits, bucket, another = Limits(FEW), Bucket(), Bucket()
    assert passed(lambda: limits.commands.command(bucket, NOW), 10) == 4
    assert passed(lambda: limits.commands.command(another, NOW), 10) == 4
    assert passed(lambda: limits.commands.request("u", NOW), 10) == 4
    assert passed(lambda: limits.addresses.guest("10.0.0.1", NOW), 10) == 2
    assert passed(lambda: limits.addresses.guest("10.0.0.2", NOW), 10) == 2
    refused = refusal(lambda: limits.addresses.guest("10.0.0.1", NOW))
    assert refused is not None
    assert refused.code == "rate_limited"
    limits.addresses.guest("10.0.0.1", NOW + math.ceil(refused.retry_ms) / 1000)


def test_answers_are_held_the_longer_the_fewer_requests_an_address_has_left() -> None:
    limits = Limits(Rates(requests=Rate(100, 500))).addresses
    held = []
    for _ in range(500):
        held.append(limits.pace("10.0.0.1", 25, NOW))
        limits.arrival("10.0.0.1", NOW)
    assert held[:250] == [0.0] * 250
    assert held[375] == pytest.approx(0.25), "25 clients earn a request each"
    assert held == sorted(held)
    assert limits.pace("10.0.0.1", 100_000, NOW) == PACE_S
    assert limits.pace("10.0.0.2", 25, NOW) == 0.0
    assert Limits(UNLIMITED).addresses.pace("10.0.0.1", 25, NOW) == 0.0


def test_an_address_of_many_handshakes_costs_the_others_none() -> None:
    limits = Limits(Rates(address=Rate(1, 5), handshakes=Rate(10, 10)))
    assert passed(lambda: limits.addresses.handshake("10.0.0.1", NOW), 100) == 5
    assert passed(lambda: limits.addresses.handshake("10.0.0.2", NOW), 5) == 5, "what was refused has counted with none"
    refused = refusal(lambda: limits.addresses.handshake("10.0.0.3", NOW))
    assert refused is not None
    assert refused.code == "overloaded"
    assert passed(lambda: limits.addresses.handshake("10.0.0.3", NOW + 1), 5) == 5


@pytest.mark.parametrize(
    ("addresses", "rates", "ideal_s", "tries"),
    [
        (10_000, Rates(), 8.0, 2.0),  # (10,000 - 2,000 at once) / 1,000 a second
        (1, Rates(address=Rate(50, 500)), 190.0, 7.0),  # all behind one proxy that nobody has said to trust
    ],
)
def test_all_who_return_together_are_let_in_by_and_by(
    addresses: int, rates: Rates, ideal_s: float, tries: float
) -> None:
    """10,000 that were cut off come at once, and again when told, in whole seconds as Retry-After has it."""
    limits, came = Limits(rates), 0
    due = [(NOW, client) for client in range(10_000)]
    heapq.heapify(due)
    now = NOW
    while due:
        now, client = heapq.heappop(due)
        came += 1
        refused = refusal(lambda: limits.addresses.handshake(f"10.0.0.{client % addresses}", now))  # noqa: B023
        if refused is not None:
            heapq.heappush(due, (now + 1 + refused.retry_ms // 1000, client))
    assert now - NOW <= 1.2 * ideal_s + 2
    assert came <= tries * 10_000


def test_unlimited_limits_nothing_but_slow_mode() -> None:
    limits, bucket = Limits(UNLIMITED), Bucket()
    assert passed(lambda: limits.appends.append("u", "a", NOW), 1000) == 1000
    assert passed(lambda: limits.commands.command(bucket, NOW), 1000) == 1000
    assert passed(lambda: limits.addresses.guest("10.0.0.1", NOW), 1000) == 1000
    assert passed(lambda: limits.addresses.handshake("10.0.0.1", NOW), 10_000) == 10_000
    assert passed(lambda: limits.appends.append("u", "a", NOW, 1000), 5) == 1


def test_those_who_rest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "PRUNE", 100)
    limits, now = Limits(FEW), NOW
    for n in range(1000):
        now += 1.0
        limits.appends.append(f"u-{n}", f"r-{n}", now)
    for kind in ("user", "room"):
        assert len(limits.appends.kinds[kind][0]) <= 100


@pytest.mark.parametrize(("count", "portion"), [(5_000, 1_000), (999, 1_000), (0, 1)])
def test_those_who_rest_are_forgotten_though_nobody_comes_after_them(
    count: int, portion: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storm of newcomers, each from an address of their own, who join, say something and go."""
    monkeypatch.setattr(buckets, "PORTION", portion)
    loop = VirtualLoop()
    limits = Limits(Rates(handshakes=Rate(0, 0)))

    def kept() -> float:
        return limits.metrics()[0].value

    def come(n: int) -> None:
        actor, now = Actor(id=f"u-{n}", name="Mina", address=f"10.0.{n}"), loop.time()
        limits.addresses.handshake(actor.address, now)
        limits.addresses.guest(actor.address, now)
        limits.quotas.take_guest(actor.address, now)
        limits.quotas.take_join(actor, "lobby", now)
        limits.appends.append(actor.id, f"room-{n}", now, 1000, address=actor.address)
        limits.quotas.take_bytes(actor, 100, now)
        limits.commands.request(actor.id, now)
        limits.commands.page(None, 200, actor.id, actor.address, now)

    for n in range(count):
        come(n)
    assert kept() >= 10 * count
    keeping = loop.create_task(limits.run(loop.time))
    loop.run_until_complete(asyncio.sleep(2 * SWEEP_S))
    assert kept() <= 5 * count + 10, "rates are full after seconds"
    slow = limits.quotas.rates.returns
    loop.run_until_complete(asyncio.sleep(HOUR_S / slow.user + DAY_S / limits.quotas.rates.joins.user + SWEEP_S))
    assert kept() <= 2, "what all users make together, by the day"
    assert sum(map(sys.getsizeof, limits.quotas.buckets)) < 10_000, "nor does a dict keep the size that it had"
    loop.run_until_complete(cancelled([keeping]))
    loop.close()


def test_who_comes_while_it_is_swept_is_not_forgotten() -> None:
    async def sweep() -> None:
        kept, now = Buckets(), 1000.0
        for n in range(3 * PORTION):
            take(kept.of(f"u-{n}", now), Rate(1, 5), now)
        sweeping = asyncio.ensure_future(kept.sweep(lambda: now + 10))
        while not sweeping.done():
            for n in range(0, 3 * PORTION, 100):
                bucket = kept.of(f"u-{n}", now + 10)
                if not bucket.owed(now + 10):
                    assert passed(lambda bucket=bucket: take(bucket, Rate(1, 5), now + 10), 9) == 5  # type: ignore[misc]
            await asyncio.sleep(0)
        assert sorted(kept) == sorted(f"u-{n}" for n in range(0, 3 * PORTION, 100))
        assert all(bucket.owed(now + 10) == pytest.approx(5) for bucket in kept.values())

    asyncio.run(sweep())


def test_what_is_owed_of_less_than_a_piece_is_forgotten() -> None:
    """In a day that is much less than the quota."""
    quotas = Quotas(QuotaRates())
    user = Actor(id="u", name="Mina", address="10.0.0.1")
    piece = PIECE
    assert DAY_S / (SWEEP_S * OWED_SWEEPS) * piece < 0.05 * quotas.rates.kilobytes.user
    for _ in range(piece - 1):
        quotas.take_bytes(user, 0, NOW)
        assert not any(quotas.buckets)
    quotas.forget_owed()
    quotas.take_bytes(user, 0, NOW)
    assert not any(quotas.buckets)


def test_looking_for_those_who_rest_costs_little_when_nobody_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow room of thousands: every member's bucket lives for an hour."""
    monkeypatch.setattr(buckets, "PRUNE", 100)
    looks = 0
    idle = Bucket.idle

    def counted(self: Bucket, now: float) -> bool:
        nonlocal looks
        looks += 1
        return idle(self, now)

    monkeypatch.setattr(Bucket, "idle", counted)
    limits = Limits(Rates(user=Rate(0, 1), room=Rate(0, 1)))
    for n in range(10_000):
        limits.appends.append(f"u-{n}", "a", NOW + n / 1000, 3_600_000)
    assert looks <= 3 * 10_000


def test_a_bucket_in_use_is_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "PRUNE", 10)
    limits = Limits(FEW)
    assert passed(lambda: limits.appends.append("u", "a", NOW), 10) == 3
    for n in range(1000):
        refusal(lambda: limits.appends.append(f"u-{n}", f"b-{n}", NOW))  # noqa: B023
    assert passed(lambda: limits.appends.append("u", "a", NOW), 10) == 0


def test_a_page_counts_by_its_rows() -> None:
    limits = Limits(Rates(connection=Rate(50, 200)))
    bucket = Bucket()
    assert passed(lambda: limits.commands.page(bucket, 200, "", "", NOW), 20) == 20
    for turn_ms in (200, 400, 600):
        refused = refusal(lambda: limits.commands.page(bucket, 200, "", "", NOW))
        assert refused is not None
        assert refused.retry_ms == pytest.approx(turn_ms, abs=2)
    assert passed(lambda: limits.commands.page(Bucket(), 19, "", "", NOW), 1000) == 1000
    assert passed(lambda: limits.commands.page(None, 200, "u", "", NOW), 100) == 20


def test_who_was_closed_for_flooding_pays_for_coming_back() -> None:
    """Else a burst for every connection would be possible fifty times a second."""
    limits = Limits(Rates(address=Rate(50, 500)))
    came = 0
    for n in range(50 * 60):
        now = NOW + n / 50
        if refusal(lambda: limits.addresses.handshake("a", now)) is None:  # noqa: B023  # called at once
            limits.addresses.flooded("a", now)
            came += n >= 50 * 30
    assert came == pytest.approx(30 * 50 / 26, abs=2)
    assert refusal(lambda: limits.addresses.handshake("b", NOW + 60)) is None
    Limits(UNLIMITED).addresses.flooded("a", NOW)


def test_wrong_tokens_weigh_more_than_requests() -> None:
    limits = Limits(Rates(requests=Rate(10, 100)))
    for _ in range(100):
        limits.addresses.arrival("a", NOW)
    with pytest.raises(Limited) as refused:
        limits.addresses.arrival("a", NOW)
    assert refused.value.code == "rate_limited"
    for _ in range(10):
        limits.addresses.arrival("b", NOW)
        limits.addresses.wrong_token("b", NOW)
    with pytest.raises(Limited):
        limits.addresses.arrival("b", NOW)
    limits.addresses.arrival("c", NOW)
    limits.addresses.handshake("a", NOW)  # another bucket
