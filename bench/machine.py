"""Where it was measured: figures mean nothing without it. Nothing here names the machine or a path."""

import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

from bench.tools import ROOT


def describe(scratch: Path) -> dict[str, str]:
    """Describe machine, Python, commit and disk, in the order in which they are shown."""
    return {
        "measured": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": _commit(),
        "CPU": f"{_field('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores",
        "memory": f"{int(_field('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GB",
        "system": f"{_field('/etc/os-release', 'PRETTY_NAME', '=')}, Linux {platform.release()}",
        "Python": _python(),
        "disk": f"{_file_system(scratch)}, write and fsync of 4 KB: {_fsync_ms(scratch)}",
    }


def _field(path: str, name: str, sign: str = ":") -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(sign)
        if key.strip() == name:
            return value.strip().strip('"')
    return "unknown"


def _output(*argv: str) -> str:
    try:
        return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _commit() -> str:
    changed = _output("git", "status", "--porcelain", "--", "src", "requirements", "pyproject.toml")
    return (_output("git", "rev-parse", "--short=10", "HEAD") or "unknown") + (" with changes" if changed else "")


def _python() -> str:
    packages = ("uvloop", "websockets", "msgspec", "uvicorn", "sqlalchemy")
    code = (
        "import importlib.metadata as m, sqlite3, sys;"
        "print(sys.version.split()[0], '; '.join([f'SQLite {sqlite3.sqlite_version}', "
        f"*(f'{{p}} {{m.version(p)}}' for p in {packages})]), sep='; ')"
    )
    return _output(".venv/bin/python", "-c", code) or "unknown"


def _file_system(path: Path) -> str:
    return _output("findmnt", "--noheadings", "--output", "FSTYPE", "--target", str(path)) or "unknown"


def _fsync_ms(scratch: Path) -> str:
    """Time the disk's promise, since every ack waits for one."""
    took = []
    probe = scratch / "fsync"
    with probe.open("wb", buffering=0) as file:
        for _ in range(200):
            file.write(os.urandom(4096))
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    probe.unlink()
    return f"median {statistics.median(took):.2f} ms, p99 {sorted(took)[-2]:.2f} ms"
