"""`madang prove`: put a server under load and faults, and judge what its clients saw. `prove_report.py` shows the verdict."""

import asyncio
import json
import secrets
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from madang.errors import SetupError

if TYPE_CHECKING:
    from madang_proof.commands.prove_report import Bar
    from madang_proof.plan import Plan
    from madang_proof.testbed.testbed import Fleet
    from madang_proof.verdict import Outcome

INTERRUPTED: Final = 130


def prove(
    seconds: Annotated[float, typer.Option(min=1, max=86_400, help="How long the storm lasts.")] = 60,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the plan; random if left out.")] = None,
    faults: Annotated[
        str | None,
        typer.Option(help="Names of faults, separated by commas; if left out, some of those possible here."),
    ] = None,
    no_faults: Annotated[bool, typer.Option("--no-faults", help="Only load.")] = False,
    nodes: Annotated[
        int, typer.Option(min=1, max=16, help="Prove a fleet of this many nodes; needs --database and --bus.")
    ] = 1,
    database: Annotated[
        str | None, typer.Option(help="An empty database for the fleet (postgresql://… or mysql://…).")
    ] = None,
    bus: Annotated[
        str | None, typer.Option(help="The bus between its nodes (redis://…, nats://…, amqp://…, …).")
    ] = None,
    search: Annotated[
        str, typer.Option(help="Its search engine (opensearch+http://…); if left out, the database is searched.")
    ] = "",
    url: Annotated[str | None, typer.Option(help="Load a running server (ws://… or wss://…), without faults.")] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="Empty folder for the evidence; a new temporary one if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Prove that no message is lost, doubled or reordered, whatever goes wrong.

    Starts a server, or with --nodes a fleet. 20 users talk over it on 28 connections: they come and go, edit, kick, ban, mute, resume
    and send again. Meanwhile the server is killed, frozen, starved and cut off. Then what every client saw is checked against
    what is promised. docs/guides/proving.md explains the table.

    Exit status: 0 every invariant held, 1 one did not, 2 the run was not possible, 130 interrupted.
    """
    from madang_proof.commands import prove_report

    seed = secrets.randbelow(1_000_000) if seed is None else seed
    fleet = _fleet(nodes, database, bus, search, url=url)
    plan = _plan(seed, seconds, faults, fleet, no_faults=no_faults, url=url)
    folder = evidence or Path(tempfile.mkdtemp(prefix=f"madang-prove-{seed}-"))
    with prove_report.bar(quiet=as_json) as bar:
        outcome, interrupted = _run(plan, folder, url, fleet, bar)
    if outcome is None:
        print(f"Interrupted; nothing was judged. What there is, is in {folder}.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    if as_json:
        from madang_proof.verdict import as_json as plain

        print(json.dumps(plain(outcome), ensure_ascii=False))
    else:
        prove_report.show(outcome, url, fleet, interrupted=interrupted)
    sys.exit(INTERRUPTED if interrupted else 0 if outcome.held else 1)


def _fleet(nodes: int, database: str | None, bus: str | None, search: str, *, url: str | None) -> "Fleet | None":
    from madang_proof.testbed.testbed import Fleet

    if nodes == 1 and not database and not bus and not search:
        return None
    if url:
        raise SetupError("--url names a running server; --nodes starts new ones.", "Leave one of them out.")
    if nodes == 1 or not database or not bus:
        raise SetupError(
            "A fleet needs --nodes, --database and --bus.",
            "Write --nodes 3 --database postgresql://… --bus redis://…, the database an empty one.",
        )
    return Fleet(nodes, database, bus, search)


def _plan(
    seed: int, seconds: float, faults: str | None, fleet: "Fleet | None", *, no_faults: bool, url: str | None
) -> "Plan":
    from madang_proof.faults import FAULTS, fitting
    from madang_proof.plan import draw, make_plan

    if no_faults or url:
        if faults:
            raise SetupError("--faults goes with neither --no-faults nor --url.", "Leave one of them out.")
        return make_plan(seed, seconds)
    if faults:
        chosen = [name.strip() for name in faults.split(",") if name.strip()]
        if unknown := sorted(set(chosen) - set(FAULTS)):
            raise SetupError(f"There is no fault {', '.join(unknown)}.", f"There are {', '.join(FAULTS)}.")
        return make_plan(seed, seconds, chosen)
    possible = [name for name in fitting(fleet) if FAULTS[name].unavailable() is None]
    return make_plan(seed, seconds, draw(seed, seconds, possible))


def _run(
    plan: "Plan", folder: Path, url: str | None, fleet: "Fleet | None", bar: "Bar"
) -> tuple["Outcome | None", bool]:
    """Run the plan. The first Ctrl-C ends the storm, and what was done is judged; the second ends everything."""
    import uvloop

    from madang_proof.run import prove, prove_url

    async def running() -> tuple["Outcome | None", bool]:
        stop = asyncio.Event()
        run = asyncio.ensure_future(
            prove_url(plan, folder, url, f"prove-{secrets.token_hex(3)}-", report=bar, stop=stop)
            if url
            else prove(plan, folder, fleet=fleet, report=bar, stop=stop)
        )

        def interrupt() -> None:
            if stop.is_set():
                run.cancel()
            stop.set()

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, interrupt)
        try:
            return await run, stop.is_set()
        except asyncio.CancelledError:
            return None, True

    return uvloop.run(running())
