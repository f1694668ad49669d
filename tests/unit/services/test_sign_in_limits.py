"""Passwords are not tried fast: by address, by login, by both; and nobody locks another out."""

import pytest

from madang.core.rate import Rate
from madang.services import sign_in_limits as module
from madang.services.limits import UNLIMITED, Limits, Rates
from madang.services.sign_in_limits import SignInLimits
from tests.unit.services.refusals import refusal

NOW = 1000.0


def limits(address: int = 100, login: int = 100, pair: int = 100) -> SignInLimits:
    return SignInLimits(Rate(1, address), Rate(1 / 60, login), Rate(1 / 10, pair))


def passed(limits: SignInLimits, login: str, address: str, now: float = NOW, tries: int = 50) -> int:
    return sum(refusal(lambda: limits.attempt(login, address, now)) is None for _ in range(tries))


def test_one_login_from_one_address() -> None:
    held = limits(pair=5)
    assert passed(held, "mina", "a") == 5
    assert passed(held, "mina", "b") == 5
    assert passed(held, "bora", "a") == 5
    assert passed(held, "mina", "a", NOW + 10) == 1
    waiting = refusal(lambda: held.attempt("mina", "a", NOW + 10))
    assert waiting is not None and 9_000 < waiting.retry_ms <= 10_001


def test_one_address_for_all_logins() -> None:
    held = limits(address=7)
    assert sum(passed(held, f"login-{n}", "a", tries=1) for n in range(20)) == 7
    assert passed(held, "mina", "b", tries=1) == 1


def test_one_login_from_all_addresses() -> None:
    held = limits(login=9)
    assert sum(passed(held, "mina", f"a-{n}", tries=1) for n in range(20)) == 9
    assert passed(held, "bora", "a-1", tries=1) == 1


def test_a_flood_from_elsewhere_locks_nobody_out() -> None:
    held = limits(login=9, pair=5)
    held.attempt("mina", "home", NOW)
    held.right("mina", "home", NOW)
    assert sum(passed(held, "mina", f"a-{n}", tries=1) for n in range(20)) == 9
    assert passed(held, "mina", "home") == 5, "as many as from any address"


def test_who_is_right_pays_for_the_address_alone() -> None:
    held = limits(address=30, login=3, pair=3)
    for _ in range(30):
        held.attempt("mina", "a", NOW)
        held.right("mina", "a", NOW)
    assert passed(held, "mina", "a") == 0


def test_what_one_limit_refuses_none_is_charged_for() -> None:
    held = limits(address=100, pair=5)
    passed(held, "mina", "a")
    assert passed(held, "bora", "a", tries=5) + passed(held, "chan", "a", tries=5) == 10
    assert sum(passed(held, f"l-{n}", "a", tries=1) for n in range(200)) == 100 - 15


def test_few_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOWN", 3)
    held = limits(login=1)
    for n in range(5):
        held.attempt(f"login-{n}", "home", NOW)
        held.right(f"login-{n}", "home", NOW)
        passed(held, f"login-{n}", "elsewhere")
    assert [passed(held, f"login-{n}", "home", tries=1) for n in range(5)] == [0, 0, 1, 1, 1]


def test_nodes_tell_each_other_no_login() -> None:
    here, there = Limits(Rates(), shared=True), Limits(Rates(), shared=True)
    for _ in range(4):
        here.sign_ins.attempt("mina@example.com", "10.0.0.1", NOW)
    spent = here.spent(0.2, 100)
    assert {each.kind for each in spent} == {"login", "sign_in"}
    assert not any("mina" in each.key for each in spent)
    for each in spent:
        there.charge(each, NOW)
    assert passed(there.sign_ins, "mina@example.com", "10.0.0.9", tries=50) <= 5
    others = sum(passed(there.sign_ins, "mina@example.com", f"10.0.1.{n}", tries=1) for n in range(50))
    assert others == 20 - 4 - 5, "of the twenty in all"


def test_a_load_test_has_none() -> None:
    assert passed(Limits(UNLIMITED).sign_ins, "mina", "a", tries=1_000) == 1_000
