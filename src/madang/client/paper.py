"""One open paper as the link sees it: a document that is kept in step, and what of it is not saved. The API on top is `papers.py`.

Rule 1: what is written here stays in `_unsaved` until the server has said that it is stored, whatever the connection does.
        An update that arrives twice changes nothing the second time.
Rule 2: it goes out in the order in which it was written, one update at a time. So nothing goes out before what it builds on.
Rule 3: opened again, both sides say what they have, and each gets what it lacks.
"""

import asyncio
from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Raw, Struct

from madang.client import frames
from madang.errors import Limited, MadangError, Refused
from madang.protocol.native.answers import OpenPaperAnswer, PaperInfo
from madang.protocol.native.commands import OpenPaper, ShowPaper
from madang.protocol.native.frames import ClientInfo, ClosedFrame, PaperFrame, ShownFrame
from madang.protocol.yjs import clocks, deletions

if TYPE_CHECKING:
    from pycrdt import Doc, TransactionEvent

AnyPaperFrame = PaperFrame | ShownFrame | ClosedFrame
ORIGIN: Final = "madang"
"""The origin of what others wrote, in the transactions of a document."""
MOST: Final = 48_000
"""Bytes of an update that the server takes in one command."""
JOINED: Final = 500
"""Updates that are joined into one: the time that takes is quadratic."""
MAX_STATE: Final = 8 * 1024
RENEW_S: Final = 15.0  # servers forget what is shown after 30 s

Content = tuple[dict[int, int], dict[int, list[tuple[int, int]]]]
"""What is in a document: up to where it has what each client wrote, and what of it is deleted."""


class Shown(Struct, frozen=True):
    """What is shown of one client of a paper, such as a cursor.

    Attributes:
        user: whose client it is, a user id.
        state: in its `user`, if there is one, `id` and `name` are the server's word.
    """

    client: int
    user: str
    state: dict[str, Any]


