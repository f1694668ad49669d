"""The open sessions of a node: from a user to their connections, which nothing else knows."""

import logging
from collections import Counter
from collections.abc import Callable, Container, Iterator
from functools import partial
from typing import Protocol

from madang.core.actors import Actor

logger = logging.getLogger("madang.sessions")


class OpenSession(Protocol):
    """One connection that speaks for a user."""

    user: Actor | None  # with the session of an account that they signed in to
    key: str  # that signed the token it came with
    by: str  # the server key that made that token, if one did

    def rename(self, name: str) -> None:
        """Speak for the user by another name from now on."""

    def revoke(self) -> None:
        """Close the connection: the user's access was taken away."""

    def sign_out(self, reason: str) -> None:
        """Close the connection: the token that it came with is no longer believed."""

    def disconnect(self) -> None:
        """Close the connection: the product that the user belongs to asks for it."""


class Sessions:
    """Who is connected. Finding one user's goes through all, which is rare: 50,000 take 5 ms."""

    def __init__(self) -> None:
        self._open: set[OpenSession] = set()
        self._made: Counter[str] = Counter()  # sessions by the server key that made their token

    def add(self, session: OpenSession) -> None:
        """Keep a session from its hello on. Its `by` changes only while it is not kept."""
        if session not in self._open:
            self._open.add(session)
            if session.by:
                self._made[session.by] += 1

    def discard(self, session: OpenSession) -> None:
        """Forget a session that has ended."""
        if session in self._open:
            self._open.remove(session)
            if session.by:
                self._made[session.by] -= 1
                if not self._made[session.by]:
                    del self._made[session.by]

    def makers(self) -> list[str]:
        """Return the server keys by whose tokens sessions speak."""
        return list(self._made)

    def users(self) -> Iterator[str]:
        """Yield the users of all sessions."""
        return (session.user.id for session in list(self._open) if session.user is not None)

    def end(self, user: str) -> None:
        """Close all connections of a user."""
        for session in self._of(user):
            _close(session, session.revoke)

    def rename(self, user: str, name: str) -> None:
        """Let all connections of a user speak by another name."""
        for session in self._of(user):
            session.rename(name)

    def _of(self, user: str) -> list[OpenSession]:
        return [s for s in self._open if s.user is not None and s.user.id == user]

    def disconnect(self, user: str) -> None:
        """Close all connections of a user, who may come back."""
        for session in self._of(user):
            _close(session, session.disconnect)

    def end_made_by(self, keys: Container[str]) -> None:
        """Close all connections whose token was made by one of these server keys."""
        for session in [s for s in self._open if s.by and s.by in keys]:
            _close(session, partial(session.sign_out, "server key dropped"))

    def end_signed_by(self, keys: Container[str]) -> None:
        """Close all connections whose token was signed by one of these keys."""
        for session in [s for s in self._open if s.key in keys]:
            _close(session, partial(session.sign_out, "signing key retired"))

    def sign_out(self, sessions: Container[str]) -> None:
        """Close all connections that came with a token of these sessions of accounts."""
        for session in [s for s in self._open if s.user is not None and s.user.session in sessions]:
            _close(session, partial(session.sign_out, "signed out"))


def _close(session: OpenSession, close: Callable[[], None]) -> None:
    try:
        close()
    except Exception as error:  # of one, which must not leave the others open
        logger.error("a connection of %s was not closed", session.user and session.user.id, exc_info=error)
