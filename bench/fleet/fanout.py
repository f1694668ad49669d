"""Who pays for fan-out: one node publishes, N others hear, by each way there is (S3's experiment).

Redis has core 0 to itself; the publisher and the nodes, four to a process, share core 1. `worker.py` is what they run.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO, Any, Final

import msgspec
from redis import Redis

from bench import proc
from bench.driving import Values
from bench.fleet.worker import Spec
from bench.server import environment, stop
from bench.tools import ROOT
from tests.redis import RedisServer

PROCESSES: Final = 4
DRAIN_S: Final = 0.5
_WORKER: Final = (sys.executable, "-m", "bench.fleet.worker")


def measure(redis: RedisServer, spec: Spec) -> Values:
    """Let `spec.of` nodes hear what one more publishes.

    Everything is per event that was published: CPU µs of Redis, of the publisher and of all other nodes together, and bytes
    that left Redis. `lost` is the share of what should have been heard and was not, `DRAIN_S` after the end.

    Raises:
        RuntimeError: a process ended too early.
    """
    numbers = list(range(spec.of))
    shares = [share for n in range(PROCESSES) if (share := numbers[n::PROCESSES])]
    with ExitStack() as stack:
        asked = [msgspec.structs.replace(spec, nodes=share, rate=0) for share in shares]
        workers = [stack.enter_context(_Worker(each)) for each in asked]
        publisher = stack.enter_context(_Worker(spec))
        everybody = [publisher, *workers]
        for worker in everybody:
            worker.read_ready()
        client = stack.enter_context(Redis(port=redis.port))
        bytes_out, busy, cpu = _bytes_out(client), proc.core_busy(0), redis_cpu(client)
        for worker in everybody:
            worker.tell("go")
        time.sleep(spec.seconds + DRAIN_S)
        cpu, busy = redis_cpu(client) - cpu, proc.core_busy(0) - busy
        bytes_out = _bytes_out(client) - bytes_out
        for worker in everybody:
            worker.tell("stop")
        said, *heard = [worker.result() for worker in everybody]
    return _values(spec, said, heard) | {
        "redis_us": cpu * 1e6 / said["sent"],
        "redis_bytes": bytes_out / said["sent"],
        "redis_core": cpu / spec.seconds,
        "others_use": max(0.0, busy - cpu) / (spec.seconds + DRAIN_S),
    }


def _values(spec: Spec, said: dict[str, Any], heard: Sequence[dict[str, Any]]) -> Values:
    expected = said["sent"] * min(spec.followers, spec.of)
    ms = sorted(each for worker in heard for each in worker["ms"])
    return {
        "events_s": said["sent"] / spec.seconds,
        "publisher_us": said["cpu_s"] * 1e6 / said["sent"],
        "nodes_us": sum(worker["cpu_s"] for worker in heard) * 1e6 / said["sent"],
        "lost": 1 - sum(worker["heard"] for worker in heard) / expected,
        "p50": ms[len(ms) // 2] if ms else 0.0,
        "p99": ms[len(ms) * 99 // 100] if ms else 0.0,
    }


def redis_cpu(client: Redis) -> float:
    """Return the CPU seconds of a Redis so far, finer than /proc's hundredths."""
    used = client.info("cpu")
    return float(used["used_cpu_user"]) + float(used["used_cpu_sys"])


def _bytes_out(client: Redis) -> int:
    return int(client.info("stats")["total_net_output_bytes"])


class _Worker:
    """A process of worker.py."""

    def __init__(self, spec: Spec) -> None:
        argv = [*_WORKER, msgspec.json.encode(spec).decode()]
        self._process = subprocess.Popen(
            argv, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._process)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def read_ready(self) -> None:
        if (line := self._out.readline()).strip() != "ready":
            raise RuntimeError(f"a worker said {line!r}")

    def tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def result(self) -> dict[str, Any]:
        line = self._out.readline()
        if not line:
            raise RuntimeError("a worker ended without a word")
        found: dict[str, Any] = json.loads(line)
        return found

    @property
    def _out(self) -> IO[str]:
        assert self._process.stdout is not None
        return self._process.stdout
