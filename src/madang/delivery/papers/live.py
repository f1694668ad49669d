"""A paper that is open on this node: its followers, what they have written and asked, and what is shown of them."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from madang.core.papers import Paper, Standing
from madang.delivery.papers.desk import Job
from madang.delivery.papers.follower import Follower, Outcome, Shown

MAX_SHOWN: Final = 1_000
"""Clients of one paper that something is shown of."""
MAX_SHOWN_BYTES: Final = 1 << 20
"""Likewise, of all of them together."""
SHOWN_S: Final = 30.0
"""How long what other nodes' clients show is kept, unless they show it again: stock clients do so every 15 s."""


class Written(msgspec.Struct):
    """An update that waits to be stored, and who wrote it.

    Attributes:
        again: it was refused together with others, and waits to be judged apart from them.
        outcome: what came of it; storage_failed until that is known.
    """

    by: Follower
    data: bytes
    again: bool = False
    outcome: Outcome = "storage_failed"


class LivePaper:
    """One open paper. Only its state: who calls whom is the hub's.

    Attributes:
        number: of its document.
        seq: up to where the document and the followers have the log.
        seen: the newest number that the last look at the store has found.
        rows, size: updates behind the snapshot, and bytes of all.
        stale: the document has something that is not stored; it is loaded again before its next use.
        missing: the log has something that came neither from here nor over the bus.
    """

    def __init__(self, paper: Paper, number: int) -> None:
        self.paper = paper
        self.number = number
        self.seq = self.seen = paper.seq
        self.rows = 0
        self.size = paper.size
        self.held = 0  # bytes of the node's memory
        self.stale = self.missing = self.compacting = False
        self.closed = False
        self.idle_since = 0.0
        self.useless = 0  # bytes written since it was loaded that changed nothing
        self.followers: dict[Follower, Standing] = {}
        self.behind: dict[Follower, int] = {}  # up to where they have the log
        self.denied: set[Follower] = set()  # who has something written that was not taken
        self.written: list[Written] = []
        self.asks: list[tuple[Follower, bytes]] = []
        self.stored: list[bytes] = []
        self.shown: dict[int, Shown] = {}
        self.whose: dict[int, Follower] = {}  # of the clients of this node
        self.heard: dict[int, float] = {}  # of the others, when
        self.changed: dict[int, Shown] = {}  # to be told

    @property
    def waits(self) -> bool:
        """Whether there is something to do."""
        return bool(self.written or self.asks or self.stored or self.changed or self.stale or self.missing)

    def held_from(self, follower: Follower) -> str:
        """Return the code by which a follower may not write; empty where they may."""
        standing = self.followers.get(follower)
        if standing is None:
            return "not_found"
        return "finished" if self.paper.finished else standing.held(server=follower.server)

    def take(self) -> tuple[Job, list[tuple[Follower, bytes]], list[Written]]:
        """Take what waits for the document."""
        asks, written, stored = self.asks, self.written, self.stored
        self.asks, self.written, self.stored = [], [], []
        job = Job(self.number, [state for _, state in asks], stored, [each.data for each in written])
        return job, asks, written

    # -- what is shown of clients --------------------------------------------------------------------------------------

    def show(self, by: Follower, some: Iterable[Shown]) -> list[Shown]:
        """Take what a follower shows of its clients; return what is news. A client belongs to whoever used its id first."""
        news = []
        for each in some:
            known = self.shown.get(each.client)
            if known is not None and known.user != each.user:
                continue
            if self._take(each, known):
                news.append(each)
                if each.state is None:
                    self.whose.pop(each.client, None)
                else:
                    self.whose[each.client] = by
                    self.heard.pop(each.client, None)
        return news

    def show_others(self, some: Iterable[Shown], now: float) -> bool:
        """Take what another node shows of its clients; return whether there is news."""
        news = False
        for each in some:
            known = self.shown.get(each.client)
            if each.client in self.whose or (known is not None and known.user != each.user):
                continue
            if each.state is not None:
                self.heard[each.client] = now
            news = self._take(each, known) or news
            if each.client not in self.shown:
                self.heard.pop(each.client, None)
        return news

    def _take(self, each: Shown, known: Shown | None) -> bool:
        if known is None:
            if each.state is None or len(self.shown) >= MAX_SHOWN:
                return False
        elif each.clock < known.clock or (each.clock == known.clock and each.state is not None):
            return False
        size = sum(len(other.state or b"") for other in self.shown.values()) if len(each.state or b"") > 1024 else 0
        if size + len(each.state or b"") > MAX_SHOWN_BYTES:
            return False
        if each.state is None:
            self.shown.pop(each.client, None)
        else:
            self.shown[each.client] = each
        self.changed[each.client] = each
        return True

    def leave(self, follower: Follower) -> list[Shown]:
        """Forget a follower; return what is to be told of its clients, which have gone."""
        self.followers.pop(follower, None)
        self.behind.pop(follower, None)
        self.denied.discard(follower)
        clients = [client for client, by in self.whose.items() if by is follower]
        for client in clients:
            del self.whose[client]
        return self._gone(clients)

    def expired(self, now: float) -> list[Shown]:
        """Forget clients of other nodes that nothing was heard of; return what is to be told of them."""
        clients = [client for client, heard in self.heard.items() if now - heard > SHOWN_S]
        return self._gone(clients)

    def _gone(self, clients: Sequence[int]) -> list[Shown]:
        gone = []
        for client in clients:
            self.heard.pop(client, None)
            if (known := self.shown.pop(client, None)) is not None:
                gone.append(Shown(client, known.clock + 1, None, known.user))
        self.changed.update({each.client: each for each in gone})
        return gone
