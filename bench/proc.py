"""What Linux says about a process and a core: CPU time, memory, and who else was there."""

import functools
import operator
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICK: Final = os.sysconf("SC_CLK_TCK")
_PROC: Final = Path("/proc")


@dataclass(frozen=True)
class Cpu:
    """CPU seconds of a process so far. `main` and `threads` are of threads that still live."""

    user: float
    system: float
    main: float
    threads: float

    @property
    def total(self) -> float:
        return self.user + self.system

    def __add__(self, other: "Cpu") -> "Cpu":
        return Cpu(
            self.user + other.user, self.system + other.system, self.main + other.main, self.threads + other.threads
        )

    def __sub__(self, other: "Cpu") -> "Cpu":
        return Cpu(
            self.user - other.user, self.system - other.system, self.main - other.main, self.threads - other.threads
        )


def cpu(pid: int) -> Cpu:
    """Read the CPU time of all threads of a process, also of those that have ended."""
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    per_thread = {}
    for task in (_PROC / str(pid) / "task").iterdir():
        try:
            per_thread[task.name] = int((task / "schedstat").read_text().split()[0]) * 1e-9
        except OSError:  # it has just ended
            continue
    main = per_thread.pop(str(pid), 0.0)
    return Cpu(int(fields[11]) / _TICK, int(fields[12]) / _TICK, main, sum(per_thread.values()))


def resident_kb(pid: int) -> int:
    """Read the resident memory of a process."""
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} has no memory")


def cpu_of(pids: Iterable[int]) -> Cpu:
    """Read the CPU time of several processes together."""
    return functools.reduce(operator.add, map(cpu, pids))


def resident_kb_of(pids: Iterable[int]) -> int:
    """Read the resident memory of several processes together."""
    return sum(map(resident_kb, pids))


def calls(pid: int) -> dict[str, int]:
    """Count read-like and write-like system calls so far, and how often a thread went to sleep of its own accord."""
    io = dict(line.split(": ") for line in (_PROC / str(pid) / "io").read_text().splitlines())
    sleeps = 0
    for task in (_PROC / str(pid) / "task").iterdir():
        try:
            status = (task / "status").read_text()
        except OSError:  # it has just ended
            continue
        sleeps += int(status.rpartition("\nvoluntary_ctxt_switches:")[2].split()[0])
    return {"reads": int(io["syscr"]), "writes": int(io["syscw"]), "sleeps": sleeps}


def core_busy(core: int) -> float:
    """Read the seconds a core has been busy, whoever used it; stolen time counts too."""
    for line in (_PROC / "stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _idle, _wait, irq, soft, steal, *_ = map(int, line.split()[1:])
            return (user + nice + system + irq + soft + steal) / _TICK
    raise RuntimeError(f"there is no core {core}")


def listening(port: int) -> bool:
    """Tell whether somebody listens on a TCP port, without connecting to it."""
    wanted = f":{port:04X}"
    for table in ("tcp", "tcp6"):
        path = _PROC / "net" / table
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            fields = line.split()
            if fields[1].endswith(wanted) and fields[3] == "0A":
                return True
    return False
