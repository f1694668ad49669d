"""The servers of papers that are measured: how each is started on core 0, spoken to, killed and started again."""

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.papers.wires import Hocuspocus, Plain, Wire
from bench.proc import listening
from bench.server import MADANG, READY_SECONDS, SERVER_CORE, environment, free_port, stop, wait_until_ready
from bench.tools import BENCH, BUILD, ROOT

NODE: Final = ROOT / ".venv/lib/nodejs/bin/node"
MADE: Final = BUILD / "papers"
SOURCES: Final = BENCH / "papers/node"
ROOM: Final = "yard"
LOOK_S: Final = 0.02  # between two looks whether a server listens


@dataclass
class Running:
    """A server that runs.

    Attributes:
        argv: how it was started, and is again.
    """

    argv: Sequence[str]
    log: Path
    port: int
    process: subprocess.Popen[bytes]
    more: Mapping[str, str] = field(default_factory=dict)
    token: str = ""
    papers: int = 0

    @property
    def wire(self) -> Wire:
        """How it is spoken to."""
        if "hocuspocus" in str(self.argv):
            return Hocuspocus(self.port)
        return Plain(self.port, "/yjs" if self.token else "", self.token)

    def paper(self) -> str:
        """Return a paper that nobody has written in."""
        self.papers += 1
        name = f"card-{self.papers}"
        if self.token:
            ask(self.port, f"/api/rooms/{ROOM}/papers", {"id": name, "title": name}, self.token)
        return name

    def kill(self) -> None:
        """End it at once, and start it again on what it has left."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = launched(self.argv, self.log, self.more)
        ready(self)


def ask(port: int, path: str, body: Any, token: str = "") -> Any:
    """Ask a node for something over REST."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def launched(argv: Sequence[str], log: Path, more: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a server on its core."""
    with log.open("ab") as out:
        on_core = ["taskset", "-c", str(SERVER_CORE), *argv]
        return subprocess.Popen(on_core, cwd=ROOT, env={**environment(), **more}, stdout=out, stderr=subprocess.STDOUT)


def ready(running: Running) -> None:
    """Wait until a server listens."""
    if running.argv[0] == MADANG[0]:
        wait_until_ready(running.process, running.port, running.log)
        return
    deadline = time.monotonic() + READY_SECONDS
    while not listening(running.port):
        if running.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server does not listen: {running.log.read_text()[-2000:]}")
        time.sleep(LOOK_S)


def commands(name: str, port: int, scratch: Path) -> tuple[list[str], dict[str, str]]:
    """Return how a server is started, and what it needs in its environment."""
    data = scratch / "data"
    if name == "madang":
        where = ["--port", str(port), "--admin-port", str(port + 1), "--data", str(data)]
        return [*MADANG, "--load-test", *where], {}
    data.mkdir(exist_ok=True)
    if name.startswith("y-websocket"):
        place = {"YPERSISTENCE": str(data)} if name.endswith("leveldb") else {}
        script = MADE / "node_modules/@y/websocket-server/src/server.js"
        return [str(NODE), str(script)], {"HOST": "127.0.0.1", "PORT": str(port), **place}
    if name == "hocuspocus":
        return [str(NODE), str(MADE / "hocuspocus.mjs"), str(port), str(data)], {}
    sends, saves = name.removeprefix("s1-").split("-")
    return [".venv/bin/python", "-m", "bench.papers.s1", str(port), str(data), sends, saves], {}


@contextmanager
def server(name: str, scratch: Path) -> Iterator[Running]:
    """Run a server with empty data until the block ends."""
    place = scratch / name
    place.mkdir()
    port = free_port()
    argv, more = commands(name, port, place)
    running = Running(argv, place / "server.log", port, launched(argv, place / "server.log", more), more)
    try:
        ready(running)
        if name == "madang":
            running.token = ask(port, "/api/guests", {"name": "bench"})["token"]
            ask(port, "/api/rooms", {"id": ROOM, "title": ROOM, "access": "open"}, running.token)
        yield running
    finally:
        stop(running.process)


def make() -> None:
    """Install the packages of the others, once, at the versions that are committed here."""
    MADE.mkdir(parents=True, exist_ok=True)
    shutil.copy(SOURCES / "hocuspocus.mjs", MADE)
    if (MADE / "node_modules").exists() and (MADE / "package-lock.json").read_bytes() == (
        SOURCES / "package-lock.json"
    ).read_bytes():
        return
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(SOURCES / name, MADE)
    npm = NODE.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    subprocess.run(
        [str(NODE), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=MADE, check=True, timeout=300
    )
