"""A reader as a separate process, so that it can be stopped: follows a room, and reports on stdout what it receives.

`python -m madang_proof.testbed.reader URL ROOM`, with the token in MADANG_READER_TOKEN. Lines: `live` when connected,
`at SEQ` where it starts, `event SEQ` and `reset SEQ`.
"""

import asyncio
import os
import sys

from madang.client import Reset, State, connect
from madang.client.events import Event


async def read(url: str, room_id: str, token: str) -> None:
    """Read until the room ends."""

    def tell(state: State) -> None:
        if state is State.LIVE:
            _say("live")

    async with connect(url, token=token, on_state=tell) as client:
        room = await client.join(room_id, limit=0)
        _say("at", room.seq)
        async for item in room:
            if isinstance(item, Reset):
                _say("reset", item.seq)
            elif isinstance(item, Event):
                _say("event", item.seq)


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(read(sys.argv[1], sys.argv[2], os.environ["MADANG_READER_TOKEN"]))
