"""One node: opens its parts in order, serves, and closes them in the reverse order with nothing lost.

The only place that knows every part.
"""

import asyncio
import contextlib
import gc
import logging
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import uvicorn

from madang.adapters.bus.options import BusOptions
from madang.adapters.catalogue import for_one_node, open_bus
from madang.adapters.sql import Store, open_store
from madang.aio import cancelled
from madang.config import Settings
from madang.core.events import Event
from madang.core.rate import Rate
from madang.delivery.heartbeat import Heartbeat
from madang.delivery.hub import Hub
from madang.delivery.joining import Following
from madang.delivery.presence import TTL_S
from madang.delivery.wheel import Wheel
from madang.errors import SetupError
from madang.node.lease import take_number
from madang.node.neighbours import watch_for_strangers
from madang.services.appender import Appender
from madang.services.identity import Identity
from madang.services.limits import UNLIMITED, Limits, Rates
from madang.services.reading import Reading
from madang.services.rooms import Rooms
from madang.services.shared_limits import SPENT, Sharing
from madang.transports.addresses import Proxies
from madang.transports.admin.app import admin_app
from madang.transports.app import App, Gate
from madang.transports.http.app import http_app
from madang.transports.http.parser import guarded
from madang.transports.websocket.connection import gateway

logger = logging.getLogger("madang.node")

DRAIN_S: Final = 4.0  # for what was taken to be stored, and again for sockets to close: out within 10 s
UNSENT: Final = 128 * 1024  # bytes the kernel takes for a peer that does not; by itself it takes 2.5 MB and more
BACKLOG: Final = 4096  # connections the kernel holds while the loop is busy


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class _Server(uvicorn.Server):
    """A listener of the node; the node, not uvicorn, hears the signals."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


def _listen(host: str, port: int, option: str) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):  # what is accepted has it too
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        listener.bind((host, port))
    except OSError as error:
        raise SetupError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}.", f"Choose another with {option}."
        ) from None
    return listener


def _rates(settings: Settings) -> Rates:
    if settings.load_test:
        return UNLIMITED
    return Rates(
        connection=Rate(settings.command_rate, max(1, int(settings.command_rate * 4))),
        user=Rate(settings.user_rate, settings.user_burst),
        room=Rate(settings.room_rate, max(1, int(settings.room_rate * 2))),
        address=Rate(settings.address_rate, max(1, int(settings.address_rate * 10))),
        handshakes=Rate(settings.handshake_rate, max(1, int(settings.handshake_rate * 2))),
        sockets=settings.max_sockets,
        sockets_per_address=settings.max_sockets_per_address,
    )


class Node:
    """A running node. `port` and `admin_port` are the ports in force."""

    def __init__(self, settings: Settings, app: App, store: Store, port: int, admin_port: int) -> None:
        self.settings = settings
        self.app = app
        self.store = store
        self.port = port
        self.admin_port = admin_port
        self.failed = asyncio.Event()  # a part that the node cannot do without has ended


@asynccontextmanager
async def run_node(settings: Settings) -> AsyncIterator[Node]:
    """Run a node for as long as the context lasts; leaving it drains.

    Raises:
        SetupError: it cannot start as configured.
    """
    async with AsyncExitStack() as stack:
        listener = stack.enter_context(_listen(settings.host, settings.port, "--port"))
        admin_listener = stack.enter_context(_listen(settings.admin_host, settings.admin_port, "--admin-port"))
        store = await open_store(settings.database_url, _now_ms)
        stack.push_async_callback(store.close)
        name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        number = await take_number(store, name, _now_ms)
        stack.push_async_callback(number.give_back)
        store.use_ids(number.ids, number.prolong)

        secret = await store.secret()
        options = BusOptions(secret, name, TTL_S, settings.bus_channels)
        bus, presence = await stack.enter_async_context(open_bus(settings.bus, options, database=settings.database_url))
        hub = Hub(store, store, bus, presence)
        heartbeat = Heartbeat(name, hub, bus, lambda: store.holders(_now_ms()))
        await bus.start(hub)
        stack.push_async_callback(bus.stop)
        stack.push_async_callback(hub.stop)

        def committed(events: Sequence[Event]) -> None:
            hub.receive(events)
            bus.publish(events)
            heartbeat.note(events)

        limits = Limits(_rates(settings), shared=not bus.local)
        sharing = Sharing(name, limits, bus, hub.time)
        hub.everywhere[SPENT] = sharing.hear
        appender = Appender(store, committed, hub.check_soon)
        reading = Reading(store, store)
        stack.push_async_callback(reading.flush)
        app = App(
            node=name, appender=appender, hub=hub, heartbeat=heartbeat, following=Following(hub), rooms=Rooms(store, appender),
            reading=reading, identity=Identity(secret, store), limits=limits, sharing=sharing,
            wheel=Wheel(), gate=_gate(settings), max_text=settings.max_text, max_rooms=settings.max_rooms,
            ping_s=settings.ping_s,
        )  # fmt: skip
        listeners = listener, admin_listener
        port, admin_port = (each.getsockname()[1] for each in listeners)
        node = Node(settings, app, store, port, admin_port)
        parts: list[Callable[[], Awaitable[None]]] = [
            appender.run, reading.run, hub.watch, hub.presence.run, hub.presence.keep, app.wheel.run, number.keep, heartbeat.run,
            sharing.run,
        ]  # fmt: skip
        stack.push_async_callback(heartbeat.leave)
        if bus.local and not for_one_node(settings.database_url):
            parts.append(lambda: watch_for_strangers(store, name, _now_ms, hub.check_soon))
        stack.push_async_callback(cancelled, [_part(node, part) for part in parts])
        await app.rooms.ensure_lobby()
        server = _server(settings, http_app(app), ws=gateway(app), http=guarded(app))
        admin = _server(settings, admin_app(app), ws="none", http="httptools")
        serving = [_part(node, lambda: server.serve([listener])), _part(node, lambda: admin.serve([admin_listener]))]
        stack.push_async_callback(_drain, node, [server, admin], serving)
        await _first(_up([server, admin]), node.failed.wait())
        _calm_gc()
        yield node


async def _up(servers: list[_Server]) -> None:
    for server in servers:
        await server.up.wait()


async def _first(*waits: Coroutine[Any, Any, Any]) -> None:
    """Wait until one of these is over, and give the others up."""
    tasks: list[asyncio.Task[Any]] = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await cancelled(tasks)


def _calm_gc() -> None:
    """Let the cycle collector look rarely: it took 16 % of the time at 10,000 msg/s, walking what lives long.

    Events, drafts and frames hold no cycles and are not tracked; what makes cycles is a closed connection.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _gate(settings: Settings) -> Gate:
    return Gate(
        origins=frozenset(settings.origins),
        trusted_proxies=Proxies(settings.trusted_proxies),
        compression=settings.compression,
    )


