"""The connection: who may come in, and what is counted for it."""

import pytest

from madang.core.rate import Rate
from madang.services.limits import Rates
from madang.transports.node import Node
from tests.unit.transports.conftest import Running
from tests.unit.transports.peers import Peer, gone
from tests.waiting import eventually


async def test_a_handshake_is_counted_and_given_back(node: Node) -> None:
    one, two, other = Peer(node).connect(), Peer(node).connect(), Peer(node, "10.0.0.2").connect()
    assert [p.status for p in (one, two, other)] == [101] * 3
    assert (node.admission.open, node.admission.open_by_address) == (3, {"10.0.0.1": 2, "10.0.0.2": 1})
    one.transport.abort()
    await eventually(lambda: one.transport.lost)
    assert (node.admission.open, node.admission.open_by_address) == (2, {"10.0.0.1": 1, "10.0.0.2": 1})
    two.transport.abort()
    await eventually(lambda: two.transport.lost)
    other.transport.abort()
    await gone(other)


@pytest.mark.parametrize("path", ["/", "/wsx", "/ws/", "/socket.io/", "//[x", "/%77s?", "*", "http://["])
async def test_only_at_its_path(node: Node, path: str) -> None:
    peer = Peer(node).connect(path=path)
    assert peer.status in (400, 404)
    await gone(peer)


async def test_a_query_does_no_harm(node: Node) -> None:
    assert Peer(node).connect(path="/ws?v=1&x=[").status == 101


@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        ("chat.example", None, True),
        ("chat.example", "https://chat.example", True),
        ("chat.example", "http://chat.example", True),
        ("Chat.Example", "https://chat.example", True),
        ("chat.example:8400", "http://chat.example:8400", True),
        ("chat.example", "http://chat.example:8400", False),
        ("chat.example", "https://evil.example", False),
        ("chat.example", "https://chat.example.evil.example", False),
        ("chat.example", "https://chat.example@evil.example", False),
        ("chat.example", "null", False),
        ("", "null", False),
        ("chat.example", "", False),
        ("chat.example", "http://[", False),
        ("chat.example", "\xff\xfe", False),
        ("chat.example", "https://good.example", True),
        ("chat.example", "https://GOOD.example:443", True),
        ("chat.example:443", "https://chat.example", True),
        ("chat.example", "https://chat.example:443", True),
        ("chat.example:80", "https://chat.example", False),
        ("chat.example", "ftp://chat.example", False),
        ("chat.example", "chat.example", False),
        ("xn--3e0b707e.kr", "https://xn--3e0b707e.kr", True),
        ("[::1]:8400", "http://[0:0::1]:8400", True),
    ],
)
async def test_only_pages_of_known_origins_may_connect(
    running: Running, host: str, origin: str | None, allowed: bool
) -> None:
    async with running(origins=frozenset({"https://good.example"})) as node:
        peer = Peer(node).connect(*([f"Origin: {origin}"] if origin is not None else []), host=host)
        assert peer.status == (101 if allowed else 403)
        if not allowed:
            await gone(peer)


async def test_two_origins_are_none(node: Node) -> None:
    peer = Peer(node).connect("Origin: http://localhost", "Origin: http://evil.example")
    assert peer.status == 403
    await gone(peer)


async def test_any_origin_if_the_operator_says_so(running: Running) -> None:
    async with running(origins=frozenset({"*"})) as node:
        assert Peer(node).connect("Origin: https://evil.example").status == 101


async def test_sockets_above_a_cap_are_refused_until_one_ends(running: Running) -> None:
    async with running(rates=Rates(address=Rate(0, 0), sockets=4, sockets_per_address=2)) as node:
        first, _ = Peer(node).connect(), Peer(node).connect()
        third = Peer(node).connect()
        assert third.status == 503
        assert b"retry-after" in third.transport.sent
        assert [Peer(node, f"10.0.0.{n}").connect().status for n in (2, 3, 4)] == [101, 101, 503]
        first.transport.abort()
        await eventually(lambda: first.transport.lost)
        assert Peer(node).connect().status == 101
        assert node.admission.open == 4


async def test_handshakes_too_fast(running: Running) -> None:
    async with running(rates=Rates(address=Rate(0.001, 3))) as node:
        assert [Peer(node).connect().status for _ in range(5)] == [101, 101, 101, 429, 429]
        assert Peer(node, "10.0.0.2").connect().status == 101


async def test_none_while_draining(node: Node) -> None:
    node.admission.draining = True
    peer = Peer(node).connect()
    assert peer.status == 503
    assert b"retry-after" in peer.transport.sent
    await gone(peer)


@pytest.mark.parametrize(
    ("forwarded", "counted"),
    [
        ([], "10.0.0.1"),
        (["203.0.113.7"], "203.0.113.7"),
        (["1.2.3.4, 203.0.113.7"], "203.0.113.7"),
        (["1.2.3.4", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        (["10.0.0.9"], "10.0.0.9"),
        ([" , "], "10.0.0.1"),
    ],
)
async def test_the_address_a_trusted_proxy_gives(running: Running, forwarded: list[str], counted: str) -> None:
    async with running(trusted_proxies=frozenset({"10.0.0.1", "10.0.0.9"})) as node:
        Peer(node).connect(*(f"X-Forwarded-For: {value}" for value in forwarded))
        assert node.admission.open_by_address == {counted: 1}


async def test_the_address_anybody_else_gives_is_not_believed(node: Node) -> None:
    Peer(node).connect("X-Forwarded-For: 203.0.113.7")
    assert node.admission.open_by_address == {"10.0.0.1": 1}
