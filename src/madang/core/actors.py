"""Actors: on whose behalf something is done, as the server knows them. What they may do is in `permissions.py`."""

import msgspec

from madang.errors import Refused


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """A user or a server key. Never taken from what a client says of itself.

    Attributes:
        server: a server key acts, or a user for whom one speaks.
        address: where a user comes from, as limits count it; empty where that is not known.
        scopes: of a server key, what it may be used for (`core.scopes`).
        via: the user id of the server key that speaks for this user.
        session: that the user of an account signed in to; empty for everybody else.
        rooms: that the user may join because their issuer says so, as long as they come with that token.
    """

    id: str
    name: str
    server: bool = False
    address: str = ""
    scopes: frozenset[str] = frozenset()
    via: str | None = None
    session: str = ""
    rooms: frozenset[str] = frozenset()


def need_server_key(actor: Actor) -> None:
    """Raise Refused (forbidden) for all but server keys, and the server itself."""
    if not actor.server or actor.via is not None:
        raise Refused("forbidden", "For server keys only.")
