"""URLs of a server, as people write them."""

import pytest

from madang.client import websocket_url
from madang.client.urls import is_loopback


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("ws://127.0.0.1:8400/ws", "ws://127.0.0.1:8400/ws"),
        ("http://localhost:8400", "ws://localhost:8400/ws"),
        ("https://chat.example/", "wss://chat.example/ws"),
        ("HTTPS://chat.example", "wss://chat.example/ws"),
        ("https://chat.example/madang/ws", "wss://chat.example/madang/ws"),
        ("http://[::1]:8400", "ws://[::1]:8400/ws"),
    ],
)
def test_the_address_of_a_page_is_a_url_too(written: str, url: str) -> None:
    assert websocket_url(written) == url


@pytest.mark.parametrize(
    "written", ["", "localhost:8400", "ftp://host", "http://", "ws://host:port", "ws://[::1", "ws:///ws"]
)
def test_what_is_no_url_says_what_one_is(written: str) -> None:
    with pytest.raises(ValueError, match="write ws://host:8400/ws"):
        websocket_url(written)


def test_this_machine_is_known_by_all_its_names() -> None:
    here = ["localhost", "a.localhost", "127.0.0.1", "127.8.9.1", "[::1]", "[::ffff:127.0.0.1]"]
    assert all(is_loopback(f"ws://{host}:8400/ws") for host in here)
    assert not any(
        is_loopback(f"ws://{host}:8400/ws")
        for host in ["example.org", "10.0.0.1", "[fe80::1]", "localhost.example.org"]
    )
