"""The server that bad clients are let loose on: one per file, with its limits in force."""

from collections.abc import AsyncIterator

import pytest

from tests.running import Server, running_server


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("bad-input"), settings={"hosts": '["chat.example"]'}) as server:
        yield server
