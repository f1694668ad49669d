"""`madang serve`: run a node until SIGTERM or Ctrl-C."""

import asyncio
import logging
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from madang.cli.options import Config, Data, Database, settings_of
from madang.cli.signals import stop_signals

if TYPE_CHECKING:
    from madang.config import Settings
    from madang.node.run import RunningNode

logger = logging.getLogger("madang.serve")


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for every interface.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 for any free one.")] = None,
    admin_port: Annotated[int | None, typer.Option(help="Port of /metrics and administration.")] = None,
    data: Data = None,
    database: Database = None,
    config: Config = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    load_test: Annotated[bool, typer.Option("--load-test", help="Lift rates and admission for load tools.")] = False,
) -> None:
    """Serve rooms until SIGTERM or Ctrl-C.

    A database or bus that cannot be reached yet is waited for, `start_wait_s` at most.

    Exit status: 0 stopped as asked, 1 a part failed or a server could not be reached, 2 it cannot start with this set-up.
    """
    settings = settings_of(
        config, host=host, port=port, admin_port=admin_port, data=data, database=database, log_level=log_level,
        load_test=load_test or None,
    )  # fmt: skip
    import uvloop

    from madang import logs
    from madang.cli.host import make_data_folder
    from madang.cli.unsafe_settings import unsafe
    from madang.errors import Unreachable
    from madang.node import descriptors
    from madang.node.waiting import StoppedWaiting

    logs.set_up(settings.log_level, settings.log_format)
    for finding in unsafe(settings):
        logger.warning("%s %s", finding.what, finding.hint)
    make_data_folder(settings.data)
    descriptors.raise_limit()
    try:
        sys.exit(uvloop.run(serve_until_stopped(settings, typed())))
    except Unreachable as error:
        print(f"madang: {error}", file=sys.stderr)
        sys.exit(1)  # not 2: starting again may help
    except StoppedWaiting:
        print("Stopped before it could start.", flush=True)


async def serve_until_stopped(settings: "Settings", program: str = "madang") -> int:
    """Serve until a signal comes or a part of the node fails, and return the exit status."""
    from madang.cli.admin_client import announced
    from madang.node.run import run_node

    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    with stop_signals(stop):
        async with run_node(settings, stop) as running:
            code = await _first_code(running)
            with announced(settings, running):
                print(_banner(settings, running, program, code), flush=True)
                ends = [loop.create_task(running.failed.wait()), loop.create_task(stop.wait())]
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in ends:
                task.cancel()
            if stop.is_set():
                _print("\nStopping: storing what was taken, saying goodbye to every socket.")
    appender = running.node.appender
    left = f"; {appender.waiting} sends were not acknowledged" if appender.waiting else ""
    _print(f"Stopped. {appender.statistics.stored} events were stored since the start{left}.")
    return 1 if running.failed.is_set() else 0


async def _first_code(running: "RunningNode") -> str | None:
    """Make the administrator's account, where there was none ever, and return the code that sets its password."""
    from madang.errors import StorageError

    try:
        return await running.node.accounts.make_first()
    except StorageError as error:
        logger.warning("the administrator's account is made at the next start: %s", error)
        return None


def _print(text: str) -> None:
    with suppress(OSError):  # the terminal is closed: that may be why it stops
        print(text, flush=True)


def typed() -> str:
    """Return how this program is typed: its name where the shell finds it, otherwise its path (.venv/bin/madang)."""
    started = Path(sys.argv[0])
    found = shutil.which("madang")
    if started.name == "madang" and not (found and started.exists() and started.samefile(found)):
        return sys.argv[0]
    return "madang"


def _banner(settings: "Settings", running: "RunningNode", program: str, code: str | None = None) -> str:
    """Return what is said of a server that runs.

    Args:
        code: sets the password of the administrator's account, if that was made now.
    """
    from madang.cli.admin_client import reachable
    from madang.core.addresses import host_port
    from madang.services.accounts import ADMIN, CODE_MS

    host = reachable(settings.host)
    address = host_port(host, running.port)
    admin = host_port(reachable(settings.admin_host), running.admin_port)
    chat = f"{program} chat lobby" + ("" if address == "127.0.0.1:8400" else f" --url ws://{address}/ws")
    everywhere = "" if host == settings.host else ", and at every address of this machine"
    first = (
        ""
        if code is None
        else (
            f"  First  the account {ADMIN} has no password yet; this sets it, once, within {CODE_MS // 60_000} minutes:\n"
            + (f"         http://{admin}/#code={code}\n         or:\n" if running.operated else "")
            + f"         curl -X PUT http://{address}/api/me/password -H 'Content-Type: application/json'\\\n"
            f'           -d \'{{"login":"{ADMIN}","code":"{code}","password":"…"}}\'\n'
        )
    )
    return (
        f"Madang is open at http://{address}/{everywhere}\n"
        f"  Talk   in a browser, or in two more terminals: {chat}\n"
        f"  Data   {settings.data.absolute()}{' and a database' if settings.database else ''}\n"
        f"  Admin  http://{admin}/{'' if running.operated else 'metrics'}\n{first}"
        f"  Stop   Ctrl-C"
    )
