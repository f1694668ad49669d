"""What is dangerous is found, what is not is left in peace."""

from typing import Any

import pytest

from madang.cli.unsafe_settings import unsafe
from madang.config import Settings
from madang.core.hosts import is_loopback

CLOSED = {"create_rooms": "keys"}
NAMED = {"hosts": ["chat.example"]}


def test_the_defaults_are_safe() -> None:
    assert unsafe(Settings()) == []


@pytest.mark.parametrize(
    ("given", "level", "says"),
    [
        ({"load_test": True}, "fail", "LOAD TEST"),
        ({"load_test": True, "room_rate": 0}, "fail", "LOAD TEST"),
        ({"origins": ["https://a.example", "*"]}, "warn", "origins"),
        ({"host": "0.0.0.0", **CLOSED}, "warn", "without TLS"),
        ({"host": "::", **CLOSED}, "warn", "without TLS"),
        ({"host": "192.0.2.1", **CLOSED}, "warn", "without TLS"),
        ({"host": "yard.example", **CLOSED}, "warn", "without TLS"),
        ({"trusted_proxies": ["127.0.0.1"], **CLOSED}, "warn", "answered 421"),
        ({"hosts": ["*"], **CLOSED}, "warn", 'hosts is "*"'),
        ({"trusted_proxies": ["127.0.0.1"], **NAMED}, "warn", "500 a day from one address, 20,000 in all"),
        ({"trusted_proxies": ["127.0.0.1"], "quota_rooms_in_all": 0, **NAMED}, "warn", "any number in all"),
        ({"trusted_proxies": ["127.0.0.1"], "guests": "off", **NAMED}, "warn", "may make an account, and rooms"),
        (
            {"trusted_proxies": ["127.0.0.1"], "create_rooms": "accounts", **NAMED},
            "warn",
            "may make an account, and rooms",
        ),
        (
            {"trusted_proxies": ["127.0.0.1"], "quota_joins_per_address": 0, **CLOSED, **NAMED},
            "warn",
            "quota_joins_per_address",
        ),
        ({"admin_host": "0.0.0.0"}, "fail", "admin listener"),
        ({"admin_host": "0.0.0.0", "admin_exposed": True}, "warn", "Nobody there can read"),
        ({"admin_host": "0.0.0.0", "admin_exposed": True, "metrics_token": "t" * 16}, "warn", "admin listener"),
        ({"user_rate": 0, "address_rate": 0}, "warn", "user_rate, address_rate"),
    ],
)
def test_each_danger_is_found_once(given: dict[str, Any], level: str, says: str) -> None:
    (finding,) = unsafe(Settings(**given))
    assert finding.level == level
    assert says in finding.what
    assert finding.hint


def test_a_name_that_is_no_setting_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADANG_PROT", "9000")
    monkeypatch.setenv("MADANG_PYTHON", "python3.12")  # scripts/setup takes that one
    (finding,) = unsafe(Settings())
    assert finding.what.startswith("MADANG_PROT ")


@pytest.mark.parametrize(
    "closed",
    [
        CLOSED,
        {"guests": "keys"},
        {"guests": "off", "accounts": "keys"},
        {"create_rooms": "accounts", "accounts": "off"},
    ],
)
def test_behind_a_proxy_that_is_named_all_interfaces_are_well(closed: dict[str, Any]) -> None:
    assert unsafe(Settings(host="0.0.0.0", trusted_proxies=["192.0.2.7"], hosts=["chat.example"], **closed)) == []


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("a.example", False),
    ],
)
def test_which_hosts_are_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_an_ipv6_address_in_brackets_is_the_address() -> None:
    bracketed = Settings(host="[::1]", admin_host="[::1]")
    assert (bracketed.host, bracketed.admin_host) == ("::1", "::1")
    assert unsafe(bracketed) == unsafe(Settings(host="::1", admin_host="::1"))
