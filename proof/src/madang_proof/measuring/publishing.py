"""Publishing: messages are sent when they are due, and deliveries are counted until they are complete."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from madang_proof.measuring.clients import LoadClients, until
from madang_proof.measuring.figures import Figures, durations, times
from madang_proof.measuring.process import usage

DRAIN_S: Final = 10.0  # for what is missing after the last message
BURST: Final = 256  # messages sent before the loop reads its sockets again
SPIN_S: Final = 0.002  # a timer of the loop is a millisecond late, so the last two are waited out by turning the loop,
SPIN_BELOW_S: Final = 200.0  # where the rate is low enough that this costs little


async def publish(
    clients: LoadClients,
    workload: str,
    publishers: int,
    rate: float,
    seconds: float,
    progress: Callable[[str, float], None],
) -> Figures:
    """Let the first `publishers` of every room send, for `seconds`, together `rate` messages per second.

    Latency counts from when a message was due, not from when it was sent: a generator or server that is held up makes the
    figures worse, never better (no coordinated omission).
    """
    clients.sample(rate / clients.rooms)
    senders = [m for place in range(min(publishers, clients.group)) for m in clients.members[place :: clients.group]]
    in_room = Counter(member.room for member in clients.members)
    late = durations()
    before, spent, lost = usage(clients.target.pid), time.process_time(), clients.lost
    began_us = time.monotonic_ns() // 1000 + 10_000
    count = max(1, round(rate * seconds))
    sent = expected = 0
    step = max(1, count // 100)
    while sent < count:
        now_us = time.monotonic_ns() // 1000
        due_us = began_us + int(sent * 1e6 / rate)
        if due_us > now_us:
            rest = (due_us - now_us) / 1e6
            await asyncio.sleep(max(0.0, rest - SPIN_S) if rate <= SPIN_BELOW_S else rest)
            continue
        member = senders[sent % len(senders)]
        assert member.socket is not None
        clients.n += 1
        n = clients.n
        if not member.socket.counting:
            member.asked[n] = due_us
        text = (
            f'{{"op":"send","n":{n},"room":"{clients.room(member.room)}","cid":"c{n}","text":"@{due_us} hello there"}}'
        )
        member.socket.send(text.encode())
        late.append((now_us - due_us) / 1e3)
        expected += in_room[member.room]
        sent += 1
        if sent % BURST == 0:
            await asyncio.sleep(0)
        if sent % step == 0:
            progress("sending", sent / count)
    busy = (time.process_time() - spent) / (time.monotonic_ns() / 1e9 - began_us / 1e6)
    await _drain(clients, sent, expected)
    took = max(seconds, time.monotonic_ns() / 1e9 - began_us / 1e6)
    after = usage(clients.target.pid)
    acked, refused = clients.answered
    deliveries, latency, lateness = clients.messages, times(clients.latency), times(late)
    cpu_s = after.cpu_s - before.cpu_s if before and after else None
    return Figures(
        workload=workload, sockets=len(clients.members), rooms=clients.rooms, seconds=seconds, offered_s=rate, sent=sent,
        acked=acked, refused=refused, deliveries=deliveries, expected=expected, disorder=clients.disorder,
        parsed=len(clients.parsed), lost=clients.lost - lost, deliveries_s=deliveries / took, acks_s=acked / took,
        latency=latency, ack=times(clients.ack),
        cpu_core=None if cpu_s is None else cpu_s / took,
        cpu_us_delivery=None if cpu_s is None or not deliveries else cpu_s * 1e6 / deliveries,
        resident_mb=after.resident / 2**20 if after else None,
        disk_written_mb=(after.disk_written - before.disk_written) / 1e6 if before and after else None,
        generator_cpu=busy, generator_late_ms=lateness.p99 if lateness else 0.0,
    )  # fmt: skip


async def _drain(clients: LoadClients, sent: int, expected: int) -> None:
    """Wait for what is missing. It is unknown how many deliveries of refused messages are missing."""

    def over() -> bool:
        answered, refused = clients.answered
        return answered + refused >= sent and (bool(refused) or clients.messages >= expected)

    await until(over, DRAIN_S)
