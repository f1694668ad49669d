"""The C programs of bench/tools, compiled when their source is newer."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

BENCH: Final = Path(__file__).resolve().parent
ROOT: Final = BENCH.parent
BUILD: Final = BENCH / "build"


def tool(name: str) -> Path:
    """Return the path of a compiled tool.

    Raises:
        SystemExit: there is no C compiler, or no `taskset`.
    """
    source, binary = BENCH / "tools" / f"{name}.c", BUILD / name
    sources = [source, *source.parent.glob("*.h")]
    if binary.exists() and binary.stat().st_mtime > max(file.stat().st_mtime for file in sources):
        return binary
    for needed, package in (("cc", "gcc"), ("taskset", "util-linux")):
        if shutil.which(needed) is None:
            raise SystemExit(f"bench: {needed} is missing; on Debian and Ubuntu: apt-get install {package}")
    BUILD.mkdir(exist_ok=True)
    subprocess.run(["cc", "-O2", "-o", str(binary), str(source)], check=True)
    return binary
