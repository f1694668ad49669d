"""The fault shim: `shim.c`, built on demand and preloaded into a server, and the switches it reads.

What it does is said at the head of `shim.c`; what happens to the files after the server's death is in `shim_undo.py`.
"""

import asyncio
import hashlib
import mmap
import os
import platform
import shutil
import struct
import sys
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("shim.c")
BUILD: Final = ("cc", "-std=c11", "-O2", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror")
_SWITCHES: Final = struct.Struct("=qqiii")  # struct control of shim.c
_CLOCK, _ROOM, _FAILING, _DYING, _COPYING = 0, 8, 16, 20, 24
NO_BOUND: Final = -1
ALL: Final = -1


def unavailable() -> str | None:
    """Return why there can be no shim on this machine, None when there can be one."""
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return "it takes Linux with glibc"
    if shutil.which("cc") is None:
        return "it takes a C compiler (cc)"
    return None


class Shim:
    """A shim for files whose path begins with `files`, an absolute path. It keeps its own files in `folder`."""

    def __init__(self, folder: Path, files: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.files = files
        self.log = folder / "undo"
        control = folder / "switches"
        control.write_bytes(_SWITCHES.pack(0, NO_BOUND, 0, 0, 0).ljust(mmap.PAGESIZE, b"\0"))
        with control.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), 0)
        self._control = control

    async def environment(self) -> dict[str, str]:
        """Return the environment that loads the shim into a program; build the shim first if need be.

        Raises:
            RuntimeError: it does not build; the message is the compiler's.
        """
        preloaded = os.environ.get("LD_PRELOAD", "")
        return {
            "LD_PRELOAD": f"{await _built()} {preloaded}".strip(),
            "SHIM_CONTROL": str(self._control),
            "SHIM_FILES": str(self.files),
            "SHIM_LOG": str(self.log),
        }

    def calm(self) -> None:
        """Turn all faults off."""
        _SWITCHES.pack_into(self._page, 0, 0, NO_BOUND, 0, 0, 0)

    def set_clock(self, seconds: float) -> None:
        """Offset the wall clock by this many seconds."""
        struct.pack_into("=q", self._page, _CLOCK, int(seconds * 1_000_000_000))

    def set_room(self, size: int, *, copying: bool = False) -> None:
        """Limit by how many bytes all files together may still grow; NO_BOUND for no limit.

        Args:
            copying: overwriting takes space as well, as on file systems that copy on write.
        """
        struct.pack_into("=i", self._page, _COPYING, copying)
        struct.pack_into("=q", self._page, _ROOM, size)

    def fail_syncs(self, count: int) -> None:
        """Let the next `count` fsyncs fail, or ALL. What they should have made durable never is."""
        struct.pack_into("=i", self._page, _FAILING, count)

    @property
    def failing_syncs(self) -> int:
        """How many of the next fsyncs will fail."""
        left: int = struct.unpack_from("=i", self._page, _FAILING)[0]
        return left

    def die_at_sync(self, number: int) -> None:
        """Let the process die when it is about to make this fsync, counted from now."""
        struct.pack_into("=i", self._page, _DYING, number)

    def close(self) -> None:
        """Release the switches; they stay as they are."""
        self._page.close()


async def _built() -> Path:
    """Build the shim into the user's cache, once for each version of its source."""
    built = await asyncio.to_thread(_place)
    if await asyncio.to_thread(built.exists):
        return built
    fresh = built.with_suffix(f".{os.getpid()}")
    compiler = await asyncio.create_subprocess_exec(
        *BUILD, "-o", str(fresh), str(SOURCE), "-ldl", "-lpthread",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await compiler.communicate()
    if compiler.returncode != 0:
        raise RuntimeError(f"{SOURCE.name} does not build here:\n{said.decode(errors='replace')}")
    await asyncio.to_thread(fresh.replace, built)
    return built


def _place() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "madang"
    cache.mkdir(parents=True, exist_ok=True)
    text = SOURCE.read_bytes() + " ".join(BUILD).encode()
    return cache / f"shim-{hashlib.sha256(text).hexdigest()[:16]}-{platform.machine()}.so"
