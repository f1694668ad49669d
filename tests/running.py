"""A real `madang serve` for tests, and any other command, run to its end.

The server is a process of its own, on a free port, with its data in a folder of the test's.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from madang_proof.testbed import server

Server = server.Server
COMMAND_SECONDS = 60.0


@asynccontextmanager
async def running_server(
    data: Path, *arguments: str, settings: Mapping[str, str] = server.NO_SETTINGS
) -> AsyncIterator[Server]:
    """Run a server with its data in `data`, until the block is left.

    Args:
        arguments: more of the command line, like "--load-test".
        settings: more settings by name, like {"user_rate": "0"}.
    """
    running = Server(data, arguments=arguments, settings=settings)
    try:
        await running.start()
        yield running
    finally:
        await running.close()


class Done(NamedTuple):
    """How a command ended."""

    status: int
    out: str
    err: str


async def madang(*arguments: str | Path, **settings: str) -> Done:
    """Run a command to its end; `settings` go into its environment."""
    return await madang_in(Path.cwd(), *arguments, **settings)


async def madang_in(folder: Path, *arguments: str | Path, **settings: str) -> Done:
    """Run a command in a folder."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MADANG_")} | settings
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "madang", *map(str, arguments), env=environment, cwd=folder,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), COMMAND_SECONDS)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    done = Done(process.returncode, out.decode(), err.decode())
    assert "Traceback" not in done.err
    return done
