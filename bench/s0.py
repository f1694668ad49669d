"""S0, a live Q&A, twice: `python -m bench.s0` runs 20 users by Locust and by our own generator, each on a fresh server.

20 users of one room send 80 messages each: 1,600 sends, 32,000 receipts. The server has its usual limits and core 0, the users
core 1. Both must count every ack and every receipt, each once and in order. Results go to bench/results/NAME.md.
"""

import argparse
import json
import subprocess
import time
from dataclasses import dataclass
from typing import Any, Final

from bench.peers import making
from bench.run import workplace
from bench.server import Server, environment, madang
from bench.tools import BENCH, ROOT
from madang_proof.measuring.process import usage

LOAD_CORE: Final = "1"
TIMEOUT_S: Final = 180
LOCUST: Final = "bench/locust/run"
OURS: Final = ".venv/bin/madang bench users --json --url"


@dataclass(frozen=True)
class Run:
    """What one generator counted, and what the server used meanwhile."""

    acks: int
    receipts: int
    exact: bool  # each once and in order
    receipt: dict[str, float]
    ack: dict[str, float]
    cpu_s: float
    seconds: float
    written_mb: float
    read_mb: float


def _run(command: str, server: Server) -> Run:
    before, began = usage(server.pid), time.monotonic()
    argv = ["taskset", "-c", LOAD_CORE, *command.split(), f"ws://127.0.0.1:{server.port}/ws"]
    done = subprocess.run(argv, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=TIMEOUT_S)
    after, seconds = usage(server.pid), time.monotonic() - began
    if done.returncode:
        raise SystemExit(f"s0: {command} ended with {done.returncode}\n{done.stdout}\n{done.stderr[-2000:]}")
    assert before and after
    counted = _of_locust(done.stdout) if command == LOCUST else _of_ours(done.stdout)
    return Run(
        **counted, cpu_s=after.cpu_s - before.cpu_s, seconds=seconds,
        written_mb=(after.disk_written - before.disk_written) / 1e6,
        read_mb=(after.disk_read - before.disk_read) / 1e6,
    )  # fmt: skip


def _of_locust(text: str) -> dict[str, Any]:
    told = json.loads(next(line for line in text.splitlines() if line.startswith('{"acks"')))
    return {
        "acks": told["acks"], "receipts": told["receipts"], "exact": told["once and in order"],
        "receipt": told["receipt"], "ack": told["ack"],
    }  # fmt: skip


def _of_ours(text: str) -> dict[str, Any]:
    (told,) = json.loads(text)
    exact = told["complete"] and told["parsed"] == told["sockets"]
    return {
        "acks": told["acked"], "receipts": told["deliveries"], "exact": exact,
        "receipt": told["latency"], "ack": told["ack"],
    }  # fmt: skip


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.s0", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--now", action="store_true", help="do not wait for a quiet machine")
    parser.add_argument("--name", default="local-s0", help="name of the result file (local-s0)")
    options = parser.parse_args()
    making.python()
    runs = {}
    for name, command in (("Locust", LOCUST), ("`madang bench users`", OURS)):
        with workplace("s0", options.now) as (scratch, facts), madang(scratch, load_test=False) as server:
            runs[name] = _run(command, server)
    text = _page(options.name, facts, runs)
    (BENCH / "results" / f"{options.name}.md").write_text(text)
    print(f"{text}\nwritten: bench/results/{options.name}.md")


def _page(name: str, facts: dict[str, str], runs: dict[str, Run]) -> str:
    rows = [
        ("acks", lambda r: f"{r.acks:,}"),
        ("receipts", lambda r: f"{r.receipts:,}"),
        ("each once and in order", lambda r: "yes" if r.exact else "**no**"),
        ("receipt p50, p99, max ms", lambda r: f"{r.receipt['p50']:.1f}, {r.receipt['p99']:.1f}, {r.receipt['max']:.1f}"),
        ("ack p50, p99, max ms", lambda r: f"{r.ack['p50']:.1f}, {r.ack['p99']:.1f}, {r.ack['max']:.1f}"),
        ("CPU of the server, s", lambda r: f"{r.cpu_s:.2f} in {r.seconds:.0f} s"),
        ("CPU per message, µs", lambda r: f"{r.cpu_s * 1e6 / r.acks:.0f}"),
        ("written to disk, MB", lambda r: f"{r.written_mb:.1f}"),
        ("read from disk, MB", lambda r: f"{r.read_mb:.1f}"),
    ]  # fmt: skip
    lines = [["", *runs], ["---"] * (1 + len(runs)), *([what, *map(give, runs.values())] for what, give in rows)]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return (
        f"# S0: 20 users, 1,600 sends, 32,000 receipts ({name})\n\n"
        + "".join(f"- {key}: {value}\n" for key, value in facts.items())
        + "- the server has its usual limits and core 0, the users core 1; every message is stored (fsync) before its ack\n"
        "- times count from when a message was due; what is read and written is of /proc/PID/io, checkpoints included\n\n"
        f"{table}\n\n## Commands\n\n```sh\n.venv/bin/python -m bench.s0 --name {name}\n\n"
        "# one by one, against a server of yours\n.venv/bin/madang serve --port PORT\n"
        f"{LOCUST} ws://127.0.0.1:PORT/ws\n{OURS} ws://127.0.0.1:PORT/ws\n```\n"
    )


if __name__ == "__main__":
    main()