class PaperCopy:
    """State of one open paper, from the first opening to its end.

    Attributes:
        open: whether it is, on the present connection.
        asked: the command that opens it, or opened it last.
        refused: why the server does not take what is written now; None while it does.
        error: why nothing more comes; None while it may.
        keeping: opens it and writes, until it ends.
        wake: there may be something to write.
        changed: set when somebody shows something new, and then replaced.
    """

    def __init__(self, id: str, doc: "Doc[Any]") -> None:
        self.id = id
        self.doc = doc
        self.info = PaperInfo(id=id, room="", title="", finished=False, user="", at="")
        self.open = False
        self.asked = OpenPaper(paper=id)
        self.troubled = False  # it was closed for what may pass, and not written in since
        self.ended = ""
        self.refused: MadangError | None = None
        self.error: Exception | None = None
        self.keeping: asyncio.Task[None] | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.wake = asyncio.Event()
        self.changed = asyncio.Event()
        self.shown: dict[int, Shown] = {}
        self._unsaved: list[tuple[int, bytes]] = []  # each with the number of the newest edit that it has
        self._edits = self._saved = 0
        self._brings = bool(clocks(doc.get_state()))  # what was written and deleted before, until the first opening
        self._at_end: Content | None = None  # what is written after it is never sent
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._again_at = inf  # when what was refused is tried again
        self._state: dict[str, Raw] | None = None
        self._clock = 0
        self._applying = False
        self._show_at = inf
        self._observing = doc.observe(self._edited)

    # -- the document --------------------------------------------------------------------------------------------------

    @property
    def saved(self) -> bool:
        """Whether all that was written here is stored."""
        return self._saved >= self._edits and (self._at_end is None or self._at_end == content(self.doc))

    def _edited(self, event: "TransactionEvent") -> None:
        if not self._applying:
            self._edits += 1
            self._unsaved.append((self._edits, event.update))
            self._try_again()

    def _apply(self, update: bytes) -> None:
        self._applying = True
        try:
            with self.doc.transaction(origin=ORIGIN):
                self.doc.apply_update(update)
        except RuntimeError:  # the application holds a transaction over an await: it becomes a part of that
            self.doc.apply_update(update)
        finally:
            self._applying = False

    def _lacks(self, state: bytes) -> None:
        """Take what the server has: what it lacks, for whatever reason, is not saved."""
        if self._unsaved and len(lacking := self.doc.get_update(state)) <= MOST:
            self._unsaved = [(self._edits, lacking)]
        elif not self._unsaved and self._is_ahead(state):
            self._miss(state)
        self._try_again()

    def _is_ahead(self, state: bytes) -> bool:
        has = clocks(state)
        return any(clock > has.get(client, 0) for client, clock in clocks(self.doc.get_state()).items())

    def _miss(self, state: bytes) -> None:
        self._edits += 1
        self._unsaved = [(self._edits, self.doc.get_update(state))]

    def _brought(self, state: bytes, update: bytes) -> None:
        """Take what the server has, and what has come of it, where a copy was brought: what was deleted in it has moved no clock."""
        from pycrdt import get_update

        gone = deletions(get_update(update, self.doc.get_state()))
        if self._is_ahead(state) or gone != content(self.doc)[1]:
            self._miss(state)
        self._try_again()

    # -- what the server says ------------------------------------------------------------------------------------------

    def opened(self, text: bytes) -> None:
        """Take the answer to its opening."""
        answer = frames.decode(text, OpenPaperAnswer)
        self.info = answer.paper
        self._apply(answer.update)
        self.open = True
        if self._brings:
            self._brings = False
            self._brought(answer.state, answer.update)
        else:
            self._lacks(answer.state)
        self.shown.clear()
        self._show(answer.clients)
        self._clock += 2  # above what the server says of us where it has seen our last connection go
        self._show_at = inf if self._state is None else 0.0
        if not self.ready.done():
            self.ready.set_result(None)

    def take(self, frame: AnyPaperFrame) -> None:
        """Take a frame of this paper."""
        match frame:
            case PaperFrame(update=update) if update:
                self._apply(update)
            case PaperFrame(state=state) if self.open:
                self._lacks(state)
            case ShownFrame(clients=clients):
                self._show(clients)
            case ClosedFrame(code="not_found" | "not_member" as code):
                self.end(code, Refused(code))
            case ClosedFrame():
                self.troubled = True
                self.lost()

    def _show(self, clients: list[ClientInfo]) -> None:
        for each in clients:
            state = msgspec.json.decode(each.state)
            if state is None:
                self.shown.pop(each.client, None)
            elif each.client != self.doc.client_id:
                self.shown[each.client] = Shown(each.client, each.user, state)
        self._tell()

    def _tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def lost(self) -> None:
        """It is no longer open, and will be opened again."""
        self.open = False
        self.wake.set()

    def end(self, code: str, error: Exception) -> None:
        """Nothing more comes, for good."""
        if self.error is not None:
            return
        self.open, self.ended, self.error = False, code, error
        if self.keeping is not None and self.keeping is not asyncio.current_task():
            self.keeping.cancel()
        self.doc.unobserve(self._observing)  # or the document, and all of this with it, would never be freed
        self._at_end = content(self.doc)
        if not self.ready.done():
            self.ready.set_exception(error)
            self.ready.exception()  # whoever asked may have been cancelled
        self._fail(error)
        self.shown.clear()
        self._tell()
        self.wake.set()

    # -- what is written -----------------------------------------------------------------------------------------------

    def next_update(self) -> tuple[int, bytes] | None:
        """Return what is to be written next, and the newest edit that it has."""
        if self.refused is not None or not self._unsaved:
            return None
        size, count = 0, 0
        for _, update in self._unsaved[:JOINED]:
            size += len(update)
            if size > MOST and count:
                break
            count += 1
        some = self._unsaved[:count]
        if count == 1:
            return some[0]
        from pycrdt import merge_updates

        return some[-1][0], merge_updates(*(update for _, update in some))

    def stored(self, upto: int) -> None:
        """All edits up to this one are stored."""
        self.troubled = False
        self._unsaved = [each for each in self._unsaved if each[0] > upto]
        self._saved = max(self._saved, upto)
        waiting, self._waiters = self._waiters, []
        for edit, waiter in waiting:
            if edit > upto:
                self._waiters.append((edit, waiter))
            elif not waiter.done():
                waiter.set_result(None)

    def refuse(self, error: MadangError, now: float) -> None:
        """The server does not take it now: it is kept."""
        self.refused = error
        self._again_at = now + error.retry_ms / 1000 if isinstance(error, Limited) else inf
        self._fail(error)

    def _try_again(self) -> None:
        self.refused = None
        self.wake.set()

    def _fail(self, error: Exception) -> None:
        waiting, self._waiters = self._waiters, []
        for _, waiter in waiting:
            if not waiter.done():
                waiter.set_exception(error)

    async def until_saved(self) -> None:
        """Wait until all that has been written so far is stored; raise why it is not."""
        if self.saved:
            return
        if self.error is not None:
            raise self.error
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((self._edits, waiter))
        self._try_again()
        await waiter

    # -- what is shown -------------------------------------------------------------------------------------------------

    def show(self, state: Mapping[str, Any] | None) -> None:
        """Show something of this client from now on, or nothing."""
        shown = None if state is None else {name: Raw(msgspec.json.encode(value)) for name, value in state.items()}
        if shown is not None and len(msgspec.json.encode(shown)) > MAX_STATE:
            raise Refused("too_big", f"What is shown has at most {MAX_STATE} bytes.")
        self._state, self._show_at = shown, 0.0
        self.wake.set()

    def due(self, now: float) -> ShowPaper | None:
        """Return what is to be shown now. What was refused for some time is tried again."""
        if self._again_at <= now:
            self._again_at = inf
            self._try_again()
        if self._show_at > now:
            return None
        self._clock += 1
        self._show_at = inf if self._state is None else now + RENEW_S
        return ShowPaper(paper=self.id, client=self.doc.client_id, clock=self._clock, state=self._state)

    def next_due(self) -> float:
        """Return when `due` has something to do, if nothing happens before."""
        return min(self._again_at, self._show_at)


def content(doc: "Doc[Any]") -> Content:
    """Return what is in a document."""
    state = doc.get_state()
    return clocks(state), deletions(doc.get_update(state))
