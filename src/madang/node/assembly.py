"""Who calls whom on a node: every part is made here and given what it talks to. A new part goes in here.

Nothing is started: `run.py` does that for a node that serves, tests for nodes without listeners. It adds what a node has
only because it serves: listeners, the lease, and the watch for neighbours without a bus.
"""

import time
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from time import perf_counter, thread_time
from typing import Final, Protocol

from madang.core.events import Event
from madang.core.signing import Keyring
from madang.core.words import Words
from madang.delivery.fanout import Fanout
from madang.delivery.heartbeat import Heartbeat
from madang.delivery.hub import QUIET_ABOVE, Hub
from madang.delivery.joining import Joiner
from madang.delivery.papers.hub import PaperHub
from madang.delivery.papers.renderer import Renderer
from madang.delivery.papers.thread import DocumentThread
from madang.delivery.turns import Turns
from madang.delivery.wheel import Wheel
from madang.memory import Memory
from madang.ports.accounts import AccountStore
from madang.ports.bus import Bus
from madang.ports.changes import ChangeStore
from madang.ports.consumers import ConsumerStore
from madang.ports.directory import Directory
from madang.ports.erasures import Erasures as ErasureStore
from madang.ports.issuers import Issuers
from madang.ports.log import Log
from madang.ports.papers import PaperStore
from madang.ports.people import PeopleStore
from madang.ports.presence import Presence
from madang.ports.profiles import ProfileStore
from madang.ports.search import SearchIndexes
from madang.ports.signing import SigningStore
from madang.ports.tickets import TicketStore
from madang.ports.upkeep import Upkeep
from madang.ports.versions import VersionStore
from madang.protocol.yjs import MAX_MESSAGE
from madang.services.account_sessions import SIGNED_OUT, AccountSessions
from madang.services.accounts import Accounts
from madang.services.appender import Appender
from madang.services.charges import Charges
from madang.services.cleanup import Cleanup
from madang.services.consumers import ACKED, READER, Consumers
from madang.services.erasures import Erasures
from madang.services.following import Following
from madang.services.identity import Identity
from madang.services.indexing import IndexingServing
from madang.services.invites import Invites
from madang.services.limits import Limits, Rates
from madang.services.marks import Marks
from madang.services.memberships import Memberships
from madang.services.moderation import Moderation
from madang.services.origins import origin_of
from madang.services.papers import Papers
from madang.services.passwords import Passwords
from madang.services.people import DISCONNECTED, People
from madang.services.polling import Polling
from madang.services.posting import Posting
from madang.services.profiles import NAMED, Profiles
from madang.services.publishing import Publishing
from madang.services.queries import Queries
from madang.services.read_pointers import ReadPointers
from madang.services.reading import Reading
from madang.services.rebuilding import Rebuilding
from madang.services.recovery import Recovery
from madang.services.reports import Reports
from madang.services.rooms import KICK_S, Rooms
from madang.services.searching import Searching
from madang.services.shared_limits import SPENT, SharedLimits
from madang.services.signing import Signing
from madang.services.tickets import Tickets
from madang.services.tokens import Tokens
from madang.services.users import ENDED, Users
from madang.services.versions import Versions
from madang.services.vouching import Vouching
from madang.services.word_lists import CHANGED, WordLists
from madang.transports.admission import Admission
from madang.transports.connections import Connections
from madang.transports.hosts import Hosts
from madang.transports.http.cors import Cors
from madang.transports.http.gate import ADMIN, Gate
from madang.transports.native.encoding import ENCODINGS
from madang.transports.native.operations import OPERATIONS
from madang.transports.native.session import Session
from madang.transports.node import Node, Part
from madang.transports.sessions import Sessions
from madang.transports.shares import Shares
from madang.transports.socket import Socket
from madang.transports.socketio.door import PATH as SOCKETIO
from madang.transports.socketio.door import SocketIo
from madang.transports.socketio.websocket import WebSocketEnd
from madang.transports.sse.door import Streams
from madang.transports.websocket.doors import Door, Doors, Upgrade
from madang.transports.yjs.session import YjsSession

Holders = Callable[[], Awaitable[Sequence[str]]]
"""Returns the names of all nodes that hold a lease, this one included."""


BUFFER_BYTES: Final = 256 << 20  # the default of `buffer_mb`
HTTP_CONNECTIONS: Final = 1_000  # besides all WebSockets
HTTP_PER_ADDRESS: Final = 100  # the same, of one address
ADMIN_CONNECTIONS: Final = 64
BUSY: Final = 16
"""Drafts in line at which what follows the log lets them go first."""


