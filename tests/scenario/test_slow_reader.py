"""F9, F10: sockets that never read. Their neighbours hear everything, and what they hold of the server is bounded."""

from pathlib import Path

from tests.running import running_server
from tests.scenario.crowd import deaf, person

DEAF = 40
MESSAGES = 400
TEXT = "x" * 3000  # 400 of them are 1.2 MB, five times the byte budget of a socket
BUDGET_KB = 256 + 64  # per deaf socket: its budget and a batch on top


def resident_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


async def test_who_never_reads_costs_a_bound_and_delays_nobody(tmp_path: Path) -> None:
    async with running_server(tmp_path, "--load-test") as server:
        talker, listener = await person(server, "Talker"), await person(server, "Listener")
        silent = [deaf(server) for _ in range(DEAF)]
        await talker.send("warm", "up")
        await listener.hears(lambda: listener.seqs)
        before = resident_kb(server.pid)
        for i in range(MESSAGES):
            await talker.send(f"c-{i}", TEXT)
        await listener.hears(
            lambda: len(listener.seqs) >= MESSAGES + 1 and listener.seqs[-1] == max(talker.acks.values())
        )
        await talker.hears(lambda: len(talker.acks) == MESSAGES + 1)
        assert listener.seqs == list(range(listener.seqs[0], listener.seqs[0] + len(listener.seqs)))
        assert resident_kb(server.pid) - before < DEAF * BUDGET_KB + 40_000  # what 400 messages of 3 KB cost anyway
        for raw in silent:
            raw.close()
        await talker.send("after", "all are still here")
        await listener.hears(lambda: "after" in talker.acks or listener.seqs[-1] > MESSAGES)
