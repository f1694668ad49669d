"""One node as its doors see it: services and delivery, and the parts that run. Made by `madang.node.assembly`."""

import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from madang.core.metrics import Metric
from madang.core.rate import Rate
from madang.delivery.heartbeat import Heartbeat
from madang.delivery.hub import Hub
from madang.delivery.joining import Joiner
from madang.delivery.papers.hub import PaperHub
from madang.delivery.turns import Turns
from madang.delivery.wheel import Wheel
from madang.memory import Memory
from madang.services.accounts import Accounts
from madang.services.appender import Appender
from madang.services.consumers import Consumers
from madang.services.following import Following
from madang.services.identity import Identity
from madang.services.invites import Invites
from madang.services.memberships import Memberships
from madang.services.moderation import Moderation
from madang.services.papers import Papers
from madang.services.people import People
from madang.services.posting import Posting
from madang.services.profiles import Profiles
from madang.services.publishing import Publishing
from madang.services.queries import Queries
from madang.services.read_pointers import ReadPointers
from madang.services.reading import Reading
from madang.services.rebuilding import Rebuilding
from madang.services.reports import Reports
from madang.services.rooms import Rooms
from madang.services.searching import Searching
from madang.services.signing import Signing
from madang.services.users import Users
from madang.services.versions import Versions
from madang.services.word_lists import WordLists
from madang.transports.admission import Admission
from madang.transports.http.gate import Gate
from madang.transports.limits import AppendLimits, ArrivalLimits, CommandLimits
from madang.transports.sessions import Sessions
from madang.transports.shares import Shares

if TYPE_CHECKING:  # a door knows the node that it is of
    from madang.transports.socketio.door import SocketIo
    from madang.transports.sse.door import Streams


@dataclass(frozen=True, slots=True)
class Part:
    """Something that runs on a node: its loops, how it starts and ends, and what it counts.

    Attributes:
        loops: run until cancelled; one that ends by an error ends the node.
        start: called before any loop runs, in the order of the parts.
        stop: called after all loops have ended, in the reverse order.
        metrics: what it counts, by name and with a help text; called for the current values.
    """

    name: str
    loops: Sequence[Callable[[], Awaitable[None]]] = ()
    start: Callable[[], Awaitable[None]] | None = None
    stop: Callable[[], Awaitable[object]] | None = None
    metrics: Callable[[], Sequence[Metric]] = tuple


@dataclass(slots=True, kw_only=True)
class Node:
    """What a door may call."""

    name: str
    memory: Memory
    appender: Appender
    turns: Turns
    hub: Hub
    heartbeat: Heartbeat
    joiner: Joiner
    rooms: Rooms
    posting: Posting
    publishing: Publishing
    reading: Reading
    searching: Searching
    consumers: Consumers
    following: Following | None  # of the search index
    rebuilding: Rebuilding | None  # likewise
    queries: Queries
    read_pointers: ReadPointers
    invites: Invites
    moderation: Moderation
    reports: Reports
    word_lists: WordLists
    identity: Identity
    accounts: Accounts
    papers: Papers
    versions: Versions
    open_papers: PaperHub
    people: People
    memberships: Memberships
    users: Users
    profiles: Profiles
    signing: Signing
    sessions: Sessions
    limits: CommandLimits
    arrivals: ArrivalLimits
    appends: AppendLimits
    rates_told: tuple[Rate, Rate]  # to clients: of a connection's commands, and of a user's appends
    wheel: Wheel
    shares: Shares
    admission: Admission
    gate: Gate  # of the public listener
    socketio: "SocketIo" = field(init=False)
    streams: "Streams" = field(init=False)
    max_text: int
    max_rooms: int
    ping_s: float  # between two pings of a socket
    compression: bool  # whether sockets may negotiate it
    parts: Sequence[Part] = ()
    now: Callable[[], float] = time.time
    admin_secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))  # for the admin listener, per start
