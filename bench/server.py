"""A server under measurement: started on a core of its own, watched through /proc, stopped again."""

import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from websockets.sync.client import connect

from bench.proc import listening
from bench.tools import ROOT, tool

SERVER_CORE: Final = 0
READY_SECONDS: Final = 30.0
STOP_SECONDS: Final = 15.0
MADANG: Final = (".venv/bin/madang", "serve")


@dataclass(frozen=True)
class Server:
    """A running server; `port` is open. `helpers` are processes that work for it and whose CPU time is its own."""

    pid: int
    port: int
    helpers: tuple[int, ...] = ()

    @property
    def pids(self) -> tuple[int, ...]:
        return self.pid, *self.helpers


def free_port() -> int:
    """Find a port, with a free one above it, that no outgoing connection can have taken (below the ephemeral range)."""
    first = 18400 + os.getpid() % 400 * 20  # two trials at one time must not find the same
    for port in range(first, 30000, 2):
        if not listening(port) and not listening(port + 1):
            return port
    raise RuntimeError("no free port")


def environment() -> dict[str, str]:
    """Return servers an environment without this project's settings, and let Python keep its compiled files."""
    return {k: v for k, v in os.environ.items() if not k.startswith("MADANG_") and k != "PYTHONDONTWRITEBYTECODE"}


def madang_command(port: int, data: Path, extra: tuple[str, ...] = (), *, load_test: bool = True) -> list[str]:
    """Build the command line of a node with its data in a folder of its own, and with limits or without."""
    limits = ["--load-test"] if load_test else []
    where = ["--port", str(port), "--admin-port", str(port + 1), "--data", str(data)]
    return ["taskset", "-c", str(SERVER_CORE), *MADANG, *limits, *where, *extra]


def launch(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a server; taskset becomes it, so the process id is the server's."""
    with log.open("wb") as out:
        return subprocess.Popen(argv, cwd=ROOT, env=environment(), stdout=out, stderr=subprocess.STDOUT)


@contextmanager
def madang(scratch: Path, extra: tuple[str, ...] = (), *, load_test: bool = True) -> Iterator[Server]:
    """Run a Madang node with empty data until the block ends; its admin port is the one above.

    Raises:
        RuntimeError: it is not ready in time; the message has the end of its log.
    """
    port, log = free_port(), scratch / "server.log"
    process = launch(madang_command(port, scratch / "data", extra, load_test=load_test), log)
    try:
        wait_until_ready(process, port, log)
        if process.poll() is not None:  # then somebody else has answered
            raise RuntimeError(f"the server ended: {log.read_text()[-2000:]}")
        yield Server(process.pid, port)
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}: {log.read_text()[-2000:]}")
    finally:
        stop(process)


@contextmanager
def floor(scratch: Path, group: int) -> Iterator[Server]:
    """Run fanout_floor until the block ends."""
    port, log = free_port(), scratch / "floor.log"
    process = launch(["taskset", "-c", str(SERVER_CORE), str(tool("fanout_floor")), str(port), str(group)], log)
    try:
        while not listening(port):  # connecting to find out would take a place in a group
            if process.poll() is not None:
                raise RuntimeError(f"fanout_floor: {log.read_text()}")
            time.sleep(0.01)
        yield Server(process.pid, port)
    finally:
        stop(process)


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until /readyz says yes."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if listening(port) and _ready(port):
            return
        time.sleep(0.02)
    raise RuntimeError(f"the server is not ready: {log.read_text()[-2000:]}")


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def stop(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """Ask the server to end, and end it if it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def create_rooms(port: int, rooms: int) -> None:
    """Create the open rooms g0, g1, … that wsload's groups join.

    Raises:
        RuntimeError: the server refused one.
    """
    with connect(f"ws://127.0.0.1:{port}/ws") as socket:
        socket.send('{"op":"hello","n":1,"guest":"bench"}')
        for g in range(rooms):
            socket.send(json.dumps({"op": "create", "n": g + 2, "room": f"g{g}", "title": f"g{g}", "access": "open"}))
        made = 0
        while made < rooms + 1:
            answer = json.loads(socket.recv(timeout=READY_SECONDS))
            if answer["op"] == "error":
                raise RuntimeError(f"cannot create rooms: {answer}")
            made += answer["op"] == "ok"


def first_message(scratch: Path) -> float:
    """Measure the seconds from starting a node on empty data to the ack of its first message."""
    port, log = free_port(), scratch / "server.log"
    began = time.perf_counter()
    process = launch(madang_command(port, scratch / "data"), log)
    try:
        while not listening(port):
            if process.poll() is not None or time.perf_counter() - began > READY_SECONDS:
                raise RuntimeError(f"the server does not listen: {log.read_text()[-2000:]}")
            time.sleep(0.002)
        with connect(f"ws://127.0.0.1:{port}/ws") as socket:
            socket.send('{"op":"hello","n":1,"guest":"first"}')
            socket.send('{"op":"create","n":2,"room":"g0","title":"g0","access":"open"}')
            socket.send('{"op":"join","n":3,"room":"g0","limit":0}')
            socket.send('{"op":"send","n":4,"room":"g0","cid":"c","text":"hello"}')
            while True:
                answer = json.loads(socket.recv(timeout=READY_SECONDS))
                if answer["op"] == "error":
                    raise RuntimeError(f"the first message was refused: {answer}")
                if answer["op"] == "ok" and answer["n"] == 4:
                    return time.perf_counter() - began
    finally:
        stop(process)
