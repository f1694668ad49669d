"""The stage: a server under test, with its data, its log and what stands between it and its clients.

What happens on it is not here: who speaks (`load`), what goes wrong (`faults/`), who judges (`madang.testing.history`).
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from madang.proving.proxy import Proxy
from madang.proving.server import NO_SETTINGS, PROGRAM, Server
from madang.proving.shim import Shim


class Stage:
    """A running server, and the proxy through which clients reach it at `url`."""

    def __init__(self, folder: Path, server: Server, proxy: Proxy) -> None:
        self.server = server
        self.proxy = proxy
        self._folder = folder
        self._shim: Shim | None = None

    @property
    def url(self) -> str:
        """The native protocol's address for clients; the same however often the server starts anew."""
        return f"ws://127.0.0.1:{self.proxy.port}/ws"

    async def shim(self) -> Shim:
        """Give the shim below the server; the first time, the server is killed and started with it.

        Raises:
            RuntimeError: it does not build, or the server does not start.
        """
        if self._shim is None:
            self._shim = await asyncio.to_thread(Shim, self._folder / "shim", self.server.data / "madang.db")
            self.server.environment |= await self._shim.environment()
            await self.server.restart()
        return self._shim

    async def close(self) -> None:
        """Kill the server, and clear the shim away: it is no evidence."""
        await self.server.close()
        if self._shim is not None:
            self._shim.close()
            await asyncio.to_thread(shutil.rmtree, self._folder / "shim")


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
    data = await asyncio.to_thread(_prepared, folder)
    server = Server(data, program=program, settings=settings, log=folder / "server.log")
    try:
        await server.start()
        proxy = Proxy(server.port)
        await proxy.start()
        stage = Stage(folder, server, proxy)
        try:
            yield stage
        finally:
            await proxy.stop()
            await stage.close()
    finally:
        await server.close()


def _prepared(folder: Path) -> Path:
    data = folder.resolve() / "data"  # SQLite resolves links, and the shim compares paths
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return data
