"""Who a name is on a server: kept by the server's address, however that is written."""

from pathlib import Path

import pytest

from madang.cli.identities import Identity


@pytest.mark.parametrize(
    ("kept_as", "asked_as"),
    [
        ("ws://127.0.0.1:8400/ws", "ws://localhost:8400/ws"),
        ("ws://127.0.0.1:8400/ws", "ws://[::1]:8400/ws"),
        ("wss://chat.example/ws", "wss://CHAT.example:443/ws"),
        ("ws://chat.example/ws", "ws://chat.example:80/ws"),
    ],
)
def test_an_address_is_one_server_however_it_is_written(kept_as: str, asked_as: str, tmp_path: Path) -> None:
    Identity(tmp_path, kept_as, "Mina").keep("a token")
    assert Identity(tmp_path, asked_as, "Mina").token() == "a token"


@pytest.mark.parametrize("other", ["ws://127.0.0.1:8401/ws", "ws://chat.example:8400/ws", "wss://localhost/ws"])
def test_another_server_never_gets_the_token(other: str, tmp_path: Path) -> None:
    Identity(tmp_path, "ws://127.0.0.1:8400/ws", "Mina").keep("a token")
    assert Identity(tmp_path, other, "Mina").token() is None
