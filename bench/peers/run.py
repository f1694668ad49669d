"""Measure Madang beside others: `python -m bench.peers [PEER …]`. All of it once takes about twenty minutes.

Servers and what they need (Redis) run on core 0, the load on core 1; nothing else should run meanwhile. Results go to
bench/results/NAME.md, .json and three pictures, after every measurement, so that `--resume` goes on where a trial was
interrupted or its time was over.
"""

import argparse
import fcntl
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import machine
from bench.peers import making, page, plot, report
from bench.peers.catalogue import PEERS, Peer
from bench.peers.report import Result
from bench.peers.trial import WORKLOADS, Run, Workload, measure
from bench.report import CROWDED, crowd
from bench.run import wait_until_quiet
from bench.tools import BENCH, BUILD, tool

PATIENCE_SECONDS = 5  # for others to finish, before each run; there are a hundred of them


def main() -> None:
    """Run from the command line."""
    options = _options()
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("bench: needs two cores, one for the server and one for the load")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # servers and load tools inherit it
    tool("wsload"), tool("reconnect"), tool("fanout_floor")
    BUILD.mkdir(exist_ok=True)
    wait_for_turn = (BUILD / "lock").open("w")
    fcntl.flock(wait_for_turn, fcntl.LOCK_EX)  # two trials would measure each other
    place = BENCH / "results" / options.name
    place.parent.mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=BUILD))
    try:
        result = _begun(options, place, scratch)
        try:
            sit(result, options, place, scratch)
        finally:  # also of a trial that was broken off
            report.write(result, place)
            plot.draw(result, place)
            if options.name in page.PARTS:
                page.write()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.stdout.write(f"\n{report.tables(result)}\n{report.left_out(result)}")
    print(f"\nwritten: bench/results/{options.name}.md, .json, -*.png")


def _options() -> argparse.Namespace:
    names = "\n".join(f"  {p.name:<20}{p.title}" for p in PEERS.values())
    names += "\n\nworkloads:\n" + "\n".join(f"  {w.name:<20}{w.title}" for w in WORKLOADS.values())
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers",
        description=(__doc__ or "").partition("\n")[0],
        epilog=f"peers:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("peers", nargs="*", metavar="PEER", help="whom to measure (all)")
    parser.add_argument(
        "--workload", action="append", choices=WORKLOADS, metavar="NAME", help="what to measure (all); repeatable"
    )
    parser.add_argument("--name", default="local-peers", help="name of the result files (local-peers)")
    parser.add_argument("--repeat", type=int, default=1, help="repetitions, of which the median counts (1)")
    parser.add_argument("--seconds", type=float, default=4, help="length of each run (4)")
    parser.add_argument("--again", type=int, default=1, help="times to repeat a run that others disturbed (1)")
    parser.add_argument("--minutes", type=float, default=25, help="begin nothing new after so long (25)")
    parser.add_argument("--resume", action="store_true", help="go on with the results of the same name")
    options = parser.parse_args()
    for name in options.peers:
        if name not in PEERS:
            parser.error(f"there is no peer {name!r}; there are {', '.join(PEERS)}")
    return options


def _begun(options: argparse.Namespace, place: Path, scratch: Path) -> Result:
    """Take up the results there are, or begin new ones; make what peers need, and leave out those that cannot be made."""
    result = report.read(place) if options.resume else None
    if result is None:
        result = Result(machine.describe(scratch), options.seconds)
    peers = [PEERS[name] for name in options.peers or PEERS]
    cannot = {}
    for name in sorted({need for peer in peers for need in peer.needs}):
        print(f"preparing {name} …", file=sys.stderr)
        try:
            making.TOOLCHAINS[name]()
        except making.Missing as missing:
            cannot[name] = str(missing)
    result.machine.update(making.versions())
    result.left_out.clear()
    for peer in peers:
        if reasons := [cannot[need] for need in peer.needs if need in cannot]:
            result.left_out[peer.name] = "; ".join(reasons)
    return result


def sit(result: Result, options: argparse.Namespace, place: Path, scratch: Path) -> None:
    """Measure what is still to be measured, workload by workload and peer by peer, until it is done or time is over."""
    over = time.monotonic() + options.minutes * 60
    for peer, workload, turn in _todo(result, options):
        if time.monotonic() > over:
            print(f"{options.minutes:g} minutes are over; --resume goes on from here", file=sys.stderr)
            return
        print(f"{turn + 1}/{options.repeat} {workload.name}, {peer.title} …", end=" ", file=sys.stderr, flush=True)
        tries = [_once(peer, workload, scratch, options.seconds)]
        while crowd(tries[-1].values) > CROWDED and len(tries) <= options.again:
            print("  again …", end=" ", file=sys.stderr, flush=True)
            tries.append(_once(peer, workload, scratch, options.seconds))
        result.add(peer.name, workload.name, min(tries, key=lambda run: crowd(run.values)))
        report.write(result, place)


def _todo(result: Result, options: argparse.Namespace) -> Iterator[tuple[Peer, Workload, int]]:
    names = [name for name in options.peers or PEERS if name not in result.left_out]
    for turn in range(options.repeat):
        for workload in options.workload or WORKLOADS:
            for name in names:
                if len(result.of(name, workload)) <= turn:
                    yield PEERS[name], WORKLOADS[workload], turn


def _once(peer: Peer, workload: Workload, scratch: Path, seconds: float) -> Run:
    wait_until_quiet(PATIENCE_SECONDS)
    run = measure(peer, workload, scratch, seconds)
    print(report.brief(run), file=sys.stderr)
    if crowd(run.values) > CROWDED:
        print(f"  others took {crowd(run.values):.0%} of a core meanwhile", file=sys.stderr)
    return run
