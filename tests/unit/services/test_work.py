"""What costs more than a command is paid for by its connection, and by all that its user and its address do."""

import pytest

from madang.core import costs
from madang.core.rate import Bucket, Rate
from madang.errors import Limited
from madang.services.limits import UNLIMITED, Limits, Rates
from madang.services.work import OF_ADDRESS, OF_USER

NOW = 1000.0
BURST = 200
LIMITS = Rates(connection=Rate(50, BURST))
KB64 = 65_536
WEIGHT = 1 + KB64 // costs.BYTES


def wait_for(limits: Limits, bucket: Bucket, size: int, user: str = "u", address: str = "a", now: float = NOW) -> float:
    """The seconds until a command may come again; 0 for one that was accepted."""
    try:
        limits.commands.large_command(bucket, size, user, address, now)
    except Limited as limited:
        assert limited.code == "rate_limited"
        return limited.retry_ms / 1000
    return 0.0


def accepted(limits: Limits, size: int, user: str, address: str, bucket: Bucket | None = None) -> int:
    """How many commands of this size are accepted at once."""
    bucket, n = bucket or Bucket(), 0
    while not wait_for(limits, bucket, size, user, address):
        n += 1
        assert n < 10_000
    return n


@pytest.mark.parametrize("size", [costs.BYTES, 3 * costs.BYTES, KB64])
def test_a_command_costs_by_its_bytes(size: int) -> None:
    assert accepted(Limits(LIMITS), size, "u", "a") == BURST // (1 + size // costs.BYTES)


def test_longest_messages_at_the_rate_of_a_user_are_not_held_up() -> None:
    limits, bucket = Limits(LIMITS), Bucket()
    for n in range(3000):
        assert not wait_for(limits, bucket, 12_300, now=NOW + n / 10)


def test_who_waits_as_told_is_accepted() -> None:
    limits, bucket = Limits(LIMITS), Bucket()
    accepted(limits, KB64, "u", "a", bucket)
    wait = wait_for(limits, bucket, KB64)
    assert wait > 0
    assert not wait_for(limits, bucket, KB64, now=NOW + wait)


def test_a_user_does_not_get_more_by_many_connections() -> None:
    limits = Limits(LIMITS)
    total = sum(accepted(limits, KB64, "u", f"a-{n}") for n in range(50))
    assert total == OF_USER * BURST // (WEIGHT - 1)
    assert accepted(limits, KB64, "v", "a") > 0


def test_an_address_does_not_get_more_by_many_users() -> None:
    limits = Limits(LIMITS)
    total = sum(accepted(limits, KB64, f"u-{n}", "a") for n in range(500))
    assert total == OF_ADDRESS * BURST // (WEIGHT - 1)
    assert accepted(limits, KB64, "v", "b") > 0


def test_ordinary_commands_of_an_address_that_has_spent_all_are_accepted() -> None:
    limits = Limits(LIMITS)
    for n in range(500):
        accepted(limits, KB64, f"u-{n}", "a")
    for _ in range(BURST):
        limits.commands.command(bucket := Bucket(), NOW)
        limits.commands.took(bucket, 40e-6, 400, "u", "a", NOW)


def test_what_one_refuses_is_charged_to_none() -> None:
    limits = Limits(LIMITS)
    for n in range(500):
        accepted(limits, KB64, f"u-{n}", "a")
    bucket = Bucket()
    for _ in range(100):
        assert wait_for(limits, bucket, KB64, "w", "a")
    assert bucket.owed(NOW) == pytest.approx(0, abs=1e-6)
    assert accepted(limits, KB64, "w", "b") == BURST // WEIGHT


def test_time_is_charged_beyond_what_bytes_have_paid() -> None:
    limits, bucket = Limits(LIMITS), Bucket()
    limits.commands.took(bucket, 16 * costs.SECONDS, KB64, "u", "a", NOW)
    assert bucket.owed(NOW) == 0
    limits.commands.took(bucket, 217.5 * costs.SECONDS, KB64, "u", "a", NOW)
    assert bucket.owed(NOW) == pytest.approx(200 / 50)
    with pytest.raises(Limited):
        limits.commands.command(bucket, NOW)
    assert sum(accepted(limits, costs.BYTES, "u", "b") for _ in range(5)) == OF_USER * BURST - 200


def test_what_costs_more_than_a_bucket_holds_needs_a_full_one() -> None:
    limits, bucket = Limits(Rates(connection=Rate(1, 4))), Bucket()
    assert not wait_for(limits, bucket, KB64)
    wait = wait_for(limits, bucket, KB64)
    assert wait >= 4
    assert not wait_for(limits, bucket, KB64, now=NOW + wait)


@pytest.mark.parametrize("rows", [20, 50, 200])
def test_a_page_is_paid_for_by_user_and_address_too(rows: int) -> None:
    limits = Limits(LIMITS)
    read = 0
    for n in range(100):
        bucket = Bucket()
        try:
            while True:
                limits.commands.page(bucket, rows, "u", f"a-{n}", NOW)
                read += 1
        except Limited:
            continue
    assert read == OF_USER * BURST // (rows // costs.ROWS)


def test_a_body_is_charged_to_all_requests_of_a_user_or_of_an_address_without_one() -> None:
    for user in ("u", ""):
        limits, taken = Limits(LIMITS), 0
        with pytest.raises(Limited):
            while True:
                limits.commands.large_body(KB64, user, "a", NOW)
                taken += 1
        assert taken == BURST // (WEIGHT - 1)
        limits.commands.large_body(costs.BYTES - 1, user, "a", NOW)


def test_without_limits_nothing_is_charged() -> None:
    limits, bucket = Limits(UNLIMITED), Bucket()
    for _ in range(1000):
        assert not wait_for(limits, bucket, KB64)
        limits.commands.took(bucket, 1.0, KB64, "u", "a", NOW)
    assert bucket.owed(NOW) == 0
