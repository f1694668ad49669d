"""Who acts, as the server knows them. What they may do is `permissions.py`'s."""

import msgspec


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: never what a client says of itself. `server` marks a server key, or whom one speaks for."""

    id: str
    name: str
    server: bool = False
