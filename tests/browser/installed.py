"""Madang as people have it: its wheel, in an environment of its own, with no Node to be found. Made once for a whole run."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.executable).with_name("uv")


def installed(folder: Path) -> Path:
    """Return the Python of the environment, which is made in `folder` by the first worker that asks."""
    environment = folder / "installed"
    python = environment / "bin/python"
    with (folder / "installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (done := environment / "done").exists():
            wheels = folder / "wheels"
            _run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(wheels))
            (wheel,) = wheels.glob("madang-*.whl")
            _run(str(UV), "venv", "--quiet", "--clear", "--python", sys.executable, str(environment))
            locked = str(ROOT / "requirements/runtime.lock")
            into = ("pip", "install", "--quiet", "--python", str(python))
            _run(str(UV), *into, "--require-hashes", "--requirement", locked)
            _run(str(UV), *into, "--no-deps", "--compile-bytecode", str(wheel))
            done.touch()
    return python


def path_without_node(python: Path) -> str:
    """Return a PATH of the environment's programs alone."""
    path = str(python.parent)
    assert shutil.which("node", path=path) is None
    return path


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
