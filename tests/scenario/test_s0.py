"""S0, a live Q&A: 20 users send 1,600 messages, and 32,000 receipts come of it, on a server under its usual limits."""

import json
from pathlib import Path

from tests.running import madang, running_server


async def test_20_users_1600_sends_32000_receipts(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        done = await madang("bench", "users", "--json", "--rate", "240", "--url", server.direct_url)
    assert done.status == 0, done.err
    (run,) = json.loads(done.out)
    assert (run["sockets"], run["parsed"]) == (20, 20), "each of them reads every frame"
    assert (run["sent"], run["acked"], run["deliveries"]) == (1600, 1600, 32_000)
    assert run["complete"], "each once and in order"