class NodeStore(
    Log,
    Directory,
    Upkeep,
    ConsumerStore,
    ErasureStore,
    AccountStore,
    PeopleStore,
    ProfileStore,
    PaperStore,
    VersionStore,
    SigningStore,
    TicketStore,
    ChangeStore,
    Protocol,
):
    """The database, as far as an assembled node needs it."""


def assemble(
    *,
    name: str,
    store: NodeStore,
    keyring: Keyring,
    bus: Bus,
    presence: Presence,
    holders: Holders,
    rates: Rates,
    max_text: int,
    max_rooms: int,
    ping_s: float,
    hosts: Iterable[str] = (),
    origins: frozenset[str] = frozenset(),
    trusted_proxies: Container[str] = frozenset(),
    compression: bool = False,
    kick_s: int = KICK_S,
    buffer_bytes: int = BUFFER_BYTES,
    guests: str = "open",
    accounts: str = "open",
    issuers: Issuers | None = None,
    create_rooms: str = "anyone",
    words: Words | None = None,
    search: bool = True,
    indexes: SearchIndexes | None = None,
    expire_rooms_days: int = 0,
    expire_guests_days: int = 0,
    expire_audit_days: int = 0,
    clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    quiet_above: int = QUIET_ABOVE,
    descriptors: int = 1 << 30,
    elsewhere: Callable[[], float] = lambda: 0.0,
    clock: Callable[[], float] = perf_counter,
) -> Node:
    """Return a node whose parts are connected and not started. Call it in the event loop that will run them.

    Args:
        name: unique among the nodes of the fleet; the holder of this node's lease.
        keyring: signs tokens; kept as the store has it.
        holders: asked by the heartbeat which other nodes may be alive, and by the cleanup, which the first of them does.
        hosts: names of this server, besides addresses and loopback names.
        buffer_bytes: what all buffers of the node may hold together.
        guests: who may make them: "open", "keys" or "off"; see `Identity`.
        accounts: who may make them; see `Accounts`.
        issuers: outside issuers whose tokens are taken.
        create_rooms: who may: "anyone", "accounts" or "keys"; see `Rooms`.
        words: the word list of the server.
        search: whether members can search.
        indexes: what makes searches quick; whoever gives them closes them.
        expire_rooms_days: after how many days an empty room expires; 0 for never.
        expire_guests_days: the same for absent guests.
        expire_audit_days: the same for entries of audit trails.
        clock_ms: Unix milliseconds.
        descriptors: that the connections of the public listener may take.
        elsewhere: returns the seconds of the processor that reads have taken in threads of the store.
        clock: seconds, by which work is measured.
        quiet_above: live subscribers of a room above which joins are announced as a range.
    """
    # What is live here, and how much may be asked for.
    memory = Memory(buffer_bytes)
    turns = Turns()
    hub = Hub(store, store, bus, presence, turns, memory, quiet_above=quiet_above)
    heartbeat = Heartbeat(name, hub, bus, holders)
    fanout = Fanout(hub, bus, heartbeat)
    limits = Limits(rates, shared=not bus.local)
    charges = Charges(limits, turns.time)
    committed: list[Callable[[Sequence[Event]], None]] = [fanout.committed]
    open_papers = hub.papers = PaperHub(store, bus, turns, memory, DocumentThread())
    appender = Appender(store, lambda events: _each(committed, events), hub.check_soon, charges.unstored)
    shared_limits = SharedLimits(name, limits, bus, turns.time)
    hub.on_signal(SPENT, shared_limits.receive)

    # Who may connect, and the users who are here, were here or are gone.
    admission = Admission(
        limits.addresses, most=rates.sockets, most_per_address=rates.sockets_per_address, origins=origins,
        trusted_proxies=trusted_proxies,
    )  # fmt: skip
    connections = Connections(
        min(rates.sockets + HTTP_CONNECTIONS, descriptors), rates.sockets_per_address + HTTP_PER_ADDRESS, turns.time
    )
    sessions = Sessions()
    users = Users(store, store, store, appender, bus, sessions, clock_ms, turns.time)
    signing = Signing(keyring, store, sessions)
    hub.on_signal(ENDED, users.receive)
    signed_in = AccountSessions(store, bus, sessions, turns.time)
    hub.on_signal(SIGNED_OUT, signed_in.receive)

    async def leads() -> bool:
        return list(await holders())[:1] == [name]

    async def picture(user: str) -> str:
        return await vouching.picture(user)

    cleanup = Cleanup(store, appender, users, leads, clock_ms, expire_rooms_days, expire_guests_days, expire_audit_days)
    erasures = Erasures(store, appender, users, leads, clock_ms)

    # Rooms, and who somebody is.
    rooms = Rooms(
        store,
        appender,
        charges,
        limits.quotas.rates,
        create_rooms,
        kick_s,
        users,
        users.seen,
        origin_of(keyring.lasting),
        picture,
    )
    profiles = Profiles(store, appender, bus, rooms.attempt, sessions, clock_ms)
    hub.on_signal(NAMED, profiles.receive)
    tickets, tokens, passwords = Tickets(keyring, store), Tokens(keyring, profiles.name), Passwords()
    of_accounts = Accounts(store, passwords, signed_in, tokens, limits, turns.time, accounts)
    vouching = Vouching(store, profiles)
    polling = Polling(store, users, signed_in, profiles, signing, erasures, clock_ms)
    identity = Identity(
        tokens, store, limits, turns.time, sessions, guests=guests, deleted=users, issuers=issuers, seen=users.seen,
        tickets=tickets, recovery=Recovery(keyring), clock_ms=clock_ms, ended=signed_in, used=signed_in.seen, met=vouching.met,
    )  # fmt: skip

    # What is done in rooms, and what is read of them.
    moderation = Moderation(store, rooms, clock_ms)
    people = People(store, users, identity, profiles, bus, sessions, clock_ms, moderation.note)
    hub.on_signal(DISCONNECTED, people.receive)
    invites = Invites(store, rooms)
    reports = Reports(store, rooms, hub, clock_ms)
    word_lists = WordLists(store, rooms, bus, clock_ms, words)
    hub.on_signal(CHANGED, word_lists.receive)
    posting = Posting(charges, rooms, hub, max_text, word_lists, reports)
    publishing = Publishing(people, posting, appender)
    memberships = Memberships(store, rooms, people, appender, users)
    renderer = Renderer()
    papers = Papers(store, rooms, charges, renderer.render)
    versions = Versions(store, rooms, papers, charges, renderer, open_papers.appended)
    searching = Searching(store, rooms, indexes, charges, turns.time, memory, on=search)
    read_pointers = ReadPointers(store, rooms, hub)
    hub.watching.use_pointers(read_pointers.unwritten)
    consumers = Consumers(store, bus, clock_ms, lambda: appender.waiting >= BUSY, leads)
    hub.heads_told.append(consumers.heads_seen)
    hub.on_signal(READER, consumers.another_reader)
    hub.on_signal(ACKED, consumers.acked)
    committed.append(consumers.committed)
    reading = Reading(
        store, store, rooms, read_pointers, hub.presence, charges, turns.time, memory, Marks(keyring.lasting)
    )

    # What doors share: one timer, the processor by turns, and the gate of the public listener.
    wheel = Wheel()
    shares = Shares(
        clock,
        turns.later,
        elsewhere,
        cpu=thread_time if clock is perf_counter else None,
        paced=bool(rates.connection.per_second),
    )
    gate = Gate(
        admission, connections, limits.addresses, wheel, shares, turns.time, hosts=Hosts(hosts), serves=identity.serves,
        cors=Cors(admission),
    )  # fmt: skip

    # What runs, in the order in which it starts.
    parts: tuple[Part, ...] = (
        Part("memory", metrics=memory.metrics),
        Part("bus", start=lambda: bus.start(hub), stop=bus.stop, metrics=lambda: bus.statistics.metrics()),
        Part("turns", stop=turns.stop),
        Part("hub upkeep", loops=[hub.watch], metrics=hub.metrics),
        Part("watching", loops=[hub.watching.run], metrics=hub.watching.metrics),
        Part("presence", loops=[hub.presence.run]),
        Part("presence upkeep", loops=[hub.presence.keep]),
        Part("appender", loops=[appender.run], metrics=appender.metrics),
        Part("papers", loops=[open_papers.run, open_papers.watch], stop=open_papers.stop, metrics=open_papers.metrics),
        Part("read pointers", loops=[read_pointers.run], stop=read_pointers.flush, metrics=read_pointers.metrics),
        Part("reading", metrics=reading.metrics),
        Part("searching", metrics=searching.metrics),
        Part("publishing", metrics=publishing.metrics),
        Part("wheel", loops=[wheel.run]),
        Part("shares", metrics=shares.metrics),
        Part("shared limits", loops=[shared_limits.run], metrics=shared_limits.metrics),
        Part("heartbeat", loops=[heartbeat.run], stop=heartbeat.leave, metrics=heartbeat.metrics),
        Part("admission", metrics=admission.metrics),
        Part("limits", loops=[lambda: limits.run(turns.time)], metrics=limits.metrics),
        Part("quotas", metrics=limits.quotas.metrics),
        Part("users", loops=[users.run], start=users.start, metrics=users.metrics),
        Part("tickets", metrics=tickets.metrics),
        Part("reports", loops=[reports.run]),
        Part("word lists", loops=[word_lists.run], start=word_lists.start, metrics=word_lists.metrics),
        Part("account sessions", loops=[signed_in.run], start=signed_in.start, metrics=signed_in.metrics),
        Part("passwords", stop=passwords.stop, metrics=passwords.metrics),
        Part("vouching", loops=[vouching.run], metrics=vouching.metrics),
        Part("profiles", start=profiles.start, metrics=profiles.metrics),
        Part("server keys", loops=[identity.server_keys.run]),
        Part("signing keys", metrics=signing.metrics),
        Part("polling", loops=[polling.run]),
        Part("consumers", loops=[consumers.run], metrics=consumers.metrics),
        Part("cleanup", loops=[cleanup.run], metrics=cleanup.metrics),
        Part("erasures", loops=[erasures.run], metrics=erasures.metrics),
        Part("gate", metrics=gate.metrics),
    )
    following, rebuilding = None, None
    if indexes is not None:

        def busy() -> bool:
            return appender.waiting >= BUSY

        following = Following(store, IndexingServing(indexes, papers.searched), leads, busy, turns.time)
        rebuilding = Rebuilding(store, indexes, leads, busy, turns.time, following.sweep_now, papers.searched)
        committed += [following.committed, rebuilding.committed]
        loops = [following.run, following.sweep, rebuilding.run]
        parts = (*parts, Part("search index", loops=loops, metrics=following.metrics))
        parts = (*parts, Part("search store", metrics=indexes.metrics))
    if issuers is not None:
        parts = (*parts, Part("issuers", loops=[issuers.run], metrics=issuers.metrics))
    node = Node(
        name=name, memory=memory, appender=appender, turns=turns, hub=hub, heartbeat=heartbeat, joiner=Joiner(hub, max_rooms), rooms=rooms,
        posting=posting, reading=reading, searching=searching,
        following=following, rebuilding=rebuilding, read_pointers=read_pointers, invites=invites, moderation=moderation, reports=reports,
        identity=identity, accounts=of_accounts, users=users, signing=signing,
        publishing=publishing, word_lists=word_lists,
        papers=papers, versions=versions, open_papers=open_papers, people=people, memberships=memberships, queries=Queries(reading),
        consumers=consumers, sessions=sessions, profiles=profiles, limits=limits.commands, arrivals=limits.addresses, appends=limits.appends,
        rates_told=(rates.connection, rates.user), wheel=wheel, shares=shares, admission=admission, gate=gate, max_text=max_text, max_rooms=max_rooms,
        ping_s=ping_s, compression=compression,
    )  # fmt: skip
    node.socketio = SocketIo(node)
    node.streams = Streams(node)
    node.parts = (
        *parts,
        Part("socket.io", metrics=node.socketio.metrics),
        Part("streams", metrics=node.streams.metrics),
    )
    return node


