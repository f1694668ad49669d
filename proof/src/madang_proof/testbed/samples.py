"""Samples of a server process: memory, files, threads, and what waits in its queues."""

import asyncio
import os
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

from madang_proof.history.records import Sample, now
from madang_proof.testbed.server import Server

ANSWER_S: Final = 2.0
QUEUES: Final = ("madang_appends_waiting", "madang_rooms_due", "madang_read_pointers_waiting")
TASKS: Final = "madang_tasks"


async def sample(server: Server, phase: str, node: str = "") -> Sample | None:
    """Take a sample; return None where the process or its answer is not available at the moment."""
    return await asyncio.to_thread(_sample, server, phase, node) if server.running else None


def _sample(server: Server, phase: str, node: str) -> Sample | None:
    try:
        counted = _counted(server.admin_port)
        queued = int(sum(counted[name] for name in QUEUES))
        process = Path("/proc") / str(server.pid)
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        rss = int(status["VmRSS"].split()[0]) * 1024
        return Sample(
            now(),
            phase,
            rss,
            len(os.listdir(process / "fd")),
            int(status["Threads"]),
            queued,
            server.data.name,
            int(counted[TASKS]),
        )
    except (OSError, HTTPException, KeyError, ValueError):
        return None


def _counted(port: int) -> dict[str, float]:
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
    finally:
        connection.close()
    found = dict(line.split(" ", 1) for line in lines if line.startswith((*QUEUES, TASKS)))
    return {name: float(found[name]) for name in (*QUEUES, TASKS)}
