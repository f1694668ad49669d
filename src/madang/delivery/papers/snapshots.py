"""Snapshots of papers: what a long log comes to in one piece, which takes its place."""

import logging
from typing import Final

import msgspec

from madang.core.documents import Undecodable, condensed
from madang.delivery.papers.live import LivePaper
from madang.delivery.papers.logs import Logs
from madang.delivery.papers.opening import OpenPapers
from madang.delivery.papers.statistics import Statistics
from madang.delivery.papers.thread import DocumentThread, Panic
from madang.delivery.turns import Turns
from madang.errors import Refused, StorageError
from madang.ports.papers import PaperStore

logger = logging.getLogger("madang.papers")

ROWS: Final = 500
BYTES: Final = 256 * 1024
"""Updates behind a snapshot, and their bytes, at which there is a new one."""


class Snapshots:
    """Writes snapshots of open papers. Nodes may do it at the same time: the store keeps the newest."""

    def __init__(
        self, store: PaperStore, logs: Logs, papers: OpenPapers, thread: DocumentThread, turns: Turns, counted: Statistics
    ) -> None:  # fmt: skip
        self._store = store
        self._logs = logs
        self._papers = papers
        self._thread = thread
        self._turns = turns
        self._counted = counted

    def grown(self, live: LivePaper, size: int) -> None:
        """Learn that an update of this size is stored."""
        live.rows += 1
        live.size += size
        self._papers.weigh(live)
        if live.rows >= ROWS or live.size >= live.paper.size + BYTES:
            self.soon(live)

    def soon(self, live: LivePaper) -> None:
        """Write a snapshot, unless one is being written."""
        if not live.compacting:
            live.compacting = True
            self._turns.spawn(self._write(live))

    async def _write(self, live: LivePaper) -> None:
        """Read the log, and write what it comes to, read again and compared, in place of it."""
        try:
            log = await self._logs.read(live.paper.id)
            whole = await self._thread.do(lambda: condensed(log.snapshot, log.written))
            if await self._store.compact_paper(log.paper, log.paper.seq, whole):
                self._counted.snapshots += 1
            live.rows, live.size = 0, len(whole)
            self._papers.weigh(live)
            live.paper = msgspec.structs.replace(live.paper, size=len(whole))
        except (StorageError, Refused) as error:
            logger.warning("paper %s gets no snapshot now: %s", live.paper.id, error)
        except (Undecodable, Panic):
            logger.error("paper %s gets no snapshot: it would say something else", live.paper.id)
        finally:
            live.compacting = False
