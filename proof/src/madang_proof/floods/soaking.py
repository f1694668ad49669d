"""Floods for long: `python -m madang_proof.floods.soaking SECONDS`, every kind by SOCKETS sockets, around and around.

In the first rounds, from an address each and from one, tails, caches and pools fill up to their bounds. After each flood of the
others the server must hold no more than after those: memory within 5 % and CACHES, files, threads and tasks. Beside each flood
somebody sends calmly. Prints a line for each flood, and ends with status 1 at the first one that leaves something behind, or
delays an ack by seconds.
"""

import asyncio
import itertools
import json
import sys
import tempfile
from pathlib import Path
from typing import Final

from madang_proof.faults.fault import Broken
from madang_proof.faults.heavy import SLOWEST_S, TICK_S, returned, taken
from madang_proof.faults.probe import probing
from madang_proof.faults.watcher import Watcher, watching
from madang_proof.floods.kinds import KINDS
from madang_proof.history.records import Sample
from madang_proof.testbed.server import Server

SOCKETS: Final = 500
LONGEST_S: Final = 20.0  # of one flood
SHORTEST_S: Final = 2.0
SETTLE_S: Final = 2.0
REHEARSALS: Final = 2  # rounds
WRITER, INDEX, READER, READERS = 32, 16, 2, 5  # MiB, and threads that read, of both files
CACHES: Final = (WRITER + INDEX + READER * READERS) << 20
"""Bytes of the database and of the search index that SQLite keeps in memory. They fill up with what is said, and the calm client
goes on saying something; at rest SQLite gives them back, after ten seconds or so."""


async def _flood(server: Server, calm: Watcher, kind: str, addresses: int, block: int, seconds: float) -> str:
    """Flood for some seconds; say what became of it. Raise Broken if an ack took too long meanwhile."""
    flood = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "madang_proof.floods", kind, str(server.port), str(SOCKETS), str(addresses)),
        *(str(seconds), str(block)),
        stdout=asyncio.subprocess.PIPE,
    )
    loop = asyncio.get_running_loop()
    told = asyncio.create_task(flood.communicate())
    slowest = 0.0
    for n in itertools.count():
        sent = loop.time()
        await calm.send_acked(1, f"{kind}-{block}-{n}-{sent}")
        slowest = max(slowest, loop.time() - sent)
        if told.done():
            break
        await asyncio.sleep(TICK_S)
    if flood.returncode:
        raise Broken(f"The flood itself failed with status {flood.returncode}.")
    if slowest > SLOWEST_S:
        raise Broken(f"Beside {kind}, an ack took {slowest:.1f} s.")
    counted = json.loads(told.result()[0].decode().splitlines()[-1])
    return f"{counted.get('sent', 0)} writes, {counted['connections']} connections; slowest ack {slowest:.2f} s"


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _told(held: Sample) -> str:
    return f"{held.rss / 2**20:.0f} MiB, {held.fds} files, {held.threads} threads, {held.tasks} tasks"


async def _soak(seconds: float, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    ends, each = loop.time() + seconds, max(SHORTEST_S, min(LONGEST_S, seconds / (4 * len(KINDS))))
    server = Server(folder, settings={"compression": "true"})
    await server.start()
    before: Sample | None = None
    try:
        for number in itertools.count():
            for block, kind in enumerate(KINDS):
                addresses = 1 if number % 2 else SOCKETS
                async with probing(server) as probe, watching(probe, server.direct_url) as calm:
                    said = await _flood(server, calm, kind, addresses, block, each)
                await asyncio.sleep(SETTLE_S)
                held = await taken(server) if before is None else await returned(server, before, own=CACHES)
                _say(f"{kind}, {addresses} addresses: {said}; then {_told(held)}")
            if number == REHEARSALS - 1:
                before = await taken(server)
            elif before is not None and loop.time() >= ends:
                return
    finally:
        await server.stop()


def main() -> None:
    """Run from the command line."""
    seconds = float(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="madang-floods-") as folder:
        try:
            asyncio.run(_soak(seconds, Path(folder)))
        except Broken as error:
            raise SystemExit(f"soak: {error}") from None
    _say("soak: after every flood the server held what it held before")


if __name__ == "__main__":
    main()
