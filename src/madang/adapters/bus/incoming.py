"""What comes from a broker, on its way to the hub; and a node's signals to itself, by which a bus knows that it is heard."""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from typing import Final

from madang.adapters.bus.envelopes import BadSignature, Content
from madang.adapters.bus.outgoing import HealthLog
from madang.ports.bus import EVERYWHERE, BusStatistics, Receiver, Signal

READING: Final = "reading what other nodes publish"
PROBE: Final = "probe"
"""Topic of the signals that buses send to themselves."""

Unpacked = Iterable[tuple[str, Content]]


def hand_on(
    unpack: Callable[[], Unpacked], receiver: Receiver | None, statistics: BusStatistics, health: HealthLog,
    echo: "Echo | None" = None,
) -> None:  # fmt: skip
    """Hand on what an envelope holds, unless the bus has stopped; one that is not of this installation is counted.

    Args:
        unpack: returns what it holds for each room, and may raise BadSignature meanwhile.
        echo: is told of the node's own probes, which nobody else is.
    """
    if receiver is None:
        return
    try:
        for room, content in unpack():
            if content.events:
                statistics.received += len(content.events)
                receiver.receive(content.events)
            if content.head:
                receiver.heads_seen({room: content.head})
            for signal in content.signals:
                if echo is not None and signal.topic == PROBE:
                    echo.answer(signal.key)
                else:
                    receiver.signal(signal)
        health.recovered(READING)
    except BadSignature as error:
        statistics.refused += 1
        health.failing(READING, error.why)


class Echo:
    """Sends signals to this node itself, the whole way that all others go.

    Args:
        send: publishes one.
    """

    def __init__(self, send: Callable[[Signal], None]) -> None:
        self._send = send
        self._awaited: dict[str, asyncio.Future[None]] = {}

    async def comes_back(self, timeout_s: float) -> bool:
        """Return whether a signal comes back in time."""
        word = secrets.token_hex(8)
        answered = self._awaited[word] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                self._send(Signal(EVERYWHERE, PROBE, word, b"0"))
                await answered
            return True
        except TimeoutError:
            return False
        finally:
            del self._awaited[word]

    def answer(self, word: str) -> None:
        """Learn that one has come; those of other nodes are passed over."""
        if (answered := self._awaited.get(word)) is not None and not answered.done():
            answered.set_result(None)
