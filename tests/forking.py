"""Commands and servers that are forked from a process which has imported madang and what it imports late.

A command takes 0.1 s of the processor, not 0.6 s, and a server as long until its first answer.

What is forked runs `python -m madang` with its own arguments, environment, folder, files and session, and ends with this
process. Starts as people have them are in the commands of `madang_proof`, whose servers are programs of their own, and
wherever something else than MADANG_* is in the environment.
"""

import asyncio
import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NoReturn

SET_DEATH_SIGNAL: Final = 1  # prctl
_source: list["_Source"] = []


class ForkedProcess:
    """A process that was forked. It has what tests use of `asyncio.subprocess.Process`."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._over = asyncio.ensure_future(self._watch(reader, writer))

    async def wait(self) -> int:
        """Return the exit status, or minus the signal's number."""
        return await asyncio.shield(self._over)

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):  # it has ended, and that is on its way here
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        try:
            self.returncode = int(await reader.readline() or -signal.SIGKILL)
        finally:
            writer.close()
        return self.returncode


async def forked(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    files: Sequence[int],
    own_session: bool = False,
    module: str = "madang",
) -> ForkedProcess:
    """Start `python -m madang` with these arguments, or another module.

    Args:
        files: open files, which become its stdin, stdout and stderr.
        own_session: a Ctrl-C is not meant for it.
    """
    if not _source:
        _source.append(_Source())  # by this thread: it ends with the one that started it
    connection = socket.socket(socket.AF_UNIX)
    try:
        await asyncio.to_thread(connection.connect, str(_source[0].path))
        asked = json.dumps([module, list(arguments), dict(environment), str(folder), own_session]) + "\n"
        await asyncio.to_thread(_send, connection, asked.encode(), files)
        connection.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=connection)
    except BaseException:
        connection.close()
        raise
    return ForkedProcess(int(await reader.readline()), reader, writer)


def _send(connection: socket.socket, data: bytes, files: Sequence[int]) -> None:
    sent = socket.send_fds(connection, [data], files)
    connection.sendall(data[sent:])


class _Source:
    """The process that others are forked from. It lives as long as this one."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="madang-fork-")
        self.path = Path(self._folder.name, "socket")
        self._process = subprocess.Popen([sys.executable, "-m", "tests.forking", self.path], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._folder.cleanup()


@contextmanager
def forking() -> Iterator[None]:
    """Stop in the end what was started for `forked`."""
    try:
        yield
    finally:
        while _source:
            _source.pop().stop()


# -- in the other process ----------------------------------------------------------------------------------------------


def _serve(path: str) -> None:
    """Fork for each connection, until killed."""
    _end_with_parent()
    import alembic.command
    import alembic.runtime.migration  # noqa: F401
    import typer.main
    from fastapi.openapi.utils import get_openapi

    import madang.adapters.sql.search.sqlite
    import madang.cli.host
    import madang.cli.unsafe_settings
    import madang.logs
    import madang.node.run  # noqa: F401
    from madang.adapters.catalogue import BUSES, DATABASES, ENGINES
    from madang.cli.main import app
    from madang.transports.http.app import rest

    for adapter in {*DATABASES.values(), *BUSES.values(), *ENGINES.values()}:
        importlib.import_module(adapter.module)
    get_openapi(title="", version="", routes=rest.routes)  # which works them out, once for all that are forked
    commands = typer.main.get_command(app)  # likewise: 35 ms
    typer.main.get_command = lambda typer_instance: commands
    gc.collect()
    gc.freeze()  # otherwise each fork looks through all of it when it ends, which takes 0.4 s
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            if not os.fork():
                break
            connection.close()
    _keep(connection)


def _keep(connection: socket.socket) -> None:
    """Start what is asked for, and say how it ends. It is this process's child, so nobody else can wait for it."""
    _end_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    data, files, _, _ = socket.recv_fds(connection, 1 << 16, 3)
    while not data.endswith(b"\n"):
        data += connection.recv(1 << 16)
    module, arguments, environment, folder, own_session = json.loads(data)
    pid = os.fork()
    if not pid:
        connection.close()
        _become(module, arguments, environment, folder, own_session, files)
    for file in files:
        os.close(file)
    connection.sendall(b"%d\n" % pid)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    connection.sendall(b"%d\n" % status)
    os._exit(0)


def _become(
    module: str, arguments: list[str], environment: dict[str, str], folder: str, own_session: bool, files: list[int]
) -> NoReturn:
    _end_with_parent()
    if own_session:
        os.setsid()
    os.chdir(folder)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # as Python would have begun
    sys.stdout = open(1, "w", buffering=1 if os.isatty(1) else -1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGKILL)


if __name__ == "__main__":
    _serve(sys.argv[1])
