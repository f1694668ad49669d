"""I25 and I27: what a server holds after a storm, and whether it answers."""

from typing import Final

from madang.codes import ERRORS
from madang_proof.history import records as r
from madang_proof.history.parts import Call, Conn
from madang_proof.history.state import State

# What a process opens once and keeps (readers of the database, workers, name lookups) may not be open yet when a server
# has just started. It does not grow with the storm; a leak does, and a few hundred connections or commands show it.
FDS: Final = 16
THREADS: Final = 16
TASKS: Final = 64  # of requests and rows that are read at the moment; a leak is one for each connection or command
# An allocator seldom returns pages, and rooms keep their newest events in memory, both up to a bound that a short
# history cannot tell from a leak. This finds buffers that are never released; small leaks need a long run.
RSS_TIMES: Final = 1.5
RSS_BYTES: Final = 64 << 20
AVAILABLE: Final = 0.999
_END: Final = 1 << 62
UNAVAILABLE: Final = frozenset(code for code, error in ERRORS.items() if error.http >= 500)
"""Refusals for which the server is to blame. All others say something about the command."""


class Upkeep:
    """Judges samples and the answers to sends.

    I25: the last sample of phase `after` has nothing queued that the greatest `before` had not, at most FDS more file
    descriptors, THREADS more threads, TASKS more tasks, and a resident size of at most RSS_TIMES what it was, and RSS_BYTES. Several nodes are
    summed up, because clients move from one to another.
    I27: of the sends that were called and settled outside of faults, at least AVAILABLE were acked. Not acked are those
    refused with one of UNAVAILABLE, and those without an answer, unless their client ended the connection or the server
    closed it for what the client did (44xx); on a connection that is open at the end, only if rooms were read when all was
    quiet. Other refusals are answers, and do not count. The note says how long the longest fault lasted: until the server
    answered and all clients were back.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._found = state.findings
        self._before: dict[str, list[tuple[int, r.Sample]]] = {}  # by node
        self._after: dict[str, tuple[int, r.Sample]] = {}
        self._acked = 0
        self._failed: list[int] = []
        self._lost: list[tuple[Call, int, int]] = []  # sends without an answer: t of giving up, and line

    # -- samples -------------------------------------------------------------------------------------------------------

    def on_sample(self, record: r.Sample) -> None:
        """Keep what is compared."""
        if record.phase == "before":
            self._before.setdefault(record.node, []).append((self._state.line, record))
        elif record.phase == "after":
            self._after[record.node] = (self._state.line, record)

    def _grown(self) -> None:
        nodes = self._before.keys() & self._after.keys()
        if not nodes:
            return
        before = [[sample for _, sample in self._before[node]] for node in nodes]
        after = [self._after[node][1] for node in nodes]
        bounds = (
            ("queued", sum(max(s.queued for s in taken) for taken in before), 0),
            ("fds", sum(max(s.fds for s in taken) for taken in before), FDS * len(nodes)),
            ("threads", sum(max(s.threads for s in taken) for taken in before), THREADS * len(nodes)),
            ("tasks", sum(max(s.tasks for s in taken) for taken in before), TASKS * len(nodes)),
        )
        rss = sum(max(s.rss for s in taken) for taken in before)
        allowed = {name: held + more for name, held, more in bounds}
        allowed["rss"] = int(rss * RSS_TIMES) + RSS_BYTES * len(nodes)
        self._found.checked["I25"] += len(allowed)
        lines = [line for node in nodes for line, _ in [*self._before[node], self._after[node]]]
        for name, bound in allowed.items():
            if (value := sum(getattr(sample, name) for sample in after)) > bound:
                message = f"After the storm, {name} is {value:,}; up to {bound:,} would be as before."
                self._found.violated("I25", message, *sorted(lines))
        self._found.notes["I25"] = f"{rss >> 20} MiB before, {sum(sample.rss for sample in after) >> 20} MiB after"

    # -- sends ---------------------------------------------------------------------------------------------------------

    def on_ok(self, record: r.Ok) -> None:
        """Count an ack."""
        call = self._state.call
        if call.op == "send" and not self._state.troubled(call.t):
            self._acked += 1

    def on_fail(self, record: r.Fail) -> None:
        """Count a refusal for which the server is to blame."""
        call = self._state.call
        if call.op == "send" and record.code in UNAVAILABLE and not self._state.troubled(call.t):
            self._failed.append(self._state.line)

    def on_unknown(self, record: r.Unknown) -> None:
        """Count what stayed without an answer."""
        call = self._state.call
        if call.op != "send":
            return
        if record.code:
            if not self._state.troubled(call.t):
                self._failed.append(self._state.line)
        else:
            self._lost.append((call, record.t, self._state.line))

    def _available(self) -> None:
        rest = any(room.quiet for room in self._state.rooms.values())
        for call in self._state.calls.values():
            if call.op == "send" and (call.conn.over or rest):  # otherwise the history ends before the answer
                self._lost.append((call, call.conn.closed_t or _END, call.line))
        for call, t, line in self._lost:
            if _to_blame(call.conn) and not self._state.faulty(call.t, max(t, call.conn.closed_t)):
                self._failed.append(line)
        total = self._acked + len(self._failed)
        self._found.checked["I27"] += total
        if total and self._acked < AVAILABLE * total:
            message = f"Outside of faults, {self._acked:,} of {total:,} sends were acked: {self._acked / total:.2%}."
            self._found.violated("I27", message, *sorted(self._failed)[:5])

    def on_finish(self) -> None:
        """Judge both."""
        self._grown()
        self._available()
        faults = [fault for fault in self._state.faults if fault.end is not None]
        if faults:
            worst = max(faults, key=lambda fault: (fault.end or 0) - fault.start)
            seconds = ((worst.end or 0) - worst.start) / 1e6
            self._found.notes["I27"] = f"{len(faults)} faults, the longest over after {seconds:.1f} s ({worst.name})"


def _to_blame(conn: Conn) -> bool:
    """Return whether the server is to blame for a missing answer."""
    return not conn.mine and not 4400 <= conn.code < 4500
