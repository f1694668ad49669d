"""What is charged for what somebody asks for, and what they are given back when it is refused.

Every charge of an append, of a quota or of a page is taken here, so that every refusal behind it finds what to give back:

- What was refused without a look at it, because of another limit, a full line or a storage that fails, costs nothing.
- Neither does what is in the log already.
- What was looked at and refused, or changes nothing, has left nothing behind: it costs no slow mode and no quota. The rates
  stay charged, because the look is the work that they bound.

How much there is to take is in `limits.py` and `quotas.py`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self

import msgspec

from madang.core import user_ids
from madang.core.actors import Actor
from madang.core.events import (
    Appended,
    Body,
    Draft,
    MessageDeleted,
    MessageEdited,
    MessagePinned,
    MessageSent,
    MessageUnpinned,
    ReactionAdded,
    ReactionRemoved,
)
from madang.core.rate import Bucket
from madang.errors import Limited, MadangError, Refused
from madang.services.append_limits import AppendLimits
from madang.services.limits import Limits
from madang.services.quotas import Quotas, Taken

QUOTAS: Final[dict[type[Body], str]] = {
    MessageSent: "kilobytes",
    MessageEdited: "kilobytes",
    MessageDeleted: "",  # there is one for each message at most
    ReactionAdded: "reactions",
    ReactionRemoved: "reactions",
    MessagePinned: "kilobytes",
    MessageUnpinned: "kilobytes",
}
"""What a member posts, and the quota that it counts in. All of these are charged by `post`, and nothing else is."""
_UNSEEN: Final = frozenset({"rate_limited", "slow_mode", "quota", "overloaded", "draining"})


def looked_at(error: BaseException) -> bool:
    """Return whether a refusal is the answer to what was asked, and not to how much or when."""
    return isinstance(error, Refused) and error.code not in _UNSEEN


class Charges:
    """Charges actors by the limits of a node.

    Args:
        time: loop time, as `limits` counts it.
    """

    def __init__(self, limits: Limits, time: Callable[[], float]) -> None:
        self._appends = limits.appends
        self._commands = limits.commands
        self._quotas = limits.quotas
        self._time = time

    def post(self, actor: Actor, draft: Draft, slow_ms: int = 0, *, perhaps_again: bool = False) -> Draft:
        """Charge a draft of one of the types in QUOTAS, and return it as it will be appended.

        Args:
            slow_ms: the room's slow mode, if the draft counts as a message and the actor is held by it.
            perhaps_again: it may be in the log already. Then it is not refused here, but marked as too early.

        Raises:
            Limited: rate_limited, slow_mode, quota.
        """
        appends, now, quota = self._appends, self._time(), QUOTAS[type(draft.content)]
        address = actor.address if slow_ms and user_ids.is_guest(actor.id) else ""
        try:
            appends.append(actor.id, draft.room, now, slow_ms, server=actor.server, address=address)
            try:
                if quota == "kilobytes":
                    self._quotas.take_bytes(actor, len(draft.body), now)
                elif quota:
                    self._quotas.take(quota, actor, now)
            except Limited:
                appends.give_back(now, user="" if actor.server else actor.id, room=draft.room)
                appends.give_back_slow(actor.id, draft.room, now, slow_ms, address)
                raise
        except Limited as refused:
            if not perhaps_again:
                raise
            return msgspec.structs.replace(draft, early=(refused.code, refused.retry_ms))
        if slow_ms or quota == "reactions":
            return msgspec.structs.replace(draft, slow_ms=slow_ms, slow_address=address, address=actor.address)
        return draft

    def unstored(self, draft: Draft, outcome: Appended | MadangError | None) -> None:
        """Undo what a draft was charged by `post`: it became no event. Others were not charged there."""
        quota = QUOTAS.get(type(draft.content))
        if quota is None or draft.early is not None:
            return
        now = self._time()
        if isinstance(outcome, Appended) or (outcome is not None and not looked_at(outcome)):
            self._appends.give_back(now, user="" if draft.server else draft.user, room=draft.room)
        self._appends.give_back_slow(draft.user, draft.room, now, draft.slow_ms, draft.slow_address)
        if draft.server:
            return
        if quota == "kilobytes":
            self._quotas.give_back_bytes(draft.user, len(draft.body))
        elif quota:
            actor = Actor(id=draft.user, name=draft.name, address=draft.address)
            self._quotas.give_back(self._quotas.flows(quota, actor), now)

    def written(self, actor: Actor, kilobytes: int) -> None:
        """Charge what an actor writes in papers (quota). The rate is that of their connection: bursts are stored as one."""
        self._quotas.take_bytes(actor, (kilobytes - 1) * 1024, self._time())

    def unwritten(self, actor: Actor, kilobytes: int) -> None:
        """Undo `written`: nothing of it was kept."""
        if not actor.server:
            self._quotas.give_back_bytes(actor.id, (kilobytes - 1) * 1024)

    def attempt(self, actor: Actor) -> "Attempt":
        """Charge an actor for an append that they try, before it is known whether they may (rate_limited)."""
        self._appends.attempt(actor.id, self._time(), server=actor.server)
        return Attempt(self._appends, self._quotas, self._time, actor)

    @contextmanager
    def page(self, actor: Actor, rows: int, bucket: Bucket | None) -> Iterator[None]:
        """Charge a page that is read in this context, by its rows (rate_limited). A server key reads for many, and pays nothing.

        Args:
            bucket: what pays: the bucket of the reader's connection; without one, that of all of the reader's requests.
        """
        if actor.server:
            yield
            return
        self._commands.page(bucket, rows, actor.id, actor.address, self._time())
        try:
            yield
        except Exception as error:
            if not looked_at(error):
                self._commands.page_given_back(bucket, rows, actor.id, actor.address, self._time())
            raise


class Attempt:
    """A context in which an actor who has been charged tries to append one event.

    What it is charged is given back where the attempt fails. `Charges.attempt` makes it.
    """

    def __init__(self, appends: AppendLimits, quotas: Quotas, time: Callable[[], float], actor: Actor) -> None:
        self._appends = appends
        self._quotas = quotas
        self._time = time
        self._actor = actor
        self._room = ""
        self._bytes = False
        self._taken: Taken = ()

    def __enter__(self) -> Self:
        """Return the attempt, which the actor has been charged for."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Undo what a failed attempt was charged. One that was cancelled may be stored all the same."""
        if not isinstance(error, Exception):
            return
        if not looked_at(error):
            user = "" if self._actor.server else self._actor.id
            self._appends.give_back(self._time(), user=user, room=self._room)
            self._room = ""
        self.give_back_quotas()

    def in_room(self, room: str) -> None:
        """Charge the room, of which the actor is a member or may become one (rate_limited)."""
        self._appends.in_room(room, self._time())
        self._room = room

    def quota(self, kind: str) -> None:
        """Charge a quota (quota)."""
        self._taken = self._quotas.take(kind, self._actor, self._time())

    def join(self, room: str) -> None:
        """Charge the quotas of a join that makes a membership (quota)."""
        self._taken = self._quotas.take_join(self._actor, room, self._time())

    def row(self) -> None:
        """Charge the quota of what is written, for a row without text (quota)."""
        self._quotas.take_bytes(self._actor, 0, self._time())
        self._bytes = not self._actor.server

    def give_back_room(self) -> None:
        """Undo what the room paid for somebody who is not a member, and pays for themselves."""
        self._appends.give_back(self._time(), room=self._room)
        self._room = ""

    def give_back_quotas(self) -> None:
        """Undo what was taken of quotas: nothing was made."""
        self._quotas.give_back(self._taken, self._time())
        self._taken = ()
        if self._bytes:
            self._quotas.give_back_bytes(self._actor.id, 0)
            self._bytes = False
