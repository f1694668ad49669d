"""`madang bench [WORKLOAD …]`: put a server under load and measure it. The load itself is in `madang_proof.measuring`.

Without --url it starts a server with empty data, measures it, and deletes the data.
"""

import ipaddress
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from madang.errors import MadangError, SetupError, plain_reason

if TYPE_CHECKING:
    from madang_proof.measuring.clients import Target
    from madang_proof.measuring.figures import Figures
    from madang_proof.measuring.workloads import Load, Progress, Workload

MAX_SOCKETS: Final = 20_000  # one address has no more ports
MAX_SECONDS: Final = 120.0
MAX_RATE: Final = 50_000.0
SPARE_FILES: Final = 100
INTERRUPTED: Final = 130  # as shells say it: 128 + SIGINT
_NAMES: Final = "quiet-room, hot-room, small-rooms, idle, reconnect, users"


def bench(
    workloads: Annotated[
        list[str] | None, typer.Argument(metavar="WORKLOAD", help=f"{_NAMES}; all if left out.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Measure this server (ws://host/ws) instead of starting one.")] = None,
    sockets: Annotated[int | None, typer.Option(min=2, max=MAX_SOCKETS, help="Number of sockets.")] = None,
    rate: Annotated[float | None, typer.Option(min=1, max=MAX_RATE, help="Messages per second, in total.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, max=MAX_SECONDS, help="Seconds of sending.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    plot: Annotated[Path | None, typer.Option(help="Also draw the figures into this PNG file.")] = None,
    mine: Annotated[
        bool, typer.Option("--yes-this-is-mine", help="Allow a --url beyond this machine; that server must be yours.")
    ] = False,
) -> None:
    """Put a server under load and measure it. Rooms named bench-… stay on a server named by --url.

    Exit status: 0 measured and complete, 1 not complete or not measurable, 2 wrong use.
    """
    import uvloop

    from madang_proof.load.open_files import allow_open_files
    from madang_proof.measuring.plot import check_can_plot
    from madang_proof.measuring.workloads import WORKLOADS

    for name in workloads or ():
        if name not in WORKLOADS:
            raise SetupError(f"There is no workload {name!r}.", f"There are {_NAMES}.")
    chosen = [WORKLOADS[name] for name in dict.fromkeys(workloads or WORKLOADS)]
    if plot is not None:
        check_can_plot()
    target = None if url is None else _target(url, mine)
    loads = [_load(workload.load, sockets, rate, seconds) for workload in chosen]
    most = max(load.sockets for load in loads)
    if not allow_open_files(most + SPARE_FILES):
        raise SetupError(f"This process may not open {most:,} sockets.", "Raise the limit (ulimit -n), or use fewer.")
    try:
        runs = uvloop.run(_measure(chosen, loads, target))
    except KeyboardInterrupt:
        print("madang: stopped; no measurement was completed.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except (OSError, TimeoutError) as error:
        why = plain_reason(error) if str(error) else "it took too long"
        raise MadangError("internal", f"{url or 'The server'} does not answer: {why}.") from None
    _show(runs, as_json=json)
    if plot is not None:
        from madang_proof.measuring.plot import draw

        draw(runs, plot)
        print(f"madang: drawn into {plot}", file=sys.stderr)
    sys.exit(0 if all(run.complete for run in runs) else 1)


def _load(usual: "Load", sockets: int | None, rate: float | None, seconds: float | None) -> "Load":
    from madang_proof.measuring.workloads import Load

    return Load(sockets=sockets or usual.sockets, rate=rate or usual.rate, seconds=seconds or usual.seconds)


def _target(url: str, mine: bool) -> "Target":
    """Parse the address. Another machine needs confirmation: a load meant for your server harms somebody else's."""
    import ssl

    from websockets.exceptions import InvalidURI
    from websockets.uri import parse_uri

    from madang_proof.measuring.clients import Target

    try:
        uri = parse_uri(url)
    except InvalidURI:
        raise SetupError(f"{url} is not the URL of a server.", "It looks like ws://127.0.0.1:8400/ws.") from None
    if not mine and not _is_local(uri.host):
        raise SetupError(
            f"{uri.host} is not this machine, and this load would harm a server that others use.",
            "If it is yours and nobody uses it now, add --yes-this-is-mine.",
        )
    return Target(uri, ssl.create_default_context() if uri.secure else None)


def _is_local(host: str) -> bool:
    """Return whether every address of a host is a loopback address."""
    try:
        found = {ipaddress.ip_address(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return True  # there is no such host; connecting will say so better
    return all(address.is_loopback for address in found)


@asynccontextmanager
async def _own_server() -> AsyncIterator["Target"]:
    """Run a server on this machine, with its data in a temporary folder."""
    from websockets.uri import parse_uri

    from madang_proof.measuring.clients import Target
    from madang_proof.testbed.server import Server

    with tempfile.TemporaryDirectory(prefix="madang-bench-") as folder:
        server = Server(Path(folder), arguments=("--load-test",))
        try:
            await server.start()
            yield Target(parse_uri(server.direct_url), None, server.pid)
        finally:
            await server.close()


async def _measure(chosen: "list[Workload]", loads: "list[Load]", target: "Target | None") -> "list[Figures]":
    """Run the workloads one after the other, each on a fresh server unless there is a target."""
    runs = []
    with _bar() as progress:
        for number, (workload, load) in enumerate(zip(chosen, loads, strict=True), 1):
            heading = f"{number}/{len(chosen)} {workload.name}"
            progress(f"{heading}: starting", 0)

            def report(doing: str, share: float, heading: str = heading) -> None:
                progress(f"{heading}: {doing}", share)

            if target is not None:
                runs.append(await _one(workload, load, target, report))
            else:
                async with _own_server() as own:
                    runs.append(await _one(workload, load, own, report))
    return runs


async def _one(workload: "Workload", load: "Load", target: "Target", progress: "Progress") -> "Figures":
    from madang_proof.measuring.clients import LoadClients

    if not workload.limits:
        await LoadClients(target, 1, 1).check_unlimited()
    return await workload.run(target, load, progress)


@contextmanager
def _bar() -> Iterator[Callable[[str, float], None]]:
    """Show a progress bar on a terminal's stderr, and nothing elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda doing, share: bar.update(task, description=doing, completed=share)


def _show(runs: "list[Figures]", *, as_json: bool) -> None:
    import msgspec
    from rich.console import Console

    from madang_proof.measuring.report import meaning, table

    if as_json:
        told = [
            msgspec.to_builtins(run) | {"complete": run.complete, "generator_limited": run.generator_limited}
            for run in runs
        ]
        print(msgspec.json.format(msgspec.json.encode(told), indent=1).decode())
        return
    Console(highlight=False).print(table(runs))
    print()
    for run in runs:
        print(meaning(run))
