"""The workloads of `madang bench`: the default load of each, and how it is run. bench/ has the same in C."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from madang.errors import MadangError
from madang_proof.measuring.clients import PATIENCE_S, CannotMeasure, LoadClients, Member, Target, until
from madang_proof.measuring.figures import Figures, durations, times
from madang_proof.measuring.process import usage
from madang_proof.measuring.publishing import publish

LARGE: Final = 100  # sockets; a larger room is told of joins for a second (PROTOCOL.md, "Ephemeral frames")
SETTLE_S: Final = 1.5
AWAY: Final = 10  # messages sent while everyone is away
SENDS_EACH: Final = 80  # of a user; 20 users then send 1,600 and receive 32,000
Progress = Callable[[str, float], None]
"""Called with what is being done, and the share that is done."""


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How much load. `rate` is messages per second of all rooms together."""

    sockets: int
    rate: float = 0.0
    seconds: float = 5.0


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of load. `limits` says that it fits into the rates of a server's defaults."""

    name: str
    title: str
    load: Load
    run: Callable[[Target, Load, Progress], Awaitable[Figures]]
    limits: bool = False


async def _settle(load: Load) -> None:
    """Wait until the effects of joining are over."""
    await asyncio.sleep(SETTLE_S if load.sockets > LARGE else SETTLE_S / 5)


def _publishing(name: str, group: int, publishers: int) -> Callable[[Target, Load, Progress], Awaitable[Figures]]:
    """Return the run of a workload in rooms of `group` sockets (0: one room); the first `publishers` of a room send."""

    async def run(target: Target, load: Load, progress: Progress) -> Figures:
        clients = LoadClients(target, load.sockets, group or load.sockets)
        try:
            await clients.open(lambda joined: progress("joining", joined / load.sockets))
            await _settle(load)
            figures = await publish(clients, name, publishers, load.rate, load.seconds, progress)
            if "rate_limited" in clients.codes:
                clients.raise_refusals()
            return figures
        finally:
            await clients.close()

    return run


async def _users(target: Target, load: Load, progress: Progress) -> Figures:
    """Let everyone send SENDS_EACH messages into one room, however long that takes at this rate."""
    seconds = SENDS_EACH * load.sockets / load.rate
    everyone = _publishing("users", 0, load.sockets)
    return await everyone(target, msgspec.structs.replace(load, seconds=seconds), progress)


async def _idle(target: Target, load: Load, progress: Progress) -> Figures:
    """Let everyone join one room and stay silent."""
    clients = LoadClients(target, load.sockets, load.sockets)
    before, began = usage(target.pid), time.monotonic()
    try:
        await clients.open(lambda joined: progress("joining", joined / load.sockets))
        took = time.monotonic() - began
        await _settle(load)
        after = usage(target.pid)
        grown = (after.resident - before.resident) / 1024 / load.sockets if before and after else None
        return Figures(
            workload="idle", sockets=load.sockets, rooms=1, joins_s=load.sockets / took, lost=clients.lost,
            kb_per_socket=grown, resident_mb=after.resident / 2**20 if after else None,
        )  # fmt: skip
    finally:
        await clients.close()


async def _reconnect(target: Target, load: Load, progress: Progress) -> Figures:
    """Cut everyone off at once, send AWAY messages, let everyone resume at once, and send one more."""
    clients = LoadClients(target, load.sockets, load.sockets)
    back, retries = durations(), 0
    try:
        await clients.open(lambda joined: progress("joining", joined / load.sockets))
        await _settle(load)
        host, *others = clients.members
        for member in others:
            assert member.socket is not None
            member.socket.cut()
        await _send(clients, host, AWAY)
        before, spent, began = usage(target.pid), time.process_time(), time.monotonic()

        async def come_back(member: Member, number: int) -> None:
            nonlocal retries
            while True:
                try:
                    await clients.enter(member, number)
                    break
                except (CannotMeasure, OSError) as error:  # too many at once for the server or for the kernel
                    if time.monotonic() - began > PATIENCE_S:
                        raise error
                    retries += 1
                    await asyncio.sleep(0.05 + number % 50 / 100)
            back.append((time.monotonic() - began) * 1e3)
            progress("reconnecting", len(back) / len(others))

        async with asyncio.TaskGroup() as group:
            for number, member in enumerate(others):
                group.create_task(come_back(member, number))
        took = time.monotonic() - began
        busy = (time.process_time() - spent) / took
        after = usage(target.pid)
        await _send(clients, host, 1)
        expected = (AWAY + 1) * len(clients.members)
        await until(lambda: clients.messages >= expected, PATIENCE_S)
        return Figures(
            workload="reconnect", sockets=load.sockets, rooms=1, sent=AWAY + 1, acked=AWAY + 1,
            deliveries=clients.messages, expected=expected, disorder=clients.disorder, parsed=load.sockets,
            lost=clients.lost, back=times(back), retries=retries, joins_s=len(others) / took,
            cpu_core=(after.cpu_s - before.cpu_s) / took if before and after else None, generator_cpu=busy,
        )  # fmt: skip
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    finally:
        await clients.close()


async def _send(clients: LoadClients, host: Member, count: int) -> None:
    """Let one member send messages, and wait until they are acked."""
    assert host.socket is not None
    already = host.socket.answers
    for _ in range(count):
        clients.n += 1
        n = clients.n
        command = {"op": "send", "n": n, "room": clients.room(0), "cid": f"c{n}", "text": "@ while you were away"}
        host.socket.send(msgspec.json.encode(command))
    socket = host.socket
    await until(lambda: socket.ended or bool(socket.refusals) or socket.answers - already >= count, PATIENCE_S)
    clients.raise_refusals()
    if socket.answers - already < count:
        raise MadangError("internal", "The server did not answer a message.")


WORKLOADS: Final = {
    w.name: w
    for w in (
        Workload(
            name="quiet-room", title="one large room, one of its sockets sends", load=Load(sockets=1000, rate=50),
            run=_publishing("quiet-room", 0, 1),
        ),
        Workload(
            name="hot-room", title="one large room, 20 of its sockets send", load=Load(sockets=1000, rate=1000),
            run=_publishing("hot-room", 0, 20),
        ),
        Workload(
            name="small-rooms", title="many rooms of 2, both send", load=Load(sockets=1000, rate=5000),
            run=_publishing("small-rooms", 2, 2),
        ),
        Workload(name="idle", title="one large room, silent", load=Load(sockets=2000), run=_idle),
        Workload(
            name="reconnect", title="one large room, all cut off and back at once", load=Load(sockets=2000),
            run=_reconnect,
        ),
        Workload(
            name="users", title="users of one room, each sends 80 messages", load=Load(sockets=20, rate=80),
            run=_users, limits=True,
        ),
    )
}  # fmt: skip
