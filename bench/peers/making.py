"""What peers are made of: their toolchains, and their packages at the versions that are committed here.

Everything is made below bench/build/peers, and made again when a source or a lock changes. A toolchain that is missing
leaves its peers out, by name and with the reason; nothing else is installed on the machine but Debian's redis-server.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bench.tools import BUILD, ROOT

HERE: Final = Path(__file__).resolve().parent
MADE: Final = BUILD / "peers"
PYTHON: Final = MADE / "venv" / "bin" / "python"
NODE_MODULES: Final = MADE / "node" / "node_modules"
_LOCK: Final = ROOT / "requirements" / "peers.lock"
_MINUTES: Final = 15  # for one toolchain; the first build of the Go peers takes three


class Missing(Exception):
    """Something that peers need is not there; the message says what, in a few words."""


def go() -> None:
    """Build the Go peers."""
    _wanted("go", "Go")
    sources = [*(HERE / "go").rglob("*.go"), HERE / "go" / "go.mod", HERE / "go" / "go.sum"]
    packages = ["./fiber", "./centrifuge", "github.com/nats-io/nats-server/v2"]
    _made("go", sources, lambda: _run(["go", "build", "-trimpath", "-o", f"{MADE / 'go'}/", *packages], HERE / "go"))


def node() -> None:
    """Install the packages of the Node peers."""
    _wanted("node", "Node")
    _wanted("npm", "npm")
    sources = [HERE / "node" / name for name in ("package.json", "package-lock.json", ".npmrc")]

    def install() -> None:
        for source in sources:
            shutil.copy(source, MADE / "node")
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], MADE / "node")

    _made("node", sources, install)


def python() -> None:
    """Install the packages of the Python peers into an environment of their own."""

    def install() -> None:
        _run([".venv/bin/python", "-m", "venv", "--clear", "--without-pip", str(MADE / "venv")], ROOT)
        uv = [".venv/bin/uv", "pip", "install", "--quiet", "--python", str(PYTHON)]
        _run([*uv, "--require-hashes", "-r", str(_LOCK)], ROOT)

    _made("python", [_LOCK], install)


def redis() -> None:
    """Install Redis where it is missing."""
    if shutil.which("redis-server") is None:
        _run(["bash", "-c", "source scripts/lib/apt.sh; apt_install_servers redis-server"], ROOT)
    _wanted("redis-server", "Redis")


TOOLCHAINS: Final[dict[str, Callable[[], None]]] = {"go": go, "node": node, "python": python, "redis": redis}


def versions() -> dict[str, str]:
    """Tell the versions of the toolchains that are there."""
    asked = {
        "Go": ["go", "env", "GOVERSION"],
        "Node": ["node", "--version"],
        "Redis": ["redis-server", "--version"],
        "Python of the Python peers": [str(PYTHON), "--version"],
    }
    said = {name: _said(argv) for name, argv in asked.items()}
    return {name: text for name, text in said.items() if text}


def _said(argv: Sequence[str]) -> str:
    try:
        text = subprocess.run(argv, capture_output=True, text=True, check=True, cwd=HERE / "go").stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return text.partition(" sha=")[0].removeprefix("Redis server ").removeprefix("Python ").removeprefix("go")


def _wanted(program: str, name: str) -> None:
    if shutil.which(program) is None:
        raise Missing(f"{name} is not installed")


def _run(argv: list[str], where: Path) -> None:
    environment = {**os.environ, "CGO_ENABLED": "0"}
    try:
        subprocess.run(argv, cwd=where, env=environment, check=True, capture_output=True, timeout=_MINUTES * 60)
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout).decode(errors="replace").strip().splitlines()[-1:]
        raise Missing(f"{argv[0]} failed: {''.join(last)[:200]}") from None
    except subprocess.TimeoutExpired:
        raise Missing(f"{argv[0]} took more than {_MINUTES} minutes") from None


def _made(name: str, sources: Sequence[Path], make: Callable[[], None]) -> None:
    """Make it unless it was made from the same sources; a stamp remembers."""
    digest = hashlib.sha256()
    for source in sorted(sources):
        digest.update(source.read_bytes())
    stamp = MADE / f"{name}.stamp"
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    (MADE / name).mkdir(parents=True, exist_ok=True)
    make()
    stamp.write_text(digest.hexdigest())
