"""What a hostile server may say to the SDK: read, or an error of the protocol, and never any other."""

import asyncio
from typing import Any, cast

import msgspec

from tests.fuzz.harness import instrumented, run, said

with instrumented():
    from madang.client.conversation import Conversation, NotWelcome
    from madang.client.feed import Feed
    from madang.client.pending import Pending
    from madang.testing import VirtualLoop

TOLD = said("gets")
SEEDS = [*TOLD, b"\n".join(TOLD[:30]), b"\n".join(TOLD[-30:])]


class Still:
    """A clock that does not move."""

    def now(self) -> float:
        return 0.0


def one(data: bytes) -> None:
    """Say some frames, one a line, to a client that follows a room."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(_talk(data.split(b"\n")))


async def _talk(lines: list[bytes]) -> None:
    pending = Pending(lambda: 0.5, 1)
    pending.follow(Feed("yard", 50, 5))
    conversation = Conversation(cast(Any, None), cast(Any, Still()), pending, lambda welcome: None)
    pending.due(0.0)
    for line in lines:
        try:
            conversation.receive(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, NotWelcome):
            return
        for feed in pending.feeds.values():
            while feed.cursor.next() is not None:
                pass
        pending.due(1e9)


if __name__ == "__main__":
    run("frames", one, SEEDS)