def _each(told: Iterable[Callable[[Sequence[Event]], None]], events: Sequence[Event]) -> None:
    for tell in told:
        tell(events)


def admin_gate(node: Node) -> Gate:
    """Return the gate of a node's admin listener: the same bounds, counted apart, so that no flood locks it."""
    connections = Connections(ADMIN_CONNECTIONS, ADMIN_CONNECTIONS, node.turns.time, "admin")
    shares = Shares(perf_counter, node.turns.later, paced=False)
    return Gate(
        node.admission,
        connections,
        node.arrivals,
        node.wheel,
        shares,
        node.turns.time,
        hosts=node.gate.hosts,
        whose=ADMIN,
    )


def websocket_doors(node: Node) -> Doors:
    """Return what speaks at which path of a node's WebSocket server."""

    def native(socket: Socket, upgrade: Upgrade) -> Session:
        return Session(node, socket, ENCODINGS[upgrade.framing], OPERATIONS)

    def yjs(socket: Socket, upgrade: Upgrade) -> YjsSession:
        return YjsSession(node, socket, upgrade, ENCODINGS[upgrade.framing])

    def socketio(socket: Socket, upgrade: Upgrade) -> WebSocketEnd:
        return WebSocketEnd(node.socketio, socket, upgrade)

    return {
        "/ws": Door(native),
        SOCKETIO: Door(socketio, binary=True, judge=node.socketio.judge),
        "/yjs/*": Door(yjs, binary=True, max_message=MAX_MESSAGE, subprotocol="yjs", slow=1013),
    }
