"""`madang serve`: run a node until SIGTERM or Ctrl-C."""

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from madang.config import Settings, load
from madang.node import run_node


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 for any free one.")] = None,
    admin_port: Annotated[int | None, typer.Option(help="Port of /metrics and administration.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder for everything the server keeps.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with settings.")] = None,
    load_test: Annotated[bool, typer.Option("--load-test", help="Lift rates and admission for load tools.")] = False,
) -> None:
    """Serve rooms until SIGTERM or Ctrl-C."""
    given = {"host": host, "port": port, "admin_port": admin_port, "data": data, "load_test": load_test or None}
    settings = load(config, **given)
    logging.basicConfig(level=settings.log_level.upper(), stream=sys.stderr)
    settings.data.mkdir(parents=True, exist_ok=True)
    sys.exit(uvloop.run(_serve(settings)))


async def _serve(settings: Settings) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with run_node(settings) as node:
        print(f"Madang is open at http://{settings.host}:{node.port}/", flush=True)
        failed = asyncio.ensure_future(node.failed.wait())
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait([failed, stopped], return_when=asyncio.FIRST_COMPLETED)
        failed.cancel()
        stopped.cancel()
    return 1 if node.failed.is_set() else 0
