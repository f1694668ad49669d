"""What a power cut leaves of files that the shim watched: reads its undo log and undoes what was never synced.

Everything here happens after the program's death. The rules are harsher than those of most disks:

- What was written before a successful fsync stays. Of what came after it any subset may stay: each page, or each
  sector, is as it was after some of its writes or before all of them, independently of its neighbours.
- A file's size goes back to what it was at some moment since its last fsync. Files created or removed since the last
  fsync of their folder may disappear or reappear, the newest first.
- What a failed fsync left behind is lost, except in pages that were written again and synced: when the power goes, or
  when the kernel reclaims the memory of those pages (`evict`), which may happen at any time.
"""

import os
import random
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from madang_proof.testbed.shim import Shim

PAGE: Final = 4096  # unit of the kernel's cache
SECTOR: Final = 512  # what a disk writes atomically
_RECORD: Final = struct.Struct("=IIQQQQ")  # struct record of shim.c
OPENED, CREATED, WRITTEN, CUT, REMOVED, SYNCED, FOLDER_SYNCED, LOST = range(1, 9)
_CHANGES: Final = (CREATED, WRITTEN, CUT, REMOVED)
PENDING, DURABLE, GONE = "pending", "durable", "lost"


@dataclass(slots=True)
class _Change:
    position: int
    kind: int
    path: Path
    offset: int
    length: int
    size: int  # of the file before the change
    kept: bytes
    state: str = PENDING


@dataclass(slots=True)
class _Cut:
    """How much of a file's unsynced changes stays, as the log position up to which changes do."""

    size: float = 0
    units: dict[int, float] = field(default_factory=dict)


Choose = Callable[[list[int]], float]
"""Takes the positions of unsynced changes, returns the one up to which they stay, 0 for none."""


def power_cut(shim: Shim, dice: random.Random) -> str:
    """Undo what a power cut would, and say what that was. The program must be dead."""
    how = dice.choice(("all", "pages", "sectors", "sectors"))
    unit = PAGE if how == "pages" else SECTOR

    def choose(positions: list[int]) -> float:
        return 0 if how == "all" else dice.choice([0, *positions])

    changes = _changes(shim.log)
    undone = _undo(changes, unit, choose, shim)
    Path(f"{shim.files}-shm").unlink(missing_ok=True)  # in memory
    _forget(shim)
    pending = sum(change.state == PENDING for change in changes)
    what = "all of it" if how == "all" else f"by {how}"
    return f"{pending} changes were not synced; {undone} bytes lost ({what})"


def evict(shim: Shim) -> int:
    """Undo only what failed fsyncs left behind, and return how many bytes. The program must be dead."""
    undone = _undo(_changes(shim.log), PAGE, lambda positions: positions[-1], shim)
    _forget(shim)
    return undone


def unsynced(shim: Shim) -> int:
    """Count the changes in the log that have not been synced."""
    return sum(change.state == PENDING for change in _changes(shim.log))


def _read(log: Path) -> Iterator[tuple[int, int, int, int, int, int, bytes]]:
    """Read the records of a log; the last may have been cut off by the program's death, before its change was made."""
    data = log.read_bytes() if log.exists() else b""
    at = 0
    while at + _RECORD.size <= len(data):
        kind, file, offset, length, size, kept = _RECORD.unpack_from(data, at)
        end = at + _RECORD.size + kept
        if end > len(data):
            return
        yield at, kind, file, offset, length, size, data[at + _RECORD.size : end]
        at = end


def _changes(log: Path) -> list[_Change]:
    """Return the changes of a log, oldest first, each with what became of it."""
    paths: dict[int, Path] = {}
    changes: list[_Change] = []
    for at, kind, file, offset, length, size, kept in _read(log):
        if kind == OPENED:
            paths[file] = Path(os.fsdecode(kept))
        elif kind in _CHANGES:
            changes.append(_Change(at, kind, paths[file], offset, length, size, kept))
        for change in changes if kind in (SYNCED, LOST, FOLDER_SYNCED) else ():
            in_folder = change.kind in (CREATED, REMOVED)
            if change.state != PENDING or change.position >= offset or in_folder != (kind == FOLDER_SYNCED):
                continue
            if in_folder or change.path == paths[file]:
                change.state = GONE if kind == LOST else DURABLE
    return changes


def _undo(changes: list[_Change], unit: int, choose: Choose, shim: Shim) -> int:
    """Undo changes, newest first, and return how many bytes are different now."""
    cuts = _cuts(changes, unit, choose)
    in_folder = [c.position for c in changes if c.state == PENDING and c.kind in (CREATED, REMOVED)]
    folder = choose(in_folder) if in_folder else 0
    kept: dict[Path, set[int]] = {}  # pages that a newer change has put on the disk, with all their content
    removed: set[Path] = set()  # there is nothing left in which older changes could be undone
    undone = 0
    for change in reversed(changes):
        path = change.path
        comes_back = change.state == PENDING and change.position > folder
        if change.kind == REMOVED:
            if comes_back:
                os.replace(f"{shim.log}.{change.offset}", path)
            else:
                removed.add(path)
        elif change.kind == CREATED:
            if comes_back and path not in removed:
                path.unlink(missing_ok=True)
            removed.discard(path)
            kept.pop(path, None)
        elif path not in removed:
            undone += _undo_in(change, cuts[path], unit, kept.setdefault(path, set()))
    return undone


def _cuts(changes: list[_Change], unit: int, choose: Choose) -> dict[Path, _Cut]:
    cuts: dict[Path, _Cut] = {change.path: _Cut() for change in changes}
    sizes: dict[Path, list[int]] = {}
    units: dict[tuple[Path, int], list[int]] = {}
    for change in changes:
        if change.state != PENDING or change.kind not in (WRITTEN, CUT):
            continue
        if change.kind == CUT or change.offset + change.length > change.size:
            sizes.setdefault(change.path, []).append(change.position)
        for n in _units(change, unit):
            units.setdefault((change.path, n), []).append(change.position)
    for path, positions in sizes.items():
        cuts[path].size = choose(positions)
    for (path, n), positions in units.items():
        cuts[path].units[n] = choose(positions)
    return cuts


def _units(change: _Change, unit: int) -> range:
    return range(change.offset // unit, -(-(change.offset + change.length) // unit))


def _undo_in(change: _Change, cut: _Cut, unit: int, kept: set[int]) -> int:
    """Undo what does not stay of one change to a file."""
    with change.path.open("r+b") as file:
        size, undone = file.seek(0, os.SEEK_END), 0
        resizes = change.kind == CUT or change.offset + change.length > change.size
        if resizes and change.state == PENDING and change.position > cut.size:
            undone += abs(size - change.size)
            size = file.truncate(change.size)
            if change.kind == CUT:
                file.seek(change.offset)
                file.write(change.kept)
        if change.kind == CUT:
            return undone
        if change.state == DURABLE:
            kept.update(_units(change, PAGE))
            return 0
        step = PAGE if change.state == GONE else unit
        for n in _units(change, step):
            if n in kept if change.state == GONE else change.position <= cut.units[n]:
                kept.add(n * step // PAGE)
                continue
            low = max(change.offset, n * step)
            high = min(change.offset + change.length, (n + 1) * step, size)
            if low < high:
                old = change.kept[low - change.offset : high - change.offset]
                file.seek(low)
                file.write(old.ljust(high - low, b"\0"))
                undone += high - low
        return undone


def _forget(shim: Shim) -> None:
    for left in shim.log.parent.glob(f"{shim.log.name}*"):
        left.unlink()
