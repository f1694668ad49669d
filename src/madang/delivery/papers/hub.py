"""Papers that are open on this node: what is written in them is stored, many together, and only then told to anybody.

Every INTERVAL_S at most, all that was written in all papers meanwhile goes through one job of the documents' thread, in which
each burst becomes one update, and into one transaction. Then the same bytes go to all followers, and to the other nodes. The
bus is a courier: a paper that lacks a number reads the log, and the watch asks the store for what no bus has told.

The document is ahead of the store while a batch is under way. Whoever asks for what they lack is answered between two
batches, so that nobody is told what is not stored; if the store refuses a batch, the document is loaded again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from madang.core.documents import Undecodable
from madang.core.events import Event
from madang.core.metrics import Metric
from madang.core.papers import Paper, Standing, Update, stamped
from madang.delivery.papers.courier import ASKED, SHOWN, UPDATE, Courier, paper_of, shown_by
from madang.delivery.papers.desk import Desk, Done, Job
from madang.delivery.papers.follower import Follower, Shown
from madang.delivery.papers.live import LivePaper, Written
from madang.delivery.papers.logs import Logs, pieces
from madang.delivery.papers.opening import USE, OpenPapers, gone
from madang.delivery.papers.relaying import relay, show_changed
from madang.delivery.papers.snapshots import Snapshots
from madang.delivery.papers.statistics import Statistics
from madang.delivery.papers.thread import DocumentThread, Panic
from madang.delivery.papers.watch import Watch
from madang.delivery.turns import Turns
from madang.errors import Refused, StorageError
from madang.memory import Memory
from madang.ports.bus import Bus
from madang.ports.papers import PaperLog, PaperStore
from madang.protocol.yjs import ClientState

logger = logging.getLogger("madang.papers")

INTERVAL_S: Final = 0.02
"""Between two batches, from start to start: so long a burst is joined at most."""
USELESS: Final = 1 << 20
"""Bytes that changed nothing, and may wait in the document for something that is missing, at which it is loaded again."""
BATCH: Final = 500
"""Papers in one batch; others have the next one."""


class PaperHub:
    """The open papers of one node. Every method is called in the event loop."""

    def __init__(self, store: PaperStore, bus: Bus, turns: Turns, memory: Memory, thread: DocumentThread) -> None:
        self._store = store
        self._turns = turns
        self._memory = memory
        self.statistics = Statistics()
        self._thread = thread
        self._desk = Desk()
        self._courier = Courier(bus)
        self._logs = Logs(store, self.statistics)
        self._open = OpenPapers(self._logs, self._courier, self._thread, self._desk, turns, memory)
        self._snapshots = Snapshots(store, self._logs, self._open, self._thread, turns, self.statistics)
        self._watch = Watch(store, self._open, self._thread, self._desk, turns, self._touch)
        self.watch = self._watch.run
        self._dirty: dict[LivePaper, None] = {}
        self._wake = asyncio.Event()
        self._failing = False

    @property
    def papers(self) -> dict[str, LivePaper]:
        """The open papers, by id."""
        return self._open.by_id

    def metrics(self) -> list[Metric]:
        """Return what is counted here."""
        followers = sum(len(live.followers) for live in self.papers.values())
        return [
            Metric("gauge", "madang_papers", "Papers that are open on this node.", len(self.papers)),
            Metric("gauge", "madang_paper_followers", "Connections to papers.", followers),
            *self.statistics.metrics(),
        ]

    # -- who follows ---------------------------------------------------------------------------------------------------

    async def follow(self, id: str, follower: Follower) -> LivePaper:
        """Let somebody who may read a paper follow it, and greet them.

        Raises:
            Refused: not_found, for a paper that there is not and one of a room that they are not in, alike; overloaded.
            StorageError: it is not known.
            Undecodable: the paper cannot be read.
        """
        paper, standing = await self._judged(id, follower)
        live = await self._open.open(paper)
        live.idle_since = self._turns.time()
        state = await self._thread.do(lambda: self._desk.state(live.number))
        if live.closed:
            raise Refused("overloaded")
        live.followers[follower] = standing
        follower.greet(state, list(live.shown.values()))
        return live

    async def _judged(self, id: str, follower: Follower) -> tuple[Paper, Standing]:
        paper = await self._store.paper(id, None if follower.server else follower.user_id)
        if paper is None:
            raise Refused("not_found")
        who = paper.room, follower.user_id
        standing = (await self._store.watched([], [who])).standings[who]
        if not standing.reads(server=follower.server):
            raise Refused("not_found")
        return paper, standing

    def leave(self, live: LivePaper, follower: Follower) -> None:
        """Forget somebody who has gone. What they have written is stored all the same."""
        news = live.leave(follower)
        live.idle_since = self._turns.time()
        if news:
            self._tell(live, news)

    def writes(self, live: LivePaper, follower: Follower) -> str:
        """Return the code by which somebody may not write now; empty where they may."""
        code = live.held_from(follower)
        if code and follower in live.followers:
            live.denied.add(follower)
        return code

    def ask(self, live: LivePaper, follower: Follower, state: bytes) -> None:
        """Answer soon with what a document with this state vector lacks."""
        live.asks.append((follower, state))
        self._touch(live)

    def write(self, live: LivePaper, follower: Follower, data: bytes) -> None:
        """Store soon what somebody has written."""
        self.statistics.written += 1
        self._memory.take(USE, len(data))
        live.written.append(Written(follower, data))
        self._touch(live)

    def show(self, live: LivePaper, follower: Follower, states: Iterable[ClientState]) -> None:
        """Tell soon what somebody shows of their clients."""
        id, name = follower.user_id, follower.user_name
        shown = [Shown(s.client, s.clock, None if s.state is None else stamped(s.state, id, name), id) for s in states]
        if news := live.show(follower, shown):
            self._tell(live, news)

    def show_all(self, live: LivePaper, follower: Follower) -> None:
        """Answer what is shown of all clients."""
        follower.write(follower.frame_shown(list(live.shown.values())))

    def go_on(self, live: LivePaper, follower: Follower) -> None:
        """Let somebody who was over their byte budget catch up."""
        if follower in live.behind:
            self._touch(live)

    def _tell(self, live: LivePaper, news: Sequence[Shown]) -> None:
        self._courier.tell_shown(live, news)
        self._touch(live)

    def _touch(self, live: LivePaper) -> None:
        if not live.closed:
            self._dirty[live] = None
            self._wake.set()

    # -- what other nodes say ------------------------------------------------------------------------------------------

    def arrived(self, event: Event) -> bool:
        """Take what the bus brings; return False for what is of no paper."""
        live = self._carried(event.room)
        if live is None:
            return False
        if event.type == UPDATE:
            self._came(live, event.seq, event.body)
        elif event.type == ASKED:
            if mine := [live.shown[client] for client in live.whose if client in live.shown]:
                self._courier.tell_shown(live, mine)
        elif event.type == SHOWN:
            live.show_others(shown_by(event), self._turns.time())
        self._touch(live)
        return True

    def appended(self, id: str, seq: int, data: bytes) -> None:
        """Learn that an update was stored here that no follower has written."""
        self.statistics.updates += 1
        if (live := self.papers.get(id)) is not None:
            self._snapshots.grown(live, len(data))
            self._came(live, seq, data)
            self._touch(live)
        self._courier.tell_update(id, seq, data)

    def _came(self, live: LivePaper, seq: int, data: bytes) -> None:
        if seq == live.seq + 1:
            live.seq = seq
            live.stored.append(data)
            relay(live, data)
        elif seq > live.seq:
            live.missing = True

    def reaches(self, name: str, seq: int) -> None:
        """Learn that the log of a paper reaches so far: an update was too large for the bus."""
        live = self._carried(name)
        if live is not None and seq > live.seq:
            live.missing = True
            self._touch(live)

    def _carried(self, channel: str) -> LivePaper | None:
        """Return the open paper that a channel is of."""
        paper = paper_of(channel)
        return None if paper is None else self.papers.get(paper)

    # -- batches -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Store and tell what is written, until cancelled; then what is left."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                started = self._turns.time()
                await self._flush()
                await asyncio.sleep(max(0.0, started + INTERVAL_S - self._turns.time()))
        finally:
            await self._flush()

    async def stop(self) -> None:
        """Let go of everything."""
        for live in list(self.papers.values()):
            self._open.close(live, lambda follower: follower.try_again("restart"))
        await self._thread.stop()

    async def _flush(self) -> None:
        dirty = list(self._dirty)[:BATCH]
        for live in dirty:
            del self._dirty[live]
        dirty = [live for live in dirty if not live.closed]
        if self._dirty:
            self._wake.set()
        for live in dirty:
            await self._guarded(live, self._prepare)
        taken = [(live, *live.take()) for live in dirty if not live.closed]
        try:
            await self._work(taken)
        finally:
            for _, _, _, written in taken:
                self._free(written)

    async def _work(self, taken: Sequence[tuple[LivePaper, Job, list[tuple[Follower, bytes]], list[Written]]]) -> None:
        jobs = [job for _, job, _, _ in taken]
        busy = [job for job in jobs if job.asks or job.stored or job.written]
        done = (
            dict(zip([job.number for job in busy], await self._thread.do(lambda: self._desk.work(busy)), strict=True))
            if busy
            else {}
        )
        changes: list[tuple[LivePaper, list[Written], bytes]] = []
        for live, job, asks, written in taken:
            if job.number in done:
                changes += self._worked(live, asks, written, done[job.number])
            show_changed(live)
        if changes:
            await self._append(changes)

    def _free(self, written: Sequence[Written]) -> None:
        for each in written:
            if not each.again:
                self._memory.free(USE, len(each.data))
                each.by.taken(len(each.data), each.outcome)

    async def _guarded(self, live: LivePaper, step: Callable[[LivePaper], Awaitable[None]]) -> None:
        try:
            await step(live)
        except StorageError as error:
            self._lost(live, error)
        except Refused:
            self._open.close(live, gone)
        except (Undecodable, Panic):
            logger.error("paper %s cannot be read: it is closed, and nothing of it is changed", live.paper.id)
            self._open.close(live, lambda follower: follower.try_again("unreadable"))

    async def _prepare(self, live: LivePaper) -> None:
        """Load a document again that is ahead of its log; read what is missing; let those catch up who were behind."""
        if live.stale:
            live.stored = []  # the log has it; what comes while it is read may be there or not, and is applied behind it
            log = await self._logs.read(live.paper.id)
            await self._thread.do(lambda: self._desk.load(live.number, log.snapshot, log.written))
            for follower in live.followers:
                live.behind.setdefault(follower, live.seq)  # what other nodes wrote meanwhile is read for them below
            self._advance(live, log, tell=False)
            live.stale, live.useless = False, 0
            await self._judge_apart(live)
        if live.missing:
            live.missing = False
            log = await self._logs.read(live.paper.id, live.seq)
            self._advance(live, log, tell=True)
        for follower, after in list(live.behind.items()):
            if not follower.behind:
                log = await self._logs.read(live.paper.id, after)
                live.behind.pop(follower, None)
                for data in pieces(log):
                    follower.write(follower.frame_update(data))

    async def _judge_apart(self, live: LivePaper) -> None:
        """Refuse those who may not write, of writers who were refused together: what the others wrote is stored next."""
        doubtful = {each.by.user_id for each in live.written if each.again}
        if not doubtful:
            return
        standings = await self._watch.standings([(live.paper.room, user) for user in doubtful])
        held, kept = dict[Follower, str](), list[Written]()
        refused = list[Written]()
        for each in live.written:
            code = standings[live.paper.room, each.by.user_id].held(server=each.by.server) if each.again else ""
            each.again = False
            if code:
                held[each.by] = each.outcome = code
            (refused if code else kept).append(each)
        live.written = kept
        self._free(refused)
        for follower, code in held.items():
            self._deny(live, follower, code)

    def _advance(self, live: LivePaper, log: PaperLog, *, tell: bool) -> None:
        for data in pieces(log) if tell and log.paper.seq > live.seq else ():
            live.stored.append(data)
            relay(live, data)
        live.paper = log.paper
        live.seq = max(live.seq, log.paper.seq)

    def _worked(
        self, live: LivePaper, asks: Sequence[tuple[Follower, bytes]], written: list[Written], done: Done
    ) -> list[tuple[LivePaper, list[Written], bytes]]:
        """Answer who asked, end who wrote what cannot be decoded, and return what will be stored."""
        if done.broken:
            self.statistics.refused += 1
            self._open.close(live, lambda follower: follower.try_again("unreadable"))
            return []
        for (follower, _), lacking in zip(asks, done.answers, strict=True):
            if follower in live.followers:
                follower.unreadable() if lacking is None else follower.answer(lacking)
        wrong = set(done.wrong)
        for n in wrong:
            self.statistics.refused += 1
            written[n].outcome = "bad_field"
            written[n].by.unreadable()
        good = [each for n, each in enumerate(written) if n not in wrong]
        if not done.change:
            for each in good:
                each.outcome = 0
            live.useless += sum(len(each.data) for each in good)
            live.stale = live.stale or live.useless > USELESS
            return []
        return [(live, good, done.change)]

    async def _append(self, changes: Sequence[tuple[LivePaper, list[Written], bytes]]) -> None:
        updates = [
            Update(live.paper.id, live.paper.key, tuple({(w.by.user_id, w.by.server): None for w in written}), change)
            for live, written, change in changes
        ]
        try:
            outcomes = await self._store.append_updates(updates)
        except StorageError as error:
            for live, _, _ in changes:
                self._lost(live, error)
            return
        self._failing = False
        for (live, written, change), outcome in zip(changes, outcomes, strict=True):
            if isinstance(outcome, Refused):
                self._refused(live, written, outcome.code)
            else:
                self._stored(live, written, change, outcome)

    def _stored(self, live: LivePaper, written: Sequence[Written], change: bytes, seq: int) -> None:
        self.statistics.updates += 1
        self._snapshots.grown(live, len(change))
        if seq == live.seq + 1:
            live.seq = seq
        else:
            live.missing = True
            self._touch(live)
        for each in written:
            each.outcome = seq
        writers = {each.by for each in written}
        relay(live, change, writers.pop() if len(writers) == 1 else None)
        self._courier.tell_update(live.paper.id, seq, change)

    def _refused(self, live: LivePaper, written: Sequence[Written], code: str) -> None:
        """Load the document again. What several wrote together is judged again, apart, where it is the writer's fault."""
        self.statistics.refused += 1
        if live.closed:
            return  # since it was taken: nobody follows it any longer, and nothing waits for another batch
        live.stale = True
        self._touch(live)
        writers = dict.fromkeys(each.by for each in written)
        if len(writers) > 1 and code not in ("not_found", "finished", "too_big"):
            for each in written:
                each.again = True
            live.written[:0] = written
            return
        for each in written:
            each.outcome = code
        for follower in writers:
            self._deny(live, follower, code)
        if code == "too_big":
            self._snapshots.soon(live)

    def _deny(self, live: LivePaper, follower: Follower, code: str) -> None:
        follower.deny(code)
        if code != "too_big" and follower in live.followers:
            live.denied.add(follower)

    def _lost(self, live: LivePaper, error: Exception) -> None:
        """Whether a batch is stored is not known: all come back, and say again what they have."""
        if not self._failing:
            self._failing = True
            logger.warning("what is written in papers is not stored: %s", error)
        self._open.close(live, lambda follower: follower.try_again("storage"))
