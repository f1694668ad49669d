"""What is dangerous is found, what is not is left in peace."""

from typing import Any

import pytest

from madang.cli.unsafe_settings import is_loopback, unsafe
from madang.config import Settings


def test_the_defaults_are_safe() -> None:
    assert unsafe(Settings()) == []


@pytest.mark.parametrize(
    ("given", "level", "says"),
    [
        ({"load_test": True}, "fail", "LOAD TEST"),
        ({"load_test": True, "room_rate": 0}, "fail", "LOAD TEST"),
        ({"origins": ["https://a.example", "*"]}, "warn", "origins"),
        ({"host": "0.0.0.0"}, "warn", "without TLS"),
        ({"host": "::"}, "warn", "without TLS"),
        ({"host": "192.0.2.1"}, "warn", "without TLS"),
        ({"host": "yard.example"}, "warn", "without TLS"),
        ({"admin_host": "0.0.0.0"}, "warn", "admin listener"),
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


def test_behind_a_proxy_that_is_named_all_interfaces_are_well() -> None:
    assert unsafe(Settings(host="0.0.0.0", trusted_proxies=["192.0.2.7"])) == []


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
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
