"""F11, F12: a disk that is full, and one that fails to sync.

Neither may make the server claim what is not true: no ack without the disk, and reading goes on. After a full disk it
recovers by itself, after a failed fsync only by a restart.
"""

import asyncio
import random
from typing import Any, Final

from madang_proof.faults.fault import EMBEDDED, Broken, started_again
from madang_proof.faults.probe import PATIENCE_S, PAUSE_S, Probe, Refusal, probing
from madang_proof.testbed import shim, shim_undo
from madang_proof.testbed.shim import ALL
from madang_proof.testbed.testbed import Testbed

ROOM_BYTES: Final = 60_000  # at most, what is left on the disk
HOLD_S: Final = 1.5
GROWING_S: Final = 2.0  # SQLite may overwrite old pages of its WAL; after this, the disk refuses that as well
TEXT: Final = "x" * 2000
AFTER: Final = 3  # messages that must all be refused after a failed fsync


class DiskFull:
    """Let the disk be full for a while."""

    name = "disk-full"
    number = "F11"
    title = "disk full: sends are refused, reading goes on, it recovers by itself"
    needs = EMBEDDED

    def unavailable(self) -> str | None:
        return shim.unavailable()

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        disk = await testbed.shim()
        pid = testbed.server.pid
        async with probing(testbed.server) as probe:
            acked = [await probe.surely_send("first", "before the disk was full")]
            room = dice.randrange(ROOM_BYTES)
            disk.set_room(room, copying=dice.random() < 0.5)
            try:
                async with asyncio.timeout(GROWING_S):
                    refused = await _send_until(probe, "storage_full", acked)
            except TimeoutError:
                disk.set_room(0, copying=True)
                refused = await _send_until(probe, "storage_full", acked)
            await _check_room(probe, acked)
            await asyncio.sleep(dice.uniform(0, HOLD_S))
            disk.calm()
            again = await _recover(probe, refused)
            if again.get("duplicate"):
                raise Broken("A message that storage_full had refused was stored all the same.")
            await _check_room(probe, [*acked, again])
        if not testbed.server.running or testbed.server.pid != pid:
            raise Broken("The server ended because its disk was full.")
        return f"{room} bytes left, {len(acked)} acked, then refused until there was room"


class SyncFails:
    """Let one fsync fail, or all of them."""

    name = "fsync"
    number = "F12"
    title = "fsync fails: nothing is acked until a restart"
    needs = EMBEDDED

    def unavailable(self) -> str | None:
        return shim.unavailable()

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        disk = await testbed.shim()
        async with probing(testbed.server) as probe:
            acked = [await probe.surely_send("first", "before the fsync failed")]
            disk.fail_syncs(dice.choice((1, ALL)))
            unknown = await _send_until(probe, "storage_failed", acked)
            if dice.random() < 0.5:
                disk.calm()  # it looks healthy again, and is not
            wrong = await _send_after(probe)
            await _check_room(probe, acked)
            await asyncio.sleep(dice.uniform(0, HOLD_S))
            await (testbed.server.stop() if dice.random() < 0.5 else testbed.server.kill())
            disk.calm()
            lost = await asyncio.to_thread(shim_undo.evict, disk)
            await started_again(testbed.server, "a failed fsync")
            if wrong:
                raise Broken(wrong)  # only after the restart, so that the history shows the consequences
            await _check_room(probe, acked)
            again = await probe.surely_send(unknown, TEXT)
            if not again.get("duplicate"):
                acked.append(again)
            await _check_room(probe, acked)
        return f"the kernel dropped {lost} bytes; nothing was acked until the restart"


async def _send_after(probe: Probe) -> str:
    """Send after a failed fsync, and return what the server does wrong, "" for nothing."""
    for n in range(AFTER):
        try:
            ack = await probe.send(f"after-{n}", "after the fsync failed")
        except Refusal as refusal:
            if refusal.code != "storage_failed":
                return f"A send after a failed fsync was refused with {refusal.code}."
        else:
            return f"A send after a failed fsync was acked: {ack}."
    return ""


async def _send_until(probe: Probe, code: str, acked: list[Any]) -> str:
    """Send until a message is refused with `code`, and return its cid; acks before it are added to `acked`.

    Raises:
        Broken: another refusal, or none in PATIENCE_S.
    """
    for n in range(int(PATIENCE_S / PAUSE_S)):
        cid = f"{code}-{len(acked)}-{n}"
        try:
            acked.append(await probe.send(cid, TEXT))
            await asyncio.sleep(PAUSE_S)
        except Refusal as refusal:
            if refusal.code == code:
                return cid
            if refusal.code != "rate_limited":
                raise Broken(f"A send was refused with {refusal.code}, where {code} was due.") from None
            await asyncio.sleep(refusal.retry_ms / 1000)
    raise Broken(f"No send was refused with {code}.")


async def _recover(probe: Probe, cid: str) -> Any:
    """Send a message that was refused, until it is acked. Raise Broken."""
    problem = ""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    return await probe.send(cid, TEXT)
                except Refusal as refusal:
                    problem = refusal.code
                    await asyncio.sleep((refusal.retry_ms or 100) / 1000)
    except TimeoutError:
        raise Broken(f"With room on the disk again, sends were still refused ({problem}).") from None


async def _check_room(probe: Probe, acked: list[Any]) -> None:
    """Read the room. Raise Broken where an acked message is not in it once and in order."""
    found = [(message["seq"], message["id"]) for message in await probe.history()]
    missing = [ack for ack in acked if found.count((ack["seq"], ack["id"])) != 1]
    if missing or found != sorted(found):
        raise Broken(f"What was acked as {missing[:3]} is not in the room's history, once and in order.")
