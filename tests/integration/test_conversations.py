"""The recorded conversations are held with the real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from madang.testing.conversations import Conversation, load, play, websocket
from tests.running import Server, running_server

FOLDER = Path(__file__).resolve().parents[2] / "protocol/conversations"
ALL = [pytest.param(load(file), id=file.stem) for file in sorted(FOLDER.glob("*.json"))]


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("conversations")) as server:
        yield server


@pytest.mark.parametrize("conversation", ALL)
async def test_conversation(conversation: Conversation, server: Server) -> None:
    await play(conversation, websocket(server.direct_url))


def test_no_conversation_made_the_server_stumble(server: Server) -> None:
    assert "Traceback" not in server.log.read_text()