def _server(settings: Settings, app: Any, *, ws: Any, http: Any) -> _Server:
    config = uvicorn.Config(
        app, ws=ws, http=http, lifespan="off", log_config=None, access_log=False, backlog=BACKLOG,
        proxy_headers=bool(settings.trusted_proxies), forwarded_allow_ips=settings.trusted_proxies or None,
        timeout_graceful_shutdown=int(DRAIN_S), server_header=False, date_header=False,
    )  # fmt: skip
    return _Server(config)


def _part(node: Node, run: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
    """Run a part of the node; if it ends by an error, so does the node."""

    async def watched() -> None:
        try:
            await run()
        except Exception as error:
            logger.critical("a part of the node failed", exc_info=error)
            node.failed.set()

    return asyncio.get_running_loop().create_task(watched())


async def _drain(node: Node, servers: list[_Server], serving: list[asyncio.Task[None]]) -> None:
    """Stop accepting; store and ack what was taken; say goodbye to every socket, jittered; let go of those that stay."""
    gate, hub = node.app.gate, node.app.hub
    gate.draining = True
    for server in servers:
        for listener in getattr(server, "servers", []):
            listener.close()
    try:
        async with asyncio.timeout(DRAIN_S):
            await node.app.appender.drain()
    except TimeoutError:
        logger.error("the storage did not answer in %s s: %d sends stay unacked", DRAIN_S, node.app.appender.waiting)
    hub.scheduler.finish()
    sockets = gate.sockets
    for server in servers:
        server.should_exit = True
    _, late = await asyncio.wait(serving, timeout=DRAIN_S + 1)
    for task in late:
        task.cancel()
    for server in servers:
        for connection in list(server.server_state.connections):
            connection.transport.abort()
    logger.info("drained: %d sockets, %d messages since start, nothing left unstored", sockets, hub.statistics.events)
