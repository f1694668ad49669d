"""What a backend emits waits as long as it is told to, each message by itself."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec

from madang.errors import Limited
from madang.services.publishing import Publication, Published
from madang.testing import VirtualLoop
from madang.transports.socketio.emitter import GIVEN_UP_S, Emitter

SLOW, NEVER = "slow", "never"


class Publishing:
    """Refuses each message once, and says how long to wait: little, as long as is waited for, or longer."""

    def __init__(self) -> None:
        self.tries: list[tuple[float, str]] = []

    async def publish(self, actor: Any, wanted: Sequence[Publication]) -> list[Published]:
        now = asyncio.get_running_loop().time()
        outcomes: list[Published] = []
        for each in wanted:
            tried = any(room == each.room for _, room in self.tries)
            self.tries.append((now, each.room))
            waits_s = {SLOW: GIVEN_UP_S / 2, NEVER: GIVEN_UP_S * 2}.get(each.room, 1.0)
            done: Any = SimpleNamespace(duplicate=False)
            outcomes.append(done if tried else Limited("rate_limited", int(waits_s * 1000)))
        return outcomes


def emitted(room: str) -> bytes:
    return msgspec.msgpack.encode(["emitter", {"type": 2, "data": ["message", "x"], "nsp": "/"}, {"rooms": [room]}])


def test_one_that_waits_long_holds_up_no_other() -> None:
    async def story() -> None:
        publishing, loop = Publishing(), asyncio.get_running_loop()

        async def caller(*_: object) -> Any:
            return SimpleNamespace(user=None)

        node: Any = SimpleNamespace(
            turns=loop, now=loop.time, identity=SimpleNamespace(caller=caller), publishing=publishing
        )
        emitter = Emitter(node, "mk_x")
        began = loop.time()
        await emitter.take([emitted(room) for room in ("yard", NEVER, SLOW)])
        assert publishing.tries == [
            *((began, room) for room in ("yard", NEVER, SLOW)),
            (began + 1.0, "yard"),
            (began + GIVEN_UP_S / 2, SLOW),
        ]
        counted = {metric.label: metric.value for metric in emitter.metrics()}
        assert counted == {("outcome", "stored"): 2, ("outcome", "refused"): 1, ("outcome", "malformed"): 0}

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())
