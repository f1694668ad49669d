"""A real `madang serve` for tests: a process of its own, on a free port, with its data in a folder of the test's."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from madang.proving import server

Server = server.Server


@asynccontextmanager
async def running_server(
    data: Path, *arguments: str, settings: Mapping[str, str] = server.NO_SETTINGS
) -> AsyncIterator[Server]:
    """Run a server with its data in `data`, until the block is left.

    Args:
        arguments: more of the command line, like "--load-test".
        settings: more settings by name, like {"user_rate": "0"}.
    """
    running = Server(data, arguments=arguments, settings=settings)
    try:
        await running.start()
        yield running
    finally:
        await running.close()
