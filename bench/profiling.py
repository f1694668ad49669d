"""Where a message's CPU time goes: `python -m bench.profiling WORKLOAD` samples the server under load.

With `reconnect` it is the time of a socket that was cut and comes back.

Needs py-spy, which is in no lock file: .venv/bin/python -m pip install --target bench/build/py-spy py-spy
Prints the functions by their own time and by the time below them, as CPU µs per message. Take a workload that keeps the
core busy: a thread that waits is told from one that works by looking at it, which is sometimes wrong.
The samples stay in bench/build/WORKLOAD.folded, one stack per line, for any flame graph viewer.
"""

import argparse
import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench import load
from bench.driving import Values, Window, come_back
from bench.load import Load
from bench.server import Server, create_rooms, madang
from bench.tools import BUILD, ROOT
from bench.workloads import RECONNECT_SOCKETS, WORKLOADS

HERTZ = 500
RECONNECT = "reconnect"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.profiling", description=(__doc__ or "").partition("\n")[0])
    loaded = {name: w.load for name, w in WORKLOADS.items() if w.load and w.load.publishers}
    parser.add_argument("workload", choices=[*loaded, RECONNECT])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--top", type=int, default=40, help="functions to show (40)")
    parser.add_argument("--native", action="store_true", help="also C functions of the extensions")
    parser.add_argument(
        "--syscalls", action="store_true", help="also count system calls, in a run of their own (strace)"
    )
    parser.add_argument("--server", nargs=argparse.REMAINDER, default=[], help="the rest goes to `madang serve`")
    options = parser.parse_args()
    folded = BUILD / f"{options.workload}.folded"
    sampler = [py_spy(), "record", "--rate", str(HERTZ), "--format", "raw", "--nonblocking", "--threads"]
    sampler += ["--native"] if options.native else []
    sampler += ["--output", str(folded), "--duration"]
    if options.workload == RECONNECT:
        values = under(1, options.server, lambda server, place: _coming_back(server, [*sampler, "60", "--pid"], place))
        print(f"all live after {values.get('live_s', 0):.1f} s, {values['cpu_ms_socket'] * 1000:.0f} CPU µs per socket")
        show(folded.read_text(), values["cpu_ms_socket"] * 1000, options.top)
        return
    wanted = replace(loaded[options.workload] or Load(1, 1), seconds=options.seconds)

    def driven(watcher: list[str]) -> Values:
        return under(wanted.rooms, options.server, lambda server, place: _driven(server, wanted, watcher, place))

    plain = driven([])
    per_message = plain["cpu_us_message"]
    print(f"{options.workload}: {plain['messages_s']:,.0f} msg/s, {per_message:.1f} CPU µs per message,", end=" ")
    print(f"{plain['kernel_share']:.0%} of it in the kernel, {plain['thread_share']:.0%} in other threads")

    driven([*sampler, f"{options.seconds:.0f}", "--pid"])
    show(folded.read_text(), per_message, options.top)

    if options.syscalls:
        counted = BUILD / "syscalls"
        traced = driven(["strace", "-f", "-q", "-c", "-o", str(counted), "-p"])
        calls(counted.read_text(), traced["sent"])


def py_spy() -> str:
    """Find py-spy.

    Raises:
        SystemExit: it is not there; says how to get it.
    """
    for place in (BUILD / "py-spy" / "bin" / "py-spy", ROOT / ".venv" / "bin" / "py-spy"):
        if place.exists():
            return str(place)
    if found := shutil.which("py-spy"):
        return found
    raise SystemExit(f"bench: no py-spy. {(__doc__ or '').splitlines()[3]}")


def under(rooms: int, extra: list[str], drive: Callable[[Server, Path], Values]) -> Values:
    """Drive a fresh server."""
    with tempfile.TemporaryDirectory(prefix="run-", dir=BUILD) as scratch:
        place = Path(scratch)
        with madang(place, tuple(extra)) as server:
            create_rooms(server.port, rooms)
            return drive(server, place)


class Watching:
    """Runs a program that is given the server's process id (none for an empty one) from the first mark to the last."""

    def __init__(self, argv: list[str], server: Server, place: Path) -> None:
        self._argv = argv and ["taskset", "-c", load.LOAD_CORE, *argv, str(server.pid)]
        self._log = place / "watcher.log"
        self._process: subprocess.Popen[bytes] | None = None

    def mark(self, name: str) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
        elif self._argv:
            with self._log.open("wb") as log:
                self._process = subprocess.Popen(self._argv, stdout=log, stderr=subprocess.STDOUT)

    def end(self) -> None:
        if self._process is not None:
            self._process.wait(30)


def _driven(server: Server, wanted: Load, watcher: list[str], place: Path) -> Values:
    window, watching = Window(server), Watching(watcher, server, place)

    def at_mark(name: str) -> None:
        window.mark(name)
        watching.mark(name)

    heard = load.run(load.command(wanted, server.port), at_mark, place / "load.log")
    watching.end()
    values = window.values() | {"sent": float(heard.sent), "messages_s": heard.per_second / wanted.group}
    return values | {"cpu_us_message": values["cpu_seconds"] * 1e6 / (heard.acks or 1)}


def _coming_back(server: Server, watcher: list[str], place: Path) -> Values:
    watching = Watching(watcher, server, place)
    values = come_back(server, RECONNECT_SOCKETS, place, load.MADANG, at_mark=watching.mark)
    watching.end()
    return values


def show(folded: str, per_message: float, top: int) -> None:
    """Print own and cumulative time per function, scaled so that all samples together are one message's CPU time."""
    own: Counter[str] = Counter()
    below: Counter[str] = Counter()
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [re.sub(r":\d+\)$", ")", frame) for frame in stack.split(";")]
        if not count.isdigit() or not frames:
            continue
        own[frames[-1]] += int(count)
        for frame in set(frames):
            below[frame] += int(count)
    total = sum(own.values()) or 1
    for title, counter in (("own time", own), ("with everything it calls", below)):
        print(f"\n| CPU µs, {title} | µs | share |\n| --- | --- | --- |")
        for frame, samples in counter.most_common(top):
            print(f"| `{frame}` | {samples / total * per_message:.2f} | {samples / total:.1%} |")


def calls(counted: str, messages: float) -> None:
    """Print the system calls per message."""
    print("\n| system call | per message |\n| --- | --- |")
    for line in counted.splitlines():
        fields = line.split()
        if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total" and int(fields[3]) / messages >= 0.005:
            print(f"| `{fields[-1]}` | {int(fields[3]) / messages:.2f} |")


if __name__ == "__main__":
    main()
