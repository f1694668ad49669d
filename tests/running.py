"""A real `madang serve` for tests, and any other command, run to its end.

The server is a process of its own, on a free port, with its data in a folder of the test's.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, NamedTuple

from madang_proof.testbed import server
from tests.forking import forked
from tests.stores import make_tables

Server = server.Server
ROOT = Path(__file__).parents[1]
COMMAND_SECONDS = 60.0


class ForkedServer(Server):
    """A server that starts quickly (`forking.py`)."""

    async def begin(self, command: Sequence[str], environment: Mapping[str, str], log: IO[bytes]) -> server.Running:
        as_it_is = all(os.environ.get(name) == value for name, value in environment.items() if name[:7] != "MADANG_")
        python, option, module, *arguments = command
        if (python, option) != server.PROGRAM[:2] or not module.startswith("madang") or not as_it_is:
            return await super().begin(command, environment, log)
        if not {"--database", "--config"} & {*arguments} and "MADANG_DATABASE" not in environment:
            await make_tables(self.data / "madang.db")
        with open(os.devnull) as nothing:
            files = (nothing.fileno(), log.fileno(), log.fileno())
            return await forked(arguments, environment, Path.cwd(), files, own_session=True, module=module)


@asynccontextmanager
async def running_server(
    data: Path, *arguments: str, settings: Mapping[str, str] = server.NO_SETTINGS, launcher: tuple[str, ...] = ()
) -> AsyncIterator[Server]:
    """Run a server with its data in `data`, until the block is left.

    Args:
        arguments: more of the command line, like "--load-test".
        settings: more settings by name, like {"user_rate": "0"}.
        launcher: a module of the tests, and its arguments, which changes the program and then runs it.
    """
    running = ForkedServer(data, arguments=arguments, settings=settings)
    if launcher:
        running.launcher = launcher
        running.environment["PYTHONPATH"] = str(ROOT)
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
    words = [str(argument) for argument in arguments]
    with open(os.devnull) as nothing, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process: server.Running
        if all(name.startswith("MADANG_") for name in settings):
            process = await forked(words, environment, folder, (nothing.fileno(), out.fileno(), err.fileno()))
        else:
            process = await asyncio.create_subprocess_exec(
                *server.PROGRAM,
                *words,
                env=environment,
                cwd=folder,
                stdin=nothing,
                stdout=out,
                stderr=err,
            )
        try:
            status = await asyncio.wait_for(process.wait(), COMMAND_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        for file in (out, err):
            file.seek(0)
        done = Done(status, out.read().decode(), err.read().decode())
    assert "Traceback" not in done.err
    return done
