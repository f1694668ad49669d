"""People who write one paper together, with the Python SDK: what they write, are told and see goes to the recorder.

They write words that are theirs alone, so that a copy of the paper says whose edits it has. Whoever loses the connection forgets their
copy, and comes back with an empty one: a copy would bring back what the server has lost. Nothing is judged here.
"""

import asyncio
import random
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from pycrdt import Array, Doc

from madang.client import Client, Disconnected, OpenPaper, Refused, State, connect
from madang.errors import MadangError
from madang_proof.history.records import Replica, Saved, Wrote, now
from madang_proof.load.crowd import LoadRefused
from madang_proof.load.recorder import Recorder

WRITERS: Final = 4
PACE: Final = 3.0  # edits per second and writer
LOOKS_S: Final = 1.5  # between two copies that are fetched
ERASES: Final = 0.15  # share of edits that take an own word out
SHOWS: Final = 0.1  # share of edits after which the writer's own copy is noted
CONNECT_S: Final = 60.0
SETTLE_S: Final = 60.0
AGAIN_S: Final = 1.0
POLL_S: Final = 0.05


class Writers:
    """All who write the paper, and one who only reads it. Its room is not one of the plan's: everybody stays in it."""

    def __init__(self, seed: int, url: str, recorder: Recorder, prefix: str = "") -> None:
        self.room = f"{prefix}paper"
        self._recorder = recorder
        self._reader = connect(url, guest="Reader", timeout=CONNECT_S)
        self._writers = [_Writer(f"Writer {n + 1}", seed, url, self.room, recorder) for n in range(WRITERS)]
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> bool:
        """Connect all, make a room with a paper, and open it; return False for a server without papers.

        Raises:
            LoadRefused: the server does not let them.
        """
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._reader.__aenter__()
                if "papers" not in self._reader.server.features:
                    return False
                await self._reader.create(self.room)
                await self._reader.papers.create(self.room, self.room)
                self._tasks = [asyncio.create_task(writer.run()) for writer in self._writers]
                await self._until(lambda: all(writer.paper is not None for writer in self._writers))
        except (Disconnected, MadangError, TimeoutError) as error:
            raise LoadRefused(f"People could not write a paper: {error!r}") from None
        return True

    async def storm(self) -> None:
        """Write, and fetch copies, until cancelled."""
        if not self._tasks:
            return
        try:
            for writer in self._writers:
                writer.writes = True
            while True:
                await asyncio.sleep(LOOKS_S)
                if (copy := await self._fetch()) is not None:
                    self._recorder.note(copy)
        finally:
            for writer in self._writers:
                writer.writes = False

    async def _fetch(self) -> Replica | None:
        """Fetch a copy of the paper, and return what it has."""
        asked = now()
        try:
            async with await self._reader.papers.open(self.room) as paper:
                return _replica("Reader", paper, asked)
        except Refused as refused:
            self._recorder.anomalies[f"A paper was not opened: {refused.code}"] += 1
            return None

    async def settle(self) -> str | None:
        """Wait until all that was written is saved and everybody has it, and note what all have; return what is missing."""
        if not self._tasks:
            return None
        missing, copy = None, None
        try:
            async with asyncio.timeout(SETTLE_S):
                await self._until(lambda: all(writer.rests for writer in self._writers))
                while copy is None or {writer.state for writer in self._writers} != {copy.state}:
                    await asyncio.sleep(POLL_S)
                    copy = await self._fetch()
        except TimeoutError:
            waiting = ", ".join(writer.name for writer in self._writers if not writer.rests)
            missing = f"The paper did not settle within {SETTLE_S:.0f} s: {waiting or 'its copies'} waited."
        for writer in self._writers:
            if writer.paper is not None:
                self._recorder.note(_replica(writer.name, writer.paper, now(), followed=True, final=True))
        if copy is not None:
            copy.t, copy.final = now(), True
            self._recorder.note(copy)
        return missing

    async def close(self) -> None:
        """Close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reader.close()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            for task in self._tasks:
                if task.done():
                    task.result()  # a bug, which would otherwise be waited for
            await asyncio.sleep(POLL_S)


class _Writer:
    """One who writes, over as many clients as it takes.

    Attributes:
        writes: whether they are to write now.
        paper: as they have it open; None while they have not.
    """

    def __init__(self, name: str, seed: int, url: str, room: str, recorder: Recorder) -> None:
        self.name = name
        self.writes = False
        self.paper: OpenPaper | None = None
        self._url = url
        self._room = room
        self._recorder = recorder
        self._dice = random.Random(f"{seed} {name}")  # noqa: S311  # seeded on purpose, nothing secret is drawn from it
        self._token = ""
        self._count = 0
        self._own: list[str] = []
        self._unsaved: list[tuple[str, bool]] = []

    @property
    def rests(self) -> bool:
        """Whether all is saved."""
        return self.paper is not None and not self._unsaved

    @property
    def state(self) -> str:
        """A digest of their copy."""
        return "" if self.paper is None else _state(self.paper)

    async def run(self) -> None:
        """Come, write, and come back after each lost connection, until cancelled."""
        while True:
            working: asyncio.Task[None] | None = None

            def changed(state: State) -> None:
                if state is State.WAITING and working is not None:  # noqa: B023  # it is of this round
                    working.cancel()  # noqa: B023  # before there is another connection

            guest = None if self._token else self.name
            try:
                async with connect(
                    self._url, guest=guest, token=self._token or None, timeout=CONNECT_S, on_state=changed
                ) as client:
                    self._token = client.token
                    await self._come(client)
                    working = asyncio.create_task(self._work())
                    await asyncio.wait([working])
                    if not working.cancelled():
                        working.result()
            except Disconnected:  # not reached for a minute, which the run says, too
                await asyncio.sleep(AGAIN_S)
            finally:
                self.paper = None
                if working is not None:
                    working.cancel()

    async def _come(self, client: Client) -> None:
        await client.join(self._room, limit=0)
        paper = await client.papers.open(self._room)
        self._own = [word for word in _words(paper) if word.startswith(f"{self.name[-1]}.")]
        self._unsaved = []
        self.paper = paper

    async def _work(self) -> None:
        assert self.paper is not None
        async with asyncio.TaskGroup() as group:
            group.create_task(self._save(self.paper))
            while True:
                await asyncio.sleep(self._dice.expovariate(PACE))
                if self.writes:
                    self._edit(self.paper)

    def _edit(self, paper: OpenPaper) -> None:
        words = paper.doc.get("words", type=Array)
        if self._own and self._dice.random() < ERASES:
            word = self._own.pop(self._dice.randrange(len(self._own)))
            self._note(paper, word, gone=True)
            del words[_words(paper).index(word)]
        else:
            self._count += 1
            word = f"{self.name[-1]}.{self._count}"
            self._own.append(word)
            self._note(paper, word, gone=False)
            words.insert(self._dice.randint(0, len(words)), word)
        if self._dice.random() < SHOWS:
            self._recorder.note(_replica(self.name, paper, now(), followed=True))

    def _note(self, paper: OpenPaper, word: str, *, gone: bool) -> None:
        self._recorder.counted["paper edits"] += 1
        self._recorder.note(Wrote(now(), self.name, paper.id, word, gone))
        self._unsaved.append((word, gone))

    async def _save(self, paper: OpenPaper) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            some = list(self._unsaved)
            try:
                await paper.saved()
            except Refused as refused:
                self._recorder.anomalies[f"An edit of a paper was refused: {refused.code}"] += 1
                continue
            for word, gone in some:
                self._recorder.note(Saved(now(), self.name, paper.id, word, gone))
            self._recorder.counted["paper edits saved"] += len(some)
            del self._unsaved[: len(some)]


def _words(paper: OpenPaper) -> list[str]:
    return paper.doc.get("words", type=Array).to_py() or []


def _replica(client: str, paper: OpenPaper, asked: int, *, followed: bool = False, final: bool = False) -> Replica:
    return Replica(now(), asked, client, paper.id, _words(paper), _state(paper), followed, final)


def _state(paper: OpenPaper) -> str:
    """Return a digest of a copy, the same for equal ones: two documents may write the same in another order."""
    read: Doc[Any] = Doc()
    read.apply_update(paper.doc.get_update())
    return sha256(read.get_update()).hexdigest()
