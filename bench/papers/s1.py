"""S1's first server, in every way it could have been: it sends the whole document after each edit or the edit alone, and saves before that.

`python -m bench.papers.s1 PORT FOLDER whole|delta whole|delta|none`: what it sends, and what it saves (with fsync) before it sends. It
speaks the wire of y-websocket, and keeps one document for each path.
"""

import asyncio
import sqlite3
import sys
from pathlib import Path
from typing import Any, Final

from pycrdt import Doc
from websockets.asyncio.server import ServerConnection, serve

from madang.protocol import yjs

SENDS: Final = ("whole", "delta")
SAVES: Final = ("whole", "delta", "none")


class Paper:
    """A document, and who has it open."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc()
        self.open: set[ServerConnection] = set()


class Papers:
    """All documents of a server."""

    def __init__(self, place: Path, sends: str, saves: str) -> None:
        self._sends = sends
        self._saves = saves
        self._papers: dict[str, Paper] = {}
        self._database = sqlite3.connect(place, isolation_level=None)
        self._database.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
            "CREATE TABLE whole (paper TEXT PRIMARY KEY, data BLOB); CREATE TABLE deltas (paper TEXT, data BLOB);"
        )

    async def serve(self, socket: ServerConnection) -> None:
        """Serve one connection."""
        assert socket.request is not None
        name = socket.request.path
        paper = self._papers.setdefault(name, Paper())
        paper.open.add(socket)
        try:
            async for message in socket:
                assert isinstance(message, bytes)
                match yjs.decode(message):
                    case yjs.Step1(state=state):
                        await socket.send(yjs.step2(paper.doc.get_update(state)))
                    case yjs.Update(data=data):
                        await self._edit(name, paper, socket, data)
        finally:
            paper.open.discard(socket)

    async def _edit(self, name: str, paper: Paper, by: ServerConnection, data: bytes) -> None:
        paper.doc.apply_update(data)
        if self._saves == "whole":
            self._database.execute("INSERT OR REPLACE INTO whole VALUES (?, ?)", (name, paper.doc.get_update()))
        elif self._saves == "delta":
            self._database.execute("INSERT INTO deltas VALUES (?, ?)", (name, data))
        frame = yjs.update(paper.doc.get_update() if self._sends == "whole" else data)
        for other in paper.open - {by}:
            await other.send(frame)


async def main() -> None:
    """Serve until the process is ended."""
    port, folder, sends, saves = sys.argv[1:]
    assert sends in SENDS and saves in SAVES
    papers = Papers(Path(folder) / "s1.db", sends, saves)
    async with serve(papers.serve, "127.0.0.1", int(port), compression=None, max_size=None, ping_interval=None):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
