"""What Linux says about a process on this machine: CPU time, memory, disk. Elsewhere nothing is known, and nothing is said."""

import os
from pathlib import Path

import msgspec

_PROC = Path("/proc")


class Usage(msgspec.Struct, frozen=True):
    """A process at one moment: CPU seconds so far, resident bytes, and bytes read from and written to disk."""

    cpu_s: float
    resident: int
    disk_read: int
    disk_written: int


def usage(pid: int | None) -> Usage | None:
    """Read the usage of a process; return None where it cannot be seen (another machine or user, no /proc)."""
    if pid is None:
        return None
    place = _PROC / str(pid)
    try:
        fields = (place / "stat").read_text().rpartition(")")[2].split()
        pages = int((place / "statm").read_text().split()[1])
        io = dict(line.split(": ") for line in (place / "io").read_text().splitlines())
    except OSError:
        return None
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return Usage(cpu_s, pages * os.sysconf("SC_PAGE_SIZE"), int(io["read_bytes"]), int(io["write_bytes"]))
