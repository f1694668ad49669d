"""Papers that are open on this node: what is written in them is stored, many together, and only then told to anybody.

Every INTERVAL_S at most, all that was written in all papers meanwhile goes through one job of the documents' thread, in which
each burst becomes one update, and into one transaction. Then the same bytes go to all followers, and to the other nodes. The
bus is a courier: a paper that lacks a number reads the log, and every WATCH_S the store is asked for what no bus has told,
rights included: so kicks, bans and finishing reach every connection within a second, whatever fails.

The document is ahead of the store while a batch is under way. Whoever asks for what they lack is answered between two
batches, so that nobody is told what is not stored; if the store refuses a batch, the document is loaded again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import count
from typing import Final

import msgspec

from madang.aio import SingleFlight
from madang.core.documents import Undecodable, condensed
from madang.core.events import Event
from madang.core.metrics import Metric
from madang.core.papers import Paper, Standing, Update
from madang.delivery.papers.desk import Desk, Done, Job
from madang.delivery.papers.follower import Follower, Shown
from madang.delivery.papers.live import LivePaper, Written
from madang.delivery.papers.statistics import Statistics
from madang.delivery.papers.thread import DocumentThread, Panic
from madang.delivery.turns import Turns
from madang.errors import MadangError, Refused, StorageError
from madang.memory import Memory
from madang.ports.bus import Bus
from madang.ports.papers import PaperLog, PaperStore

logger = logging.getLogger("madang.papers")

INTERVAL_S: Final = 0.02
"""Between two batches, from start to start: so long a burst is joined at most."""
WATCH_S: Final = 0.4
LINGER_S: Final = 20.0
"""How long a paper that nobody follows stays in memory."""
ROWS: Final = 500
BYTES: Final = 256 * 1024
"""Updates behind a snapshot, and their bytes, at which there is a new one."""
USELESS: Final = 1 << 20
"""Bytes that changed nothing, and may wait in the document for something that is missing, at which it is loaded again."""
WEIGHT: Final = 8
"""Bytes of memory that a byte of a paper takes as a document, at most."""
BATCH: Final = 500
"""Papers in one batch; others have the next one."""
WATCHED: Final = 5_000
"""Papers that are looked after in one call, and users of theirs."""
UPDATE, SHOWN, ASKED = "paper.update", "paper.shown", "paper.asked"
USE: Final = "papers"
CHANNEL: Final = "paper/"

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Shown]).decode


def channel(paper: str) -> str:
    """Return what the bus carries a paper's updates under: no room has such an id."""
    return CHANNEL + paper


