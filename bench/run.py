"""Measure Madang against its budgets: `python -m bench [WORKLOAD …]`. Without names: all of them, about fifteen minutes.

The server runs on core 0, the load on core 1; nothing else should run meanwhile. Results go to bench/results/NAME.md,
.json and .png; the name `local`, the default, is ignored by git.
"""

import argparse
import fcntl
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench import machine, plot, report
from bench.driving import Values
from bench.proc import core_busy
from bench.tools import BENCH, BUILD, tool
from bench.trial import Trial
from bench.workloads import WORKLOADS

BUSY: Final = "measured with --now, perhaps beside other work: the counts are exact, the times are not to be trusted"
PATIENCE_SECONDS = 60  # for others to finish, before each run


def main() -> None:
    """Run from the command line."""
    options = _options()
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("bench: needs two cores, one for the server and one for the load")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # servers and wsload inherit it
    tool("wsload"), tool("fanout_floor")
    BUILD.mkdir(exist_ok=True)
    wait_for_turn = (BUILD / "lock").open("w")
    fcntl.flock(wait_for_turn, fcntl.LOCK_EX)  # two trials would measure each other
    scratch = Path(tempfile.mkdtemp(prefix="run-", dir=options.scratch or BUILD))
    try:
        where = machine.describe(scratch)
        trial = Trial(scratch, tuple(options.server))
        runs = measure(options.workloads, options.repeat, options.seconds, trial, options.again)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    result = report.Result(where, options.seconds, tuple(options.server), runs)
    sys.stdout.write("\n" + report.budgets(result) + "\n" + report.details(result))
    place = BENCH / "results" / options.name
    place.parent.mkdir(exist_ok=True)
    report.write(result, place)
    plot.draw(result, place.with_suffix(".png"))
    print(f"\nwritten: bench/results/{options.name}.md, .json, .png")


def _options() -> argparse.Namespace:
    names = "\n".join(f"  {w.name:<20}{w.title}" for w in WORKLOADS.values())
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=(__doc__ or "").partition("\n")[0],
        epilog=f"workloads:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="what to measure (all)")
    parser.add_argument("--name", default="local", help="name of the result files (local)")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions, of which the median counts (3)")
    parser.add_argument("--seconds", type=float, default=5, help="length of each run (5)")
    parser.add_argument("--again", type=int, default=3, help="times to repeat a run that others disturbed (3)")
    parser.add_argument("--scratch", type=Path, help="where the servers keep their data (bench/build)")
    parser.add_argument("--server", nargs=argparse.REMAINDER, default=[], help="the rest goes to `madang serve`")
    options = parser.parse_args()
    for name in options.workloads:
        if name not in WORKLOADS:
            parser.error(f"there is no workload {name!r}; there are {', '.join(WORKLOADS)}")
    options.workloads = options.workloads or list(WORKLOADS)
    return options


def measure(names: list[str], repeat: int, seconds: float, trial: Trial, again: int) -> dict[str, list[Values]]:
    """Measure each workload `repeat` times, in turns, so that a bad minute does not fall on one of them alone.

    A run in which others took a core is made again, whatever it gave. If the machine stays busy the least disturbed
    one counts, which its figures have no say in, and the report says that it was disturbed.
    """
    runs: dict[str, list[Values]] = {name: [] for name in names}
    for turn in range(repeat):
        trial.next_round()
        for name in names:
            print(f"{turn + 1}/{repeat} {WORKLOADS[name].title} …", end=" ", file=sys.stderr, flush=True)
            tries = [_once(name, seconds, trial)]
            while report.crowd(tries[-1]) > report.CROWDED and len(tries) <= again:
                print("  again …", end=" ", file=sys.stderr, flush=True)
                trial.next_round()
                tries.append(_once(name, seconds, trial))
            runs[name].append(min(tries, key=report.crowd))
    return runs


def _once(name: str, seconds: float, trial: Trial) -> Values:
    wait_until_quiet()
    values = WORKLOADS[name].measure(trial, seconds)
    print(report.brief(WORKLOADS[name], values), file=sys.stderr)
    if report.crowd(values) > report.CROWDED:
        print(f"  others took {report.crowd(values):.0%} of a core meanwhile", file=sys.stderr)
    return values


def wait_until_quiet(patience: int = PATIENCE_SECONDS) -> None:
    """Wait for a second in which nobody uses the cores; but not without end, since the figures show it anyway."""
    for _ in range(patience):
        before = [core_busy(core) for core in (0, 1)]
        time.sleep(1)
        if all(core_busy(core) - was < report.CROWDED for core, was in enumerate(before)):
            return


@contextmanager
def workplace(name: str, now: bool) -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a folder for a server's data, and what is to be known of the machine, once it is quiet, or `now`."""
    BUILD.mkdir(exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=BUILD))
    try:
        if not now:
            wait_until_quiet()
        facts = machine.describe(scratch)
        if now:
            facts["meanwhile"] = BUSY
        yield scratch, facts
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def kinds_of(parser: argparse.ArgumentParser, given: Sequence[str], known: Collection[str]) -> list[str]:
    """Return the kinds that were asked for, all if none was; an unknown one ends the program."""
    if unknown := set(given) - set(known):
        parser.error(f"there is no kind {unknown.pop()!r}; there are {', '.join(known)}")
    return list(given or known)


if __name__ == "__main__":
    main()
