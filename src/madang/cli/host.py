"""What a command does to or asks of the machine: the data folder, private files, the disk."""

import os
import secrets
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from madang.errors import SetupError, plain_reason

FSYNCS: Final = 20


def make_data_folder(data: Path) -> None:
    """Make the data folder, closed to other users: it holds messages and secrets."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError:
        raise SetupError(f"{data} is a file, not a folder.", "Choose another with --data.") from None
    except OSError as error:
        raise SetupError(
            f"The folder {data} cannot be made: {plain_reason(error)}.", "Choose another with --data."
        ) from None


def write_private(file: Path, text: str) -> None:
    """Write a file that its owner alone may read, in place of what has its name: whole or not at all, and through no link."""
    fresh = file.with_suffix(f".{secrets.token_hex(8)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        try:
            opened.write(text)
            opened.flush()
            fresh.replace(file)
        except BaseException:  # a full disk, say
            fresh.unlink()
            raise


def existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that exists."""
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def free_bytes(folder: Path) -> int:
    """Return what is free on the disk of a folder."""
    return shutil.disk_usage(existing(folder)).free


def fsync_ms(folder: Path) -> float:
    """Measure what an fsync costs on the disk of a folder: the median of FSYNCS, in milliseconds."""
    times = []
    with tempfile.TemporaryFile(dir=existing(folder)) as file:
        for _ in range(FSYNCS):
            file.write(bytes(4096))
            file.flush()
            started = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def now_ms() -> int:
    """Return the time by the machine's clock, in Unix milliseconds."""
    return time.time_ns() // 1_000_000
