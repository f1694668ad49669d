"""A peer under measurement: started on the server's core with its Redis beside it, kept within its memory, and stopped."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench import proc
from bench.peers.catalogue import MADANG_DOORS, Peer, Site
from bench.server import READY_SECONDS, SERVER_CORE, Server, create_rooms, environment, free_port, madang, stop
from bench.tools import ROOT

MEMORY_KB: Final = 6 * 2**20  # of a server; what it queues for sockets may be more than the machine has
_REDIS: Final = ("redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")


class OutOfMemory(Exception):
    """The server had more than MEMORY_KB and was ended."""


@contextmanager
def running(peer: Peer, place: Path, *, rooms: int, group: int) -> Iterator[Server]:
    """Run a peer with empty data until the block ends; `rooms` are those that will be used, `group` the sockets of each.

    Raises:
        OutOfMemory: instead of whatever the block raised, if the server was ended for it.
        RuntimeError: it does not listen in time; the message has the end of its log.
    """
    with ExitStack() as stack:
        if peer in MADANG_DOORS:
            server = stack.enter_context(madang(place))
            create_rooms(server.port, rooms)
        else:
            server = stack.enter_context(_started(peer, place, group))
        with _held(server):
            yield server


@contextmanager
def _started(peer: Peer, place: Path, group: int) -> Iterator[Server]:
    port = free_port()
    site = Site(port, port + 2, place, group)
    with ExitStack() as stack:
        helpers: tuple[int, ...] = ()
        if "redis" in peer.needs:
            argv = (*_REDIS, "--port", str(site.redis), "--dir", str(place))
            helpers = (stack.enter_context(_process(argv, {}, place / "redis.log", site.redis)),)
        start = peer.start(site)
        for name, text in start.files.items():
            (place / name).write_text(text)
        pid = stack.enter_context(_process(start.argv, start.environment, place / "server.log", port))
        yield Server(pid, port, helpers)


@contextmanager
def _process(argv: tuple[str, ...], extra: Mapping[str, str], log: Path, port: int) -> Iterator[int]:
    """Run a process on the server's core until the block ends; it has begun when its port listens."""
    pinned = ["taskset", "-c", str(SERVER_CORE), *argv]
    with log.open("wb") as out:
        process = subprocess.Popen(
            pinned, cwd=ROOT, env=environment() | dict(extra), stdout=out, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not proc.listening(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{Path(argv[0]).name} does not listen: {log.read_text()[-1000:]}")
            time.sleep(0.02)
        yield process.pid
    finally:
        stop(process)


@contextmanager
def _held(server: Server) -> Iterator[None]:
    """End the server when it has more memory than it may."""
    done, ended = threading.Event(), threading.Event()

    def look() -> None:
        while not done.wait(0.1):
            try:
                if proc.resident_kb_of(server.pids) > MEMORY_KB:
                    ended.set()
                    os.kill(server.pid, signal.SIGKILL)
                    return
            except (OSError, RuntimeError):  # it has ended
                return

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield
    except Exception:
        if ended.is_set():
            raise OutOfMemory from None
        raise
    finally:
        done.set()
        watcher.join()
    if ended.is_set():
        raise OutOfMemory
