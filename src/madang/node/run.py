"""The order in which a node starts, serves and stops, so that nothing is lost. Who calls whom is `assembly.py`'s."""

import asyncio
import contextlib
import gc
import logging
import secrets
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

import uvicorn

from madang.adapters.bus.options import BusOptions
from madang.adapters.catalogue import for_one_node, open_bus, open_search, way_between_nodes
from madang.adapters.sql import Store, open_store
from madang.aio import cancelled
from madang.config import Settings
from madang.core import hosts
from madang.core.signing import Keyring
from madang.core.words import Words
from madang.delivery.presence import TTL_S
from madang.node import descriptors
from madang.node.assembly import admin_gate, assemble, websocket_doors
from madang.node.emitters import emitter_of
from madang.node.heap import Heap
from madang.node.issuers import configured
from madang.node.lease import acquire, confirmed
from madang.node.listening import check_apart, listen, names, refuse_exposed
from madang.node.neighbours import watch_neighbours
from madang.node.rates import rates
from madang.node.shared_clock import SharedClock
from madang.node.waiting import StartTimeout
from madang.transports.addresses import Proxies
from madang.transports.admin.app import admin_app
from madang.transports.http.app import http_app
from madang.transports.http.parser import bounded_http
from madang.transports.http.site import operators, visitors
from madang.transports.node import Node, Part
from madang.transports.websocket.connection import gateway

logger = logging.getLogger("madang.node")

DRAIN_S: Final = 4.0
"""Time for accepted sends to be stored, and again for sockets to close: a node has stopped within 10 s."""
BACKLOG: Final = 4096
"""Connections that the kernel holds while the event loop is busy."""
SWITCH_S: Final = 0.0005
"""After which a thread that works in Python lets another in that has woken, the loop, the writer or a reader: Python's own 5 ms are
longer than an ack takes, and an ack needs four of these turns."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class _Server(uvicorn.Server):
    """A listener of the node. Signals are handled by the node, not by uvicorn."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


class RunningNode:
    """A node that serves.

    Attributes:
        port, admin_port: the ports that it listens on.
        operated: whether the operator's page is at the admin listener.
        failed: set when a part that the node cannot do without has ended.
    """

    def __init__(self, node: Node, store: Store, port: int, admin_port: int) -> None:
        self.node = node
        self.store = store
        self.port = port
        self.admin_port = admin_port
        self.operated = False
        self.failed = asyncio.Event()


@asynccontextmanager
async def run_node(settings: Settings, stop: asyncio.Event | None = None) -> AsyncIterator[RunningNode]:
    """Run a node for as long as the context lasts; leaving it drains.

    Args:
        stop: ends a start that waits for its servers.

    Raises:
        SetupError: it cannot start as configured.
        StoppedWaiting: see `stop`.
    """
    timeout = StartTimeout(settings.start_wait_s, stop or asyncio.Event())
    issuers = configured(settings)
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(listen(settings.host, settings.port, "--port"))
        admin_listener = stack.enter_context(listen(settings.admin_host, settings.admin_port, "--admin-port"))
        check_apart(listener, admin_listener)
        refuse_exposed(settings.admin_host, settings.admin_exposed)
        store = await timeout.until_reached(lambda: open_store(settings.database_url, _now_ms))
        stack.push_async_callback(store.close)
        name = f"{socket.gethostname()}-{listener.getsockname()[1]}-{secrets.token_hex(4)}"
        common = way_between_nodes(settings.bus, settings.bus_channels)
        lease = await timeout.until_reached(lambda: acquire(store, name, _now_ms, common))
        stack.push_async_callback(lease.release)
        store.use_ids(lease.ids, lease.renew)

        keys = await timeout.until_reached(lambda: confirmed(store.signing_keys))
        epoch = await timeout.until_reached(lambda: confirmed(store.epoch))
        clock = SharedClock(store.clock_ms)
        await timeout.until_reached(lambda: confirmed(clock.set))
        keyring = Keyring(keys, clock)
        options = BusOptions(keyring, name, TTL_S, settings.bus_channels, epoch, clock)
        bus, presence = await stack.enter_async_context(open_bus(settings.bus, options, database=settings.database_url))
        searches = settings.search != "off"
        indexes = await open_search(settings.search, database=settings.database_url)
        if indexes is not None:
            stack.push_async_callback(indexes.close)
        node = assemble(
            name=name, store=store, keyring=keyring, bus=bus, presence=presence, holders=store.holders,
            rates=rates(settings), max_text=settings.max_text, max_rooms=settings.max_rooms, ping_s=settings.ping_s,
            kick_s=settings.kick_s, hosts={*settings.hosts, *names(settings.host, settings.admin_host)},
            origins=frozenset(settings.origins), trusted_proxies=Proxies(settings.trusted_proxies),
            compression=settings.compression, buffer_bytes=settings.buffer_mb << 20, guests=settings.guests, accounts=settings.account_makers, issuers=issuers,
            create_rooms=settings.create_rooms,
            words=Words(refuse=tuple(settings.words_refuse), mask=tuple(settings.words_mask), flag=tuple(settings.words_flag)),
            search=searches, indexes=indexes, expire_rooms_days=settings.expire_rooms_days, expire_guests_days=settings.expire_guests_days,
            expire_audit_days=settings.expire_audit_days, descriptors=descriptors.for_connections(),
            elsewhere=store.reading_s,
        )  # fmt: skip
        node.parts = (*node.parts, *emitter_of(settings, node))
        parts = [
            *node.parts,
            Part("lease", loops=[lease.keep]),
            Part("shared clock", loops=[clock.run]),
            Part("numbering", loops=[store.number]),
            Part("heap", loops=[Heap().run]),
        ]
        if bus.local and not for_one_node(settings.database_url):
            parts.append(Part("neighbours", loops=[lambda: watch_neighbours(store, name, node.hub.check_soon)]))
        port, admin_port = (each.getsockname()[1] for each in (listener, admin_listener))
        running = RunningNode(node, store, port, admin_port)

        async def patiently(start: Callable[[], Awaitable[object]]) -> object:
            return await timeout.until_reached(lambda: confirmed(start))

        await stack.enter_async_context(running_parts(parts, running.failed.set, patiently))
        await timeout.until_reached(lambda: confirmed(node.rooms.ensure_lobby))
        site = await asyncio.to_thread(visitors)
        server = _server(http_app(node, site), ws=gateway(node, websocket_doors(node)), http=bounded_http(node.gate))
        token = None if hosts.is_loopback(settings.admin_host) else settings.metrics_token
        admin_site = await asyncio.to_thread(operators)
        running.operated = admin_site.built
        admin = _server(admin_app(node, token, admin_site), ws="none", http=bounded_http(admin_gate(node)))
        servers = {server: listener, admin: admin_listener}
        serving = [_watched(partial(each.serve, [accepts]), running.failed.set) for each, accepts in servers.items()]
        stack.push_async_callback(drain, node, list(servers), serving)
        await _first(_up(servers), running.failed.wait())
        _calm_gc()
        sys.setswitchinterval(SWITCH_S)
        yield running


