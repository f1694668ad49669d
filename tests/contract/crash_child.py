"""A process to be killed: it appends to a store without end, and prints every cid that was acked.

The store is named on its command line. Some batches are plain, some are not.
"""

import asyncio
import itertools
import sys

from madang.core import events as kinds
from madang.core.events import Appended, draft
from tests.contract.conftest import opened

ROOMS = [f"room-{n}" for n in range(20)]


async def main(url: str, run: str) -> None:
    async with opened(url) as store:
        await store.append(
            [draft(kinds.RoomCreated(title=room, access="open", slow_ms=0), room, "ann", "Ann") for room in ROOMS]
        )
        for n in itertools.count():
            cids = [f"{run}-{n}-{m}" for m in range(1 + n % 50)]
            drafts = [
                draft(kinds.MessageSent(text=cid), ROOMS[(n + m) % len(ROOMS)], "ann", "Ann", cid=cid)
                for m, cid in enumerate(cids)
            ]
            if n % 7 == 0 or n % 11 == 0:
                drafts.append(draft(kinds.MemberJoined(role="member"), ROOMS[0], f"user-{run}-{n}", "B"))
            if n % 11 == 0:
                drafts.append(draft(kinds.ReactionAdded(target=2, emoji="x"), ROOMS[0], f"user-{run}-{n}", "B"))
            outcomes = await store.append(drafts)
            acked = [cid for cid, outcome in zip(cids, outcomes, strict=False) if isinstance(outcome, Appended)]
            print("\n".join(acked), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
