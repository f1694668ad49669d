"""F41: kill -9 of a node while the log of a paper becomes a snapshot (`madang_proof.testbed.crashing`).

Somebody writes in a paper of their own until the node dies, for which few updates are enough: before it is committed that the snapshot
takes the place of its log, or right after. Then another client, which had no copy that would bring it back, finds all that was saved.
"""

import asyncio
import itertools
import random
import signal
from typing import Final

from pycrdt import Array

from madang.client import ConnectionLost, Disconnected, OpenPaper, connect
from madang.errors import MadangError
from madang_proof.faults.fault import ANYWHERE, Broken, started_again
from madang_proof.testbed import crashing
from madang_proof.testbed.testbed import Testbed

DEATH_S: Final = 30.0
BACK_S: Final = 60.0
NAME: Final = "Binder"


class Snapshot:
    """Die while a paper is compacted."""

    name = "snapshot"
    number = "F41"
    title = "kill -9 while the log of a paper becomes a snapshot"
    needs = ANYWHERE

    def unavailable(self) -> str | None:
        return None

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        server, point = testbed.server, dice.choice(crashing.OF_SNAPSHOTS)
        server.launcher = ("madang_proof.testbed.crashing", point)
        try:
            await server.restart()
        finally:
            server.launcher = ()
        saved: list[str] = []
        try:
            async with connect(server.direct_url, guest=NAME, timeout=BACK_S) as client:
                token = client.token
                room = await client.create()
                assert room is not None and room.room is not None
                made = await client.papers.create(room.room)
                writing = asyncio.create_task(_write(await client.papers.open(made.id), saved))
                try:
                    status = await server.ended(DEATH_S)
                finally:
                    writing.cancel()
                    await asyncio.wait([writing])
            await started_again(server, f"a crash at {point}")
            if status != -signal.SIGKILL:
                raise Broken(f"The server ended with status {status} and not at {point}.")
            async with connect(server.direct_url, token=token, timeout=BACK_S) as client:
                async with await client.papers.open(made.id) as paper:
                    words: list[str] = paper.doc.get("words", type=Array).to_py() or []
                if words[: len(saved)] != saved or len(words) > len(saved) + 1:
                    raise Broken(
                        f"{len(saved)} words of a paper were saved, one after the other, and it has {len(words)}."
                    )
                await client.papers.delete(made.id)
        except TimeoutError:
            raise Broken(f"The server did not reach {point}.") from None
        except (MadangError, ConnectionLost, Disconnected) as error:
            raise Broken(f"The paper could not be written: {error!r}") from None
        return f"died {point.replace('_', ' ')}"


async def _write(paper: OpenPaper, saved: list[str]) -> None:
    """Write one word after the other, and add each to `saved` when it is, until cancelled."""
    words = paper.doc.get("words", type=Array)
    for n in itertools.count():
        words.append(f"word {n}")
        await paper.saved()
        saved.append(f"word {n}")
