"""Measure a fleet: `python -m bench fleet [PART …]`. All of it takes about twelve minutes.

It starts PostgreSQL, MariaDB and Redis itself, as the tests do. Results go to bench/results/NAME.json, .md and three pictures;
with the name `fleet` they also go into docs/reference/fleet-performance.md.
"""

import argparse
import fcntl
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench import machine
from bench.driving import Values
from bench.fleet import page, plot, report
from bench.fleet.results import NAME, Result, Row, write
from bench.fleet.servers import MISSING
from bench.fleet.steps import PARTS, Settings, Step
from bench.report import CROWDED, crowd
from bench.run import wait_until_quiet
from bench.tools import BENCH, BUILD, tool

PATIENCE_SECONDS = 3  # for others to finish, before each run with whole nodes
TINY = Settings(
    seconds=1, short=0.3, batches=(1, 50), stored=(500,), small_rooms=10, rates=(200,), nodes=(2, 4), rooms=(10, 100),
    commits=(300,), own_bytes=(1024,),
)  # fmt: skip


def main() -> None:
    """Run from the command line."""
    options = _options()
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("bench: needs two cores, one for the servers and one for the load")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # servers and the load tool inherit it
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers end with it
    tool("wsload")
    BUILD.mkdir(exist_ok=True)
    wait_for_turn = (BUILD / "lock").open("w")
    fcntl.flock(wait_for_turn, fcntl.LOCK_EX)  # two trials would measure each other
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=BUILD))
    try:
        result = Result(machine.describe(scratch) | report.versions())
        place = BENCH / "results" / options.name
        place.parent.mkdir(exist_ok=True)
        try:
            sit(result, options, scratch)
        finally:  # also of a trial that was broken off
            keep(result, options.name, place)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.stdout.write("\n" + report.tables(result))
    print(f"\nwritten: bench/results/{options.name}.md, .json, -*.png")


def _options() -> argparse.Namespace:
    names = "\n".join(f"  {name:<12}{(part.__doc__ or '').splitlines()[0]}" for name, (part, _) in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m bench fleet",
        description=(__doc__ or "").partition("\n")[0],
        epilog=f"parts:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help="what to measure (all)")
    parser.add_argument("--name", default="local-fleet", help="name of the result files (local-fleet)")
    parser.add_argument("--repeat", type=int, default=1, help="repetitions, of which the median counts (1)")
    parser.add_argument("--again", type=int, default=1, help="times to repeat a run that others disturbed (1)")
    parser.add_argument("--minutes", type=float, default=14, help="begin nothing new after so long (14)")
    parser.add_argument(
        "--tiny", action="store_true", help="a minute or two, to see that all works; no figures to keep"
    )
    options = parser.parse_args()
    for name in options.parts:
        if name not in PARTS:
            parser.error(f"there is no part {name!r}; there are {', '.join(PARTS)}")
    options.settings = TINY if options.tiny else Settings()
    options.patience = 0 if options.tiny else PATIENCE_SECONDS
    return options


def sit(result: Result, options: argparse.Namespace, scratch: Path) -> None:
    """Measure part by part, until it is done or time is over; what a server cannot do is a finding."""
    over = time.monotonic() + options.minutes * 60
    for name in options.parts or PARTS:
        part, kinds = PARTS[name]
        for kind in kinds:
            try:
                with closing(part(scratch, options.settings, kind)) as steps:
                    for step in steps:
                        if time.monotonic() > over:
                            print(f"{options.minutes:g} minutes are over", file=sys.stderr)
                            break
                        _take(result.row(name, step.about), step, options)
            except (*MISSING, RuntimeError, OSError) as error:  # of a server that does not start
                result.row(name, {"server": kind}).note = _last_line(error)
                print(f"{name} {kind}: {_last_line(error)}", file=sys.stderr)


def keep(result: Result, name: str, place: Path) -> None:
    """Write all that is made of the figures."""
    write(result, place)
    report.write(result, place)
    plot.draw(result, place)
    if name == NAME:
        page.write()


def _take(row: Row, step: Step, options: argparse.Namespace) -> None:
    shown = ", ".join(f"{value} {key}" if isinstance(value, int) else value for key, value in step.about.items())
    for _ in range(options.repeat):
        print(f"{row.part}: {shown} …", end=" ", file=sys.stderr, flush=True)
        try:
            tries = [_once(step, options)]
            while crowd(tries[-1]) > CROWDED and len(tries) <= options.again and not options.tiny:
                print(f"others took {crowd(tries[-1]):.0%} of a core; again …", end=" ", file=sys.stderr, flush=True)
                tries.append(_once(step, options))
        except (RuntimeError, OSError) as error:
            row.note = _last_line(error)
            print(row.note, file=sys.stderr)
            return
        row.runs.append(min(tries, key=crowd))
        print(report.brief(row.part, row.runs[-1]), file=sys.stderr)


def _once(step: Step, options: argparse.Namespace) -> Values:
    if step.heavy:  # of the others there are a hundred, and whoever is in the way shows in the figures
        wait_until_quiet(options.patience)
    return step.run()


def _last_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:160]


if __name__ == "__main__":
    main()
