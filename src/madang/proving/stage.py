"""The stage: a server under test, with its data, its log and what stands between it and its clients.

What happens on it is not here: who speaks (`load`), what goes wrong (`faults/`), who judges (`madang.testing.history`).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from madang.proving.server import NO_SETTINGS, PROGRAM, Server


class Stage:
    """A running server; clients connect to `url`."""

    def __init__(self, server: Server) -> None:
        self.server = server

    @property
    def url(self) -> str:
        """The native protocol's address for clients; the same however often the server starts anew."""
        return self.server.direct_url


@asynccontextmanager
async def staged(
    folder: Path, *, program: tuple[str, ...] = PROGRAM, settings: Mapping[str, str] = NO_SETTINGS
) -> AsyncIterator[Stage]:
    """Run a server with its data in `folder`/data and its log in `folder`/server.log, until the block is left.

    Args:
        program: python, "-m", the module that is the server, and its first arguments.
        settings: settings by name, like {"user_rate": "0"}.

    Raises:
        RuntimeError: it did not start; the message has the end of its log.
    """
    data = folder / "data"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    server = Server(data, program=program, settings=settings, log=folder / "server.log")
    try:
        await server.start()
        yield Stage(server)
    finally:
        await server.close()
