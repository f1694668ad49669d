"""Who may connect, and how many: the same for every door, and a client is counted alike at all of them."""

from typing import Any

import pytest

from madang.codes import ERRORS
from madang.core.rate import Rate
from madang.services.limits import Limits, Rates
from madang.transports.addresses import Proxies
from madang.transports.admission import Admission
from madang.transports.http.app import http_app
from madang.transports.node import Node
from tests.unit.transports.conftest import Running
from tests.unit.transports.peers import Peer

HERE = "198.51.100.7"


def admission(*, most: int = 4, most_per_address: int = 2, rates: Rates | None = None, **options: Any) -> Admission:
    return Admission(Limits(rates or Rates()).addresses, most=most, most_per_address=most_per_address, **options)


def test_connections_are_bounded_together_and_for_each_address() -> None:
    door = admission()
    for address in (HERE, HERE, "::1", "::2"):
        assert door.judge(address, 0.0) is None
        door.enter(address)
    for address in (HERE, "::3"):
        turned_away = door.judge(address, 0.0)
        assert turned_away is not None
        assert (turned_away.code, ERRORS[turned_away.code].http, turned_away.retry_ms >= 5000) == (
            "overloaded",
            503,
            True,
        )
    assert door.turned_away == 2
    door.leave(HERE)
    assert door.judge("::3", 0.0) is None
    assert (door.open, door.open_by_address) == (3, {HERE: 1, "::1": 1, "::2": 1})


def test_nobody_is_let_in_while_the_node_drains() -> None:
    door = admission()
    door.draining = True
    turned_away = door.judge(HERE, 0.0)
    assert turned_away is not None
    assert (turned_away.code, ERRORS[turned_away.code].http, turned_away.retry_ms >= 1000) == ("draining", 503, True)


@pytest.mark.parametrize(
    ("rates", "code", "status"),
    [
        (Rates(address=Rate(1, 1)), "rate_limited", 429),
        (Rates(handshakes=Rate(1, 1)), "overloaded", 503),
    ],
)
def test_who_comes_too_fast_is_told_when_to_come_back(rates: Rates, code: str, status: int) -> None:
    door = admission(rates=rates)
    assert door.judge(HERE, 0.0) is None
    turned_away = door.judge(HERE, 0.0)
    assert turned_away is not None
    assert (turned_away.code, ERRORS[turned_away.code].http, turned_away.retry_ms >= 1000) == (code, status, True)


def test_a_flood_is_charged_to_the_address() -> None:
    door = admission(rates=Rates(address=Rate(1, 2)))
    door.flooded(HERE, 0.0)
    assert door.judge(HERE, 0.0) is not None
    assert door.judge("::1", 0.0) is None


@pytest.mark.parametrize(
    ("peer", "own", "forwarded", "scheme"),
    [
        (("10.0.0.1", 1), "http", "https", "https"),
        (("10.0.0.1", 1), "https", "http", "http"),
        (("::ffff:10.0.0.1", 1, 0, 0), "http", "https", "https"),
        (("10.0.0.2", 1), "http", "https", "http"),
        (("10.0.0.1", 1), "http", "javascript", "http"),
        (("10.0.0.1", 1), "http", "", "http"),
        (None, "http", "https", "http"),
    ],
)
def test_only_a_trusted_proxy_says_which_scheme_was_used(peer: Any, own: str, forwarded: str, scheme: str) -> None:
    assert admission(trusted_proxies=Proxies(["10.0.0.1"])).scheme(peer, own, forwarded) == scheme


# -- one address at every door -----------------------------------------------------------------------------------------


async def ask_for_a_guest(node: Node, peer: str, *forwarded: str) -> int:
    """Return the status of POST /api/guests from a peer."""
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    headers.append((b"content-type", b"application/json"))
    scope = {
        "type": "http", "method": "POST", "path": "/api/guests", "query_string": b"", "headers": headers,
        "scheme": "http", "server": ("localhost", 8400), "client": (peer, 50_000),
    }  # fmt: skip
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"name":"Mina"}', "more_body": False}

    async def send(message: Any) -> None:
        statuses.append(message.get("status", 0))

    await http_app(node)(scope, receive, send)
    return statuses[0]


@pytest.mark.parametrize(
    ("peer", "forwarded", "neighbour"),
    [
        ("::ffff:198.51.100.7", (), "::ffff:198.51.100.8"),
        ("2001:db8:1:2::7", (), "2001:db8:1:3::7"),
        ("198.51.100.7", ("203.0.113.1",), "198.51.100.8"),
        ("::ffff:10.0.0.1", ("1.2.3.4, 203.0.113.1",), "203.0.113.1.example"),
        ("10.0.0.1", ("::ffff:203.0.113.1",), "10.0.0.2"),
    ],
)
async def test_rest_counts_a_client_by_the_address_the_websocket_counts_it_by(
    running: Running, peer: str, forwarded: tuple[str, ...], neighbour: str
) -> None:
    once = Rates(address=Rate(0.001, 1))
    async with running(rates=once, trusted_proxies=Proxies(["10.0.0.1"])) as node:
        headers = [f"X-Forwarded-For: {value}" for value in forwarded]
        assert Peer(node, peer).connect(*headers).status == 101
        assert await ask_for_a_guest(node, peer, *forwarded) == 429
        assert await ask_for_a_guest(node, neighbour) == 201
