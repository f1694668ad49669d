"""Whose address counts: only a proxy one has listed is believed, and only for the hop it added itself."""

from typing import Any

import pytest

from madang.transports.addresses import client_address

PROXIES = frozenset({"10.0.0.1", "10.0.0.2"})


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        (("198.51.100.7", 1), [], "198.51.100.7"),
        (("198.51.100.7", 1), ["203.0.113.7"], "198.51.100.7"),
        (("10.0.0.1", 1), [], "10.0.0.1"),
        (("10.0.0.1", 1), ["203.0.113.7"], "203.0.113.7"),
        (("10.0.0.1", 1), ["1.1.1.1, 203.0.113.7"], "203.0.113.7"),
        (("10.0.0.1", 1), ["1.1.1.1", "203.0.113.7"], "203.0.113.7"),
        (("10.0.0.1", 1), ["203.0.113.7,10.0.0.2"], "203.0.113.7"),
        (("10.0.0.1", 1), ["10.0.0.2, 10.0.0.1"], "10.0.0.2"),
        (("10.0.0.1", 1), ["", " ,"], "10.0.0.1"),
        (("2001:db8:1:2:3:4:5:6", 1, 0, 0), [], "2001:db8:1:2::/64"),
        (("2001:db8:1:2:ffff::1", 1, 0, 0), [], "2001:db8:1:2::/64"),
        (("::ffff:203.0.113.7", 1, 0, 0), [], "203.0.113.7"),
        (("::ffff:10.0.0.1", 1, 0, 0), ["203.0.113.7"], "203.0.113.7"),
        (("fe80::1%eth0", 1, 0, 2), [], "fe80::/64"),
        (("10.0.0.1", 1), ["2001:db8:1:2:3::"], "2001:db8:1:2::/64"),
        (("10.0.0.1", 1), ["[2001:db8:1:2:3::]:443"], "2001:db8:1:2::/64"),
        (("10.0.0.1", 1), ["203.0.113.7:5555"], "203.0.113.7"),
        (("10.0.0.1", 1), ["unknown"], "unknown"),
        ("", [], "local"),
        (None, [], "local"),
    ],
)
def test_client_address(peer: Any, forwarded: list[str], address: str) -> None:
    assert client_address(peer, forwarded, PROXIES) == address


def test_what_a_client_makes_up_is_bounded() -> None:
    assert len(client_address(("10.0.0.1", 1), ["x" * 10_000], PROXIES)) <= 64
