"""What every transport is given: the node's services and delivery, in one place. Made by `madang.node.run`."""

import secrets
import time
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Final

from madang.aio import Turnstile
from madang.delivery.heartbeat import Heartbeat
from madang.delivery.hub import Hub
from madang.delivery.joining import Following
from madang.delivery.wheel import Wheel
from madang.services.appender import Appender
from madang.services.identity import Identity
from madang.services.limits import Limits
from madang.services.reading import Reading
from madang.services.rooms import Rooms
from madang.services.shared_limits import Sharing

JOINS: Final = 32  # begun per turn of the loop: about 10 ms


@dataclass(slots=True, kw_only=True)
class Gate:
    """Who may connect, and how many; checked before anything is allocated for them."""

    origins: frozenset[str] = frozenset()  # besides the server's own; "*" for any
    trusted_proxies: Container[str] = frozenset()  # those whose X-Forwarded-For is believed
    compression: bool = False
    draining: bool = False
    sockets: int = 0
    turned_away: int = 0  # handshakes refused for load, to come back later
    by_address: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class App:
    """One node, as its front doors see it."""

    node: str
    appender: Appender
    hub: Hub
    heartbeat: Heartbeat
    following: Following
    rooms: Rooms
    reading: Reading
    identity: Identity
    limits: Limits
    sharing: Sharing
    wheel: Wheel
    gate: Gate
    max_text: int
    max_rooms: int
    joins: Turnstile = field(default_factory=lambda: Turnstile(JOINS))
    ping_s: float = 25.0  # between two pings of a socket
    now: Callable[[], float] = time.time
    admin_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))  # for the admin listener, per start