class PaperHub:
    """The open papers of one node. Every method is called in the event loop."""

    def __init__(self, store: PaperStore, bus: Bus, turns: Turns, memory: Memory) -> None:
        self._store = store
        self._bus = bus
        self._turns = turns
        self._memory = memory
        self._thread = DocumentThread()
        self._desk = Desk()
        self._opening: SingleFlight[LivePaper] = SingleFlight()
        self._numbers = count(1)
        self._dirty: dict[LivePaper, None] = {}
        self._wake = asyncio.Event()
        self._failing = False
        self._loading: set[str] = set()
        self.papers: dict[str, LivePaper] = {}
        self.statistics = Statistics()
        memory.caches.append(self._give_way)

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
        """Let somebody follow a paper who may read it, and greet them.

        Raises:
            Refused: not_found, for a paper that there is not and one of a room that they are not in, alike; overloaded.
            StorageError: it is not known.
            Undecodable: the paper cannot be read.
        """
        paper, standing = await self._judged(id, follower)
        live = await self._open(paper)
        live.idle_since = self._turns.time()
        state = await self._thread.do(lambda: self._desk.state(live.number))
        if live.closed:
            raise Refused("overloaded")
        live.followers[follower] = standing
        follower.greet(state, list(live.shown.values()))
        return live

    async def _judged(self, id: str, follower: Follower) -> tuple[Paper, Standing]:
        paper = await self._store.paper(id)
        room = paper.room if paper else ""
        who = room, follower.user_id
        found = await self._store.watched([id], [who])
        standing = found.standings[who]
        if paper is None or not standing.reads(server=follower.server):
            raise Refused("not_found")
        return paper, standing

    def leave(self, live: LivePaper, follower: Follower) -> None:
        """Forget somebody who has gone. What they have written is stored all the same."""
        gone = live.leave(follower)
        live.idle_since = self._turns.time()
        if gone:
            self._tell(live, gone)

    def writes(self, live: LivePaper, follower: Follower) -> str:
        """Return the code by which somebody may not write now; empty where they may."""
        standing = live.followers.get(follower)
        if standing is None:
            return "not_found"
        code = "finished" if live.paper.finished else standing.held(server=follower.server)
        if code:
            live.denied.add(follower)
        return code

    def ask(self, live: LivePaper, follower: Follower, state: bytes) -> None:
        """Answer soon what somebody lacks who has this state vector."""
        live.asks.append((follower, state))
        self._touch(live)

    def write(self, live: LivePaper, follower: Follower, data: bytes) -> None:
        """Store soon what somebody has written."""
        self.statistics.written += 1
        self._memory.take(USE, len(data))
        live.written.append(Written(follower, data))
        self._touch(live)

    def show(self, live: LivePaper, follower: Follower, shown: Iterable[Shown]) -> None:
        """Tell soon what somebody shows of their clients."""
        if news := live.show(follower, shown):
            self._tell(live, news)

    def show_all(self, live: LivePaper, follower: Follower) -> None:
        """Answer what is shown of all clients."""
        follower.write(follower.frame_shown(list(live.shown.values())))

    def go_on(self, live: LivePaper, follower: Follower) -> None:
        """Let somebody catch up who was over their byte budget."""
        if follower in live.behind:
            self._touch(live)

    def _tell(self, live: LivePaper, news: Sequence[Shown]) -> None:
        self._publish(live, SHOWN, 0, _encode(list(news)))
        self._touch(live)

    def _touch(self, live: LivePaper) -> None:
        if not live.closed:
            self._dirty[live] = None
            self._wake.set()

    # -- open and close ------------------------------------------------------------------------------------------------

    async def _open(self, paper: Paper) -> LivePaper:
        live = self.papers.get(paper.id)
        if live is not None and live.paper.key == paper.key:
            return live
        return await self._opening.do(paper.id, lambda: self._load(paper.id))

    async def _load(self, id: str) -> LivePaper:
        """Subscribe first, then read the log: what comes meanwhile is found as missing."""
        if (before := self.papers.get(id)) is not None:
            self._close(before, lambda follower: follower.end_access(4404, "no such paper"))
        self._loading.add(id)
        try:
            return await self._loaded(id)
        finally:
            self._loading.discard(id)

    async def _loaded(self, id: str) -> LivePaper:
        await self._bus.subscribe(channel(id))
        number = next(self._numbers)
        held = 0
        try:
            log = await self._read(id, 0)
            held = WEIGHT * log.paper.size
            await self._memory.acquire(USE, held)
            await self._thread.do(lambda: self._desk.load(number, log.snapshot, [d for _, d in log.updates]))
        except BaseException as error:
            self._thread.tell(lambda: self._desk.forget(number))
            if held and not isinstance(error, MadangError):
                self._memory.free(USE, held)
            await self._bus.unsubscribe(channel(id))
            if isinstance(error, Undecodable | Panic):
                logger.error("paper %s cannot be read: it stays closed, and nothing of it is changed", id)
                raise Undecodable from error
            raise
        live = LivePaper(log.paper, number)
        live.held = held
        live.rows = len(log.updates)
        live.idle_since = self._turns.time()
        live.missing = not self._bus.local
        self.papers[id] = live
        self._publish(live, ASKED, 0, b"")
        return live

    async def _read(self, id: str, after: int) -> PaperLog:
        self.statistics.reads += 1
        log = await self._store.paper_log(id, after)
        if log is None:
            raise Refused("not_found")
        return log

    def _close(self, live: LivePaper, end: Callable[[Follower], None]) -> None:
        """Let go of a paper, and of everybody who follows it."""
        if live.closed:
            return
        live.closed = True
        if self.papers.get(live.paper.id) is live:
            del self.papers[live.paper.id]
        self._dirty.pop(live, None)
        self._memory.free(USE, live.held + sum(len(each.data) for each in live.written))
        live.written = []
        number, id = live.number, live.paper.id
        self._thread.tell(lambda: self._desk.forget(number))
        self._turns.spawn(self._unsubscribe(id))
        for follower in list(live.followers):
            end(follower)
        live.followers.clear()

    async def _unsubscribe(self, id: str) -> None:
        """Let the bus carry a paper no longer, unless it has been opened again."""
        if id not in self.papers and id not in self._loading:
            await self._bus.unsubscribe(channel(id))

    def _give_way(self, lacking: int) -> None:
        """Let go of papers that nobody follows: there is no room."""
        for live in [live for live in self.papers.values() if not live.followers]:
            self._close(live, lambda follower: None)

    # -- what other nodes say ------------------------------------------------------------------------------------------

    def arrived(self, event: Event) -> bool:
        """Take what the bus brings; return False for what is of no paper."""
        live = self._carried(event.room)
        if live is None:
            return False
        if event.type == UPDATE:
            if event.seq == live.seq + 1:
                live.seq = event.seq
                live.stored.append(event.body)
                self._relay(live, event.body, None)
            elif event.seq > live.seq:
                live.missing = True
        elif event.type == ASKED:
            if mine := [live.shown[client] for client in live.whose if client in live.shown]:
                self._publish(live, SHOWN, 0, _encode(mine))
        elif event.type == SHOWN:
            live.show_others(_decode(event.body), self._turns.time())
        self._touch(live)
        return True

    def reaches(self, name: str, seq: int) -> None:
        """Learn that the log of a paper reaches so far: an update was too large for the bus."""
        live = self._carried(name)
        if live is not None and seq > live.seq:
            live.missing = True
            self._touch(live)

    def _carried(self, name: str) -> LivePaper | None:
        """Return the open paper whose channel is called so."""
        return self.papers.get(name.removeprefix(CHANNEL)) if name.startswith(CHANNEL) else None

    def _publish(self, live: LivePaper, type: str, seq: int, body: bytes) -> None:
        if not self._bus.local:
            self._bus.publish([Event(channel(live.paper.id), seq, 0, type, "", "", 0, body)])

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
            self._close(live, lambda follower: follower.try_again("restart"))
        await self._thread.stop()

    async def _flush(self) -> None:
        dirty = list(self._dirty)[:BATCH]
        for live in dirty:
            self._dirty.pop(live, None)
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
            self._show_changed(live)
        if changes:
            await self._append(changes)

    def _free(self, written: Sequence[Written]) -> None:
        for each in written:
            self._memory.free(USE, len(each.data))
            each.by.taken(len(each.data))

    async def _guarded(self, live: LivePaper, step: Callable[[LivePaper], Awaitable[None]]) -> None:
        try:
            await step(live)
        except StorageError as error:
            self._lost(live, error)
        except Refused:
            self._close(live, lambda follower: follower.end_access(4404, "no such paper"))
        except (Undecodable, Panic):
            logger.error("paper %s cannot be read: it is closed, and nothing of it is changed", live.paper.id)
            self._close(live, lambda follower: follower.try_again("unreadable"))

    async def _prepare(self, live: LivePaper) -> None:
        """Load a document again that is ahead of its log; read what is missing; let those catch up who were behind."""
        if live.stale:
            log = await self._read(live.paper.id, 0)
            updates = [data for _, data in log.updates]
            live.stored = []
            await self._thread.do(lambda: self._desk.load(live.number, log.snapshot, updates))
            self._advance(live, log, relay=False)
            for follower in live.followers:
                live.behind.setdefault(follower, live.seq)
            live.stale, live.useless = False, 0
        if live.missing:
            live.missing = False
            log = await self._read(live.paper.id, live.seq)
            self._advance(live, log, relay=True)
        for follower, after in list(live.behind.items()):
            if not follower.behind:
                log = await self._read(live.paper.id, after)
                live.behind.pop(follower, None)
                for data in _all(log):
                    follower.write(follower.frame_update(data))

    def _advance(self, live: LivePaper, log: PaperLog, *, relay: bool) -> None:
        for data in _all(log) if relay and log.paper.seq > live.seq else ():
            live.stored.append(data)
            self._relay(live, data, None)
        live.paper = log.paper
        live.seq = max(live.seq, log.paper.seq)

    def _worked(
        self, live: LivePaper, asks: Sequence[tuple[Follower, bytes]], written: list[Written], done: Done
    ) -> list[tuple[LivePaper, list[Written], bytes]]:
        """Answer who asked, end who wrote what cannot be decoded, and return what will be stored."""
        if done.broken:
            self.statistics.refused += 1
            self._close(live, lambda follower: follower.try_again("unreadable"))
            return []
        for (follower, _), lacking in zip(asks, done.answers, strict=True):
            if follower in live.followers:
                follower.unreadable() if lacking is None else follower.answer(lacking)
        wrong = set(done.wrong)
        for n in wrong:
            self.statistics.refused += 1
            written[n].by.unreadable()
        good = [each for n, each in enumerate(written) if n not in wrong]
        if not done.change:
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
        live.rows += 1
        live.size += len(change)
        self._weigh(live)
        if seq == live.seq + 1:
            live.seq = seq
        else:
            live.missing = True
            self._touch(live)
        writers = {each.by for each in written}
        self._relay(live, change, writers.pop() if len(writers) == 1 else None)
        self._publish(live, UPDATE, seq, change)
        if live.rows >= ROWS or live.size >= live.paper.size + BYTES:
            self._compact_soon(live)

    def _weigh(self, live: LivePaper) -> None:
        """Count what a paper takes by now."""
        if not live.closed:
            self._memory.take(USE, WEIGHT * live.size - live.held)
            live.held = WEIGHT * live.size

    def _refused(self, live: LivePaper, written: Sequence[Written], code: str) -> None:
        """Load the document again. Where several wrote together, one of whom may not, the others come back and say it again."""
        self.statistics.refused += 1
        live.stale = True
        self._touch(live)
        writers = {each.by for each in written}
        for follower in writers:
            if len(writers) > 1 and code not in ("finished", "too_big"):
                follower.try_again("together with others")
            else:
                follower.deny(code)
                if code != "too_big":
                    live.denied.add(follower)
        if code == "too_big":
            self._compact_soon(live)

    def _lost(self, live: LivePaper, error: Exception) -> None:
        """Whether a batch is stored is not known: all come back, and say again what they have."""
        if not self._failing:
            self._failing = True
            logger.warning("what is written in papers is not stored: %s", error)
        self._close(live, lambda follower: follower.try_again("storage"))

    # -- who gets what -------------------------------------------------------------------------------------------------

    def _relay(self, live: LivePaper, data: bytes, but: Follower | None) -> None:
        """Write an update to all followers, framed once for all who are framed alike."""
        frames: dict[object, bytes] = {}
        for follower in live.followers:
            if follower is but or follower in live.behind:
                continue
            if follower.behind:
                live.behind[follower] = live.seq - 1
                continue
            if (frame := frames.get(follower.framing)) is None:
                frame = frames[follower.framing] = follower.frame_update(data)
            follower.write(frame)

    def _show_changed(self, live: LivePaper) -> None:
        changed, live.changed = list(live.changed.values()), {}
        frames: dict[object, bytes] = {}
        for follower in live.followers if changed else ():
            if not follower.behind:
                if (frame := frames.get(follower.framing)) is None:
                    frame = frames[follower.framing] = follower.frame_shown(changed)
                follower.write(frame)

    # -- snapshots -----------------------------------------------------------------------------------------------------

    def _compact_soon(self, live: LivePaper) -> None:
        if not live.compacting:
            live.compacting = True
            self._turns.spawn(self._compact(live))

    async def _compact(self, live: LivePaper) -> None:
        """Read the log, write what it comes to in one piece, read again and compared, in place of it."""
        try:
            log = await self._read(live.paper.id, 0)
            updates = [data for _, data in log.updates]
            whole = await self._thread.do(lambda: condensed(log.snapshot, updates))
            if await self._store.compact_paper(log.paper, log.paper.seq, whole):
                self.statistics.snapshots += 1
            live.rows, live.size = 0, len(whole)
            self._weigh(live)
            live.paper = msgspec.structs.replace(live.paper, size=len(whole))
        except (StorageError, Refused) as error:
            logger.warning("paper %s gets no snapshot now: %s", live.paper.id, error)
        except (Undecodable, Panic):
            logger.error("paper %s gets no snapshot: it would say something else", live.paper.id)
        finally:
            live.compacting = False

    # -- the watch -----------------------------------------------------------------------------------------------------

    async def watch(self) -> None:
        """Ask the store every WATCH_S for what nobody has told, and who may still follow and write, until cancelled."""
        failing = False
        while True:
            await asyncio.sleep(WATCH_S)
            self._sweep()
            if not self.papers:
                continue
            try:
                await self._look()
                failing = False
            except StorageError as error:
                if not failing:
                    logger.warning("papers are not looked after: %s", error)
                failing = True

    async def _look(self) -> None:
        papers = list(self.papers.values())
        for start in range(0, len(papers), WATCHED):
            await self._look_at(papers[start : start + WATCHED])

    async def _look_at(self, some: Sequence[LivePaper]) -> None:
        pairs = list({(live.paper.room, f.user_id) for live in some for f in live.followers})
        found = await self._store.watched([live.paper.id for live in some], pairs[:WATCHED])
        standings = dict(found.standings)
        for start in range(WATCHED, len(pairs), WATCHED):
            standings |= (await self._store.watched([], pairs[start : start + WATCHED])).standings
        for live in some:
            if live.closed:
                continue
            paper = found.papers.get(live.paper.id)
            if paper is None or paper.key != live.paper.key:
                self._close(live, lambda follower: follower.end_access(4404, "no such paper"))
                continue
            live.paper = msgspec.structs.replace(live.paper, finished=paper.finished, title=paper.title)
            if live.seq < live.seen:
                live.missing = True
                self._touch(live)
            live.seen = paper.seq
            for follower in list(live.followers):
                standing = standings.get((live.paper.room, follower.user_id))
                if standing is not None:
                    self._judge(live, follower, standing)
            if again := {f for f in set(live.denied) if not self.writes(live, f)}:
                live.denied -= again
                self._turns.spawn(self._ask_again(live, again))

    async def _ask_again(self, live: LivePaper, again: set[Follower]) -> None:
        """Ask those who may write again for what was not taken of them: it comes before all that they write later."""
        state = await self._thread.do(lambda: self._desk.state(live.number))
        for follower in live.followers.keys() & again:
            follower.greet(state, ())

    def _judge(self, live: LivePaper, follower: Follower, standing: Standing) -> None:
        live.followers[follower] = standing
        if not standing.reads(server=follower.server):
            follower.end_access(4410, "access ended")
        elif follower.token_left_s <= 0:
            follower.end_access(4410, "token expired")

    def _sweep(self) -> None:
        now = self._turns.time()
        for live in list(self.papers.values()):
            if live.expired(now):
                self._touch(live)
            if live.followers or live in self._dirty or live.compacting:
                continue
            if now - live.idle_since > LINGER_S:
                self._close(live, lambda follower: None)


def _all(log: PaperLog) -> list[bytes]:
    return [*([log.snapshot] if log.snapshot else ()), *(data for _, data in log.updates)]
