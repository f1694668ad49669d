"""The open sessions of a node: all of a user's are closed, whatever one of them does."""

import pytest

from madang.core.actors import Actor
from madang.transports.sessions import Sessions

MINA = Actor(id="u-mina", name="Mina")


class Open:
    """A session that notes that it was closed, or fails to be."""

    def __init__(self, user: Actor, key: str = "", by: str = "", *, fails: bool = False) -> None:
        self.user: Actor | None = user
        self.key = key
        self.by = by
        self.fails = fails
        self.closed = False

    def rename(self, name: str) -> None:
        assert self.user is not None
        self.user = Actor(id=self.user.id, name=name)

    def revoke(self) -> None:
        if self.fails:
            raise RuntimeError("of this one")
        self.closed = True

    def sign_out(self, reason: str) -> None:
        self.revoke()

    def disconnect(self) -> None:
        self.revoke()


def test_one_connection_that_cannot_be_closed_leaves_none_of_the_others_open(caplog: pytest.LogCaptureFixture) -> None:
    sessions = Sessions()
    others = [Open(MINA) for _ in range(4)]
    broken, stranger = Open(MINA, fails=True), Open(Actor(id="u-bora", name="Bora"))
    for session in (*others[:2], broken, *others[2:], stranger):
        sessions.add(session)
    sessions.end(MINA.id)
    assert all(other.closed for other in others)
    assert not stranger.closed
    assert [record.getMessage() for record in caplog.records] == ["a connection of u-mina was not closed"]


def test_connections_end_with_the_key_that_signed_their_token(caplog: pytest.LogCaptureFixture) -> None:
    sessions = Sessions()
    old = [Open(MINA, "1"), Open(MINA, "1", fails=True), Open(MINA, "1"), Open(MINA, "2")]
    new = [Open(MINA, "3"), Open(MINA, "an issuer")]
    for session in (*old, *new):
        sessions.add(session)
    sessions.end_signed_by({"1", "2"})
    assert [session.closed for session in old] == [True, False, True, True]
    assert not any(session.closed for session in new)
    assert len(caplog.records) == 1


def test_connections_end_with_the_session_that_they_came_with() -> None:
    sessions = Sessions()
    one, other = (Open(Actor(id="account-mina", name="Mina", session=session)) for session in ("s1", "s2"))
    guest = Open(MINA)
    for session in (one, other, guest):
        sessions.add(session)
    sessions.sign_out({"s1", "s3"})
    assert (one.closed, other.closed, guest.closed) == (True, False, False)


def test_all_of_a_users_speak_by_their_new_name() -> None:
    sessions = Sessions()
    theirs, others = [Open(MINA) for _ in range(3)], Open(Actor(id="u-bora", name="Bora"))
    for session in (*theirs, others):
        sessions.add(session)
    sessions.rename(MINA.id, "Minji")
    assert [session.user and session.user.name for session in (*theirs, others)] == ["Minji"] * 3 + ["Bora"]


def test_connections_end_with_the_server_key_whose_token_they_came_with() -> None:
    sessions = Sessions()
    ones, twos, others = ([Open(MINA, by=by) for _ in range(3)] for by in ("one", "two", ""))
    for session in (*ones, *twos, *others):
        sessions.add(session)
        sessions.add(session)
    assert sessions.makers() == ["one", "two"]
    sessions.discard(twos[0])
    sessions.discard(twos[0])
    sessions.end_made_by({"two", ""})
    assert [session.closed for session in (*ones, *twos, *others)] == [False] * 4 + [True] * 2 + [False] * 3
    for session in (*ones, *twos):
        sessions.discard(session)
    assert sessions.makers() == []


def test_a_user_is_disconnected_everywhere_here() -> None:
    sessions = Sessions()
    mina, bora = [Open(MINA) for _ in range(3)], Open(Actor(id="u-bora", name="Bora"))
    for session in (*mina, bora):
        sessions.add(session)
    sessions.disconnect(MINA.id)
    assert all(session.closed for session in mina)
    assert not bora.closed
