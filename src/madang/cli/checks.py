"""What `madang doctor` checks, one function each. None of them changes anything."""

import errno
import fcntl
import os
import platform
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from madang.adapters.catalogue import for_one_node
from madang.adapters.sql.inspection import SQLITE_VERSION, Inspection
from madang.cli import host as machine
from madang.cli.unsafe_settings import Finding
from madang.core.addresses import host_port
from madang.node import descriptors

if TYPE_CHECKING:
    from madang.config import Settings

LITTLE_SPACE: Final = 1 << 30  # bytes
NO_SPACE: Final = 100 << 20
SLOW_FSYNC_MS: Final = 20.0
NO_FSYNC_MS: Final = 0.02  # no disk is that fast; a RAM disk is


def python() -> Finding:
    """Name the interpreter; one that is too old could not have come this far."""
    return Finding("ok", f"{platform.python_implementation()} {platform.python_version()}.")


def sqlite() -> Finding:
    """Name the SQLite that Python brings. The bug of its WAL up to 3.51.2 needs two who checkpoint; here only the writer does."""
    return Finding("ok", f"SQLite {SQLITE_VERSION}.")


def data_folder(data: Path) -> Finding:
    """Check whether the data folder can be written to."""
    folder = machine.existing(data)
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "fail", f"{folder} cannot be written to.", "Give this user the folder, or choose another with --data."
        )
    if folder != data.absolute():
        return Finding("ok", f"{data.absolute()} will be made.")
    return Finding("ok", f"{folder} can be written to.")


def disk_space(data: Path) -> Finding:
    """Look at what is free where the data lie."""
    free = machine.free_bytes(data)
    text = f"{free / (1 << 30):.1f} GiB are free on its disk"
    if free < NO_SPACE:
        return Finding("fail", f"Only {text}.", "Make room: a full disk refuses messages.")
    if free < LITTLE_SPACE:
        return Finding("warn", f"Only {text}.", "Make room soon: a full disk refuses messages.")
    return Finding("ok", f"{text}.")


def fsync(data: Path) -> Finding:
    """Measure what making a batch of messages durable costs."""
    try:
        ms = machine.fsync_ms(data)
    except OSError as error:
        return Finding("fail", f"Its disk cannot sync: {error.strerror}.", "Choose another folder with --data.")
    if ms < NO_FSYNC_MS:
        return Finding(
            "warn", f"An fsync there takes {ms:.3f} ms: this is memory, or a disk that does not sync.",
            "What is acknowledged there may not survive a power cut. Choose a folder on a disk.",
        )  # fmt: skip
    if ms > SLOW_FSYNC_MS:
        return Finding("warn", f"An fsync there takes {ms:.0f} ms, and so does every message.", "Use a faster disk.")
    return Finding("ok", f"An fsync there takes {ms:.2f} ms.")


def open_files(max_sockets: int) -> Finding:
    """Compare the open files that `serve` can get with the sockets it would accept."""
    limit = descriptors.raise_limit()
    if descriptors.for_connections() < max_sockets:
        return Finding(
            "warn", f"This process may open {limit} files; max_sockets is {max_sockets}.",
            f"Raise the hard limit (ulimit -Hn, LimitNOFILE=), or set max_sockets to {descriptors.for_connections()}.",
        )  # fmt: skip
    return Finding("ok", f"{limit} open files are enough for {max_sockets} sockets.")


def connections(in_use: dict[str, int]) -> Finding:
    """Judge the connections of a server that runs, as it says: whether there were ever too few."""
    now, most, refused = in_use["open"], in_use["most"], in_use["refused"]
    if refused or now >= most:
        return Finding(
            "warn", f"{now:,} of {most:,} connections are in use; {refused:,} were refused because all were.",
            "Raise LimitNOFILE (ulimit -Hn) or max_sockets, add a node, or find out who holds them.",
        )  # fmt: skip
    return Finding("ok", f"{now:,} of {most:,} connections are in use.")


def free_to_start(settings: "Settings") -> Iterator[Finding]:
    """See whether a server could start: nobody else has the data or the ports."""
    lock = Path(f"{settings.data / 'madang.db'}.lock")
    if not settings.database and lock.exists() and _is_locked(lock):
        yield Finding("fail", f"Another process has {settings.data}.", "Stop it, or choose another folder with --data.")
    for name, host, port in (
        ("port", settings.host, settings.port),
        ("admin_port", settings.admin_host, settings.admin_port),
    ):
        if error := _not_free(host, port):
            # Nodes of a fleet share their settings, and mostly get their ports when they are started.
            by_others = error.errno == errno.EADDRINUSE and not for_one_node(settings.database_url)
            yield Finding(
                "warn" if by_others else "fail",
                f"{host_port(host, port)} cannot be listened on: {error.strerror or error}.",
                f"Choose another {name}; --{name.replace('_', '-')} tells doctor which one serve will be given.",
            )
        else:
            yield Finding("ok", f"{host_port(host, port)} is free.")


def _is_locked(lock: Path) -> bool:
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # closing lets go of it
        except OSError:
            return True
    return False


def _not_free(host: str, port: int) -> OSError | None:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen()
    except OSError as error:
        return error
    return None


def database(found: Inspection) -> Finding:
    """Judge a database that answers: this version can use it, and its tables are of this version."""
    if found.refused is not None:
        return Finding("fail", found.refused.problem, found.refused.hint)
    if found.schema is None:
        return Finding("ok", f"The database ({found.server}) is empty; the first start makes its tables.")
    if found.unfinished:
        return Finding(
            "warn", f"The upgrade of the database to schema {found.unfinished[-1]} waits to be finished.",
            "When no node of an older version is left: madang upgrade --finish",
        )  # fmt: skip
    if found.schema < found.newest:
        return Finding(
            "warn", f"The database is at schema {found.schema}; the next start takes it to {found.newest}.",
            "Make a backup first: madang backup FILE",
        )  # fmt: skip
    return Finding("ok", f"The database ({found.server}) answers, schema {found.schema}.")