@asynccontextmanager
async def running_parts(
    parts: Sequence[Part],
    failed: Callable[[], object],
    started: Callable[[Callable[[], Awaitable[object]]], Awaitable[object]] = lambda start: start(),
) -> AsyncIterator[None]:
    """Run parts for as long as the context lasts: start them in order, and stop them in reverse when no loop runs.

    Args:
        failed: called when a loop has ended by an error.
        started: starts one of them, and may try more than once.

    Raises:
        SetupError: a part cannot start; those before it are stopped.
    """
    async with AsyncExitStack() as stack:
        for part in parts:
            if part.start is not None:
                await started(part.start)
            if part.stop is not None:
                stack.push_async_callback(part.stop)
        loops = [_watched(loop, failed) for part in parts for loop in part.loops]
        stack.push_async_callback(cancelled, loops)
        yield


async def _up(servers: Iterable[_Server]) -> None:
    for server in servers:
        await server.up.wait()


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of these is over, and cancel the others."""
    tasks: list[asyncio.Task[Any]] = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await cancelled(tasks)


def _calm_gc() -> None:
    """Let the cycle collector run rarely: at 10,000 msg/s it took 16 % of the time to walk long-lived objects.

    Events, drafts and frames hold no cycles and are not tracked; only closed connections make cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _server(app: Any, *, ws: Any, http: Any) -> _Server:
    config = uvicorn.Config(
        app, ws=ws, http=http, lifespan="off", log_config=None, access_log=False, backlog=BACKLOG,
        proxy_headers=False, timeout_graceful_shutdown=int(DRAIN_S), server_header=False, date_header=False,
    )  # fmt: skip
    return _Server(config)


def _watched(loop: Callable[[], Awaitable[None]], failed: Callable[[], object]) -> asyncio.Task[None]:
    async def watched() -> None:
        try:
            await loop()
        except Exception as error:
            logger.critical("a part of the node failed", exc_info=error)
            failed()

    return asyncio.get_running_loop().create_task(watched())


async def drain(node: Node, servers: Sequence[_Server], serving: list[asyncio.Task[None]]) -> None:
    """Stop accepting, store and ack what was accepted, tell every client when to come back, and abort what stays open."""
    admission, hub = node.admission, node.hub
    admission.draining = True
    for server in servers:
        for listener in getattr(server, "servers", []):
            listener.close()
    try:
        async with asyncio.timeout(DRAIN_S):
            await node.appender.drain()
    except TimeoutError:
        logger.error("the storage did not answer in %s s: %d sends stay unacked", DRAIN_S, node.appender.waiting)
    hub.scheduler.finish()
    sockets = admission.open
    node.socketio.announce_restart(100 + secrets.randbelow(2000))
    for server in servers:
        server.should_exit = True
    _, late = await asyncio.wait(serving, timeout=DRAIN_S + 1)
    for task in late:
        task.cancel()
    for server in servers:
        for connection in list(server.server_state.connections):
            connection.transport.abort()
    logger.info("drained: %d sockets, %d messages since start, nothing left unstored", sockets, hub.statistics.events)
