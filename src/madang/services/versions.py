"""Versions of papers: make, list, look at and delete them, and go back to one, through every door.

Whoever may write in a paper makes versions of it, goes back to one, and deletes those that they made; moderators delete any.
To go back is an edit, stored like all others. What the paper was before it is kept as a version, unless there is one.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from madang.aio import SingleFlight
from madang.core.actors import Actor
from madang.core.documents import EMPTY
from madang.core.names import clean_title
from madang.core.papers import BLANK, Paper, Rendering, Standing, Update
from madang.core.permissions import Action, acting_role, need
from madang.core.rate import Bucket
from madang.core.versions import ASKED, MAX_KEPT, MAX_VERSIONS, RESTORE, NewVersion, Version, too_many
from madang.errors import Limited, Refused
from madang.ports.papers import PaperLog
from madang.services.charges import Charges
from madang.services.papers import OVERLOADED_MS, RENDERING, Papers, Store, with_a_process
from madang.services.rooms import Rooms

T = TypeVar("T")

NO_VERSION: Final = "There is no such version."
ROWS: Final = MAX_VERSIONS + MAX_KEPT
TRIES: Final = 3
"""How often one goes back while others do, too: each time a process looks at what they have made of the paper."""


class Renders(Protocol):
    """Reads what papers say, apart from the node: it may be much, and hostile."""

    async def render(self, room: str, snapshot: bytes, updates: Sequence[bytes]) -> tuple[bytes, Rendering | None]:
        """Return a snapshot that stands for a log, and what it says; None where that is too deep or too long."""

    async def back(self, room: str, snapshot: bytes, updates: Sequence[bytes], version: bytes) -> tuple[bytes, bytes]:
        """Return a snapshot that stands for a log, and the update that leads from there back to a version; empty for none."""


class Versions:
    """Use cases around versions of papers. To anybody who is not a member of its room, a paper has none (not_found).

    Args:
        tell: called with a paper's id, and with the number and the bytes of an update that was stored here.
    """

    def __init__(
        self, store: Store, rooms: Rooms, papers: Papers, charges: Charges, renders: Renders,
        tell: Callable[[str, int, bytes], None],
    ) -> None:  # fmt: skip
        self._store = store
        self._rooms = rooms
        self._papers = papers
        self._charges = charges
        self._renders = renders
        self._tell = tell
        self._rendering: SingleFlight[Rendering] = SingleFlight()

    async def page(self, actor: Actor, id: str, *, bucket: Bucket | None = None) -> list[Version]:
        """Return a paper's versions, the newest first (not_found, rate_limited)."""
        paper = await self._papers.show(actor, id)
        return await self._rooms.page(actor, paper.room, Action.READ, ROWS, bucket, lambda: self._store.versions(paper))

    async def content(self, actor: Actor, id: str, number: int) -> Rendering:
        """Return what a version says (not_found, rate_limited, overloaded, too_big)."""
        paper = await self._papers.show(actor, id)

        async def read() -> Rendering:
            return await self._rendering.do((id, paper.key, number), lambda: self._rendered(paper, number))

        return await self._apart(actor, paper, None, read)

    async def _rendered(self, paper: Paper, number: int) -> Rendering:
        data = await self._data(paper, number)
        says: Rendering | None = BLANK
        if data != EMPTY:
            _, says = await self._renders.render(paper.room, data, ())
        if says is None:  # a finished paper was as deep
            raise Refused("too_big", "The version is too deep or too long to be shown so.")
        return says

    async def create(self, actor: Actor, id: str, title: str, *, bucket: Bucket | None = None) -> Version:
        """Keep what is stored of a paper now as a version, and return it.

        Raises:
            Refused: not_found, forbidden, muted, archived, bad_name, too_many, overloaded, rate_limited, quota; too_big for one
                that cannot be shown, and for more than MAX_VERSION_BYTES.
        """
        title = clean_title(title)

        async def make(paper: Paper) -> Version:
            if refused := too_many(await self._store.versions(paper)):
                raise refused
            log = await self._papers.log(paper)
            data = EMPTY
            if log.paper.seq:
                data, says = await self._renders.render(paper.room, log.snapshot, log.written)
                if says is None:
                    raise Refused("too_big", "The paper is too deep or too long to be shown as a version.")
            new = NewVersion(title=title, cause=ASKED, user=actor.id, seq=log.paper.seq, data=data)
            return await self._keep(actor, log.paper, new)

        return await self._do(actor, id, bucket, make)

    async def go_back(self, actor: Actor, id: str, number: int, *, bucket: Bucket | None = None) -> int:
        """Let a paper say again what a version of it said, and return the number of the update that does; 0 where it says so already.

        Raises:
            Refused: as for `create`, and finished.
        """

        async def restore(paper: Paper) -> int:
            version = await self._data(paper, number)
            for _ in range(TRIES):
                if (seq := await self._back(actor, await self._papers.log(paper), version)) is not None:
                    return seq
            raise Limited("overloaded", OVERLOADED_MS)

        return await self._do(actor, id, bucket, restore)

    async def _back(self, actor: Actor, log: PaperLog, version: bytes) -> int | None:
        """Go back to a version from what a log says, as `go_back`; None where somebody else has gone back since it was read."""
        paper = log.paper
        if paper.finished:
            raise Refused("finished")
        whole, change = await self._renders.back(paper.room, log.snapshot, log.written, version)
        if not change:
            return 0
        await self._keep(actor, paper, NewVersion(cause=RESTORE, user=actor.id, seq=paper.seq, data=whole))
        back = Update(paper.id, paper.key, ((actor.id, actor.server),), change, back_from=paper.seq)
        [outcome] = await self._store.append_updates([back])
        if isinstance(outcome, Refused) and outcome.code == "too_big":
            # What was deleted has its bytes in the log, and none in a snapshot.
            await self._store.compact_paper(paper, paper.seq, whole)
            [outcome] = await self._store.append_updates([back])
        if isinstance(outcome, Refused):
            if outcome.code == "overloaded":
                return None
            raise outcome
        self._tell(paper.id, outcome, change)
        return outcome

    async def delete(self, actor: Actor, id: str, number: int) -> Version:
        """Delete a version, and return what it was (not_found, forbidden, muted, archived, rate_limited)."""
        with self._rooms.attempt(actor) as attempt:
            paper = await self._papers.show(actor, id)
            attempt.in_room(paper.room)
            standing = await self._standing(actor, paper)
            found = next((each for each in await self._store.versions(paper) if each.number == number), None)
            if found is not None and found.cause == ASKED and found.user == actor.id:
                _need_to_write(actor, standing)
            else:
                need(acting_role(standing.role, server=actor.server), Action.PAPERS, state=standing.state)
            if found is None or not await self._store.drop_version(paper, number):
                raise Refused("not_found", NO_VERSION)
            return found

    async def _do(self, actor: Actor, id: str, bucket: Bucket | None, work: Callable[[Paper], Awaitable[T]]) -> T:
        """Do something with a paper that needs a process of its own, if the actor may write in it. To do nothing costs no quota."""
        with self._rooms.attempt(actor) as attempt:
            paper = await self._papers.show(actor, id)
            attempt.in_room(paper.room)
            _need_to_write(actor, await self._standing(actor, paper))
            attempt.row()
            done = await self._apart(actor, paper, bucket, lambda: work(paper))
            if not done:
                attempt.give_back_quotas()
            return done

    async def _apart(self, actor: Actor, paper: Paper, bucket: Bucket | None, work: Callable[[], Awaitable[T]]) -> T:
        with with_a_process(paper):
            return await self._rooms.page(actor, paper.room, Action.READ, RENDERING, bucket, work)

    async def _keep(self, actor: Actor, paper: Paper, new: NewVersion) -> Version:
        """Keep a version for an actor, who may have waited long: they are judged once more."""
        _need_to_write(actor, await self._standing(actor, paper))
        there = {each.number for each in await self._store.versions(paper)}
        kilobytes = 1 + len(new.data) // 1024
        self._charges.written(actor, kilobytes)
        try:
            kept = await self._store.keep_version(paper, new)
            if isinstance(kept, Refused):
                raise kept
        except Exception:
            self._charges.unwritten(actor, kilobytes)
            raise
        if kept.number in there:
            self._charges.unwritten(actor, kilobytes)
        return kept

    async def _data(self, paper: Paper, number: int) -> bytes:
        if (data := await self._store.version(paper, number)) is None:
            raise Refused("not_found", NO_VERSION)
        return data

    async def _standing(self, actor: Actor, paper: Paper) -> Standing:
        who = paper.room, actor.id
        return (await self._store.watched([], [who])).standings[who]


def _need_to_write(actor: Actor, standing: Standing) -> None:
    if code := standing.held(server=actor.server):
        raise Refused(code)
