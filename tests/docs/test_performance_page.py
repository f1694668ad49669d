"""What docs/reference/performance.md says of the peers is what was measured, and what they run on is pinned without naming a registry."""

import json
import re
from pathlib import Path

import pytest

from bench.peers import page
from bench.peers.catalogue import MADANG_DOORS, PEERS
from bench.peers.report import Result, read, tables
from bench.peers.trial import Run
from bench.tools import BENCH

PEERS_FOLDER = BENCH / "peers"


@pytest.mark.parametrize("name", page.PARTS)
def test_the_page_has_the_figures_of_the_results(name: str) -> None:
    begin, end = page.marks(name)
    told = page.PAGE.read_text().partition(begin)[2].partition(end)[0]
    result = read(page.place(name))
    assert result, f"bench/results/{name}.json is missing"
    assert told == page.part(name, result), "run: python -m bench.peers.page"


def test_a_sitting_that_was_cut_short_has_its_tables() -> None:
    result = Result({"measured": "today", "commit": "1234567890", "CPU": "one"}, 4)
    result.add("madang", "hot-room", Run({"per_second": 998_000.0, "p99": 31.0, "delivered_share": 1.0}))
    result.add("ws", "hot-room", Run({"per_second": 184_000.0, "p99": 5000.0, "delivered_share": 0.37}))
    result.add("django", "hot-room", Run({}, "ended at 6 GB of memory"))
    result.add("madang", "reconnect", Run({"live_s": 4.5, "live_share": 1.0, "connected_share": 1.0, "log_reads": 1.0}))
    result.add("ws", "reconnect", Run({"live_share": 0.5, "connected_share": 1.0}))
    text = tables(result)
    assert "998,000" in text
    assert "5,000, of the 37% that arrived" in text
    assert "ended at 6 GB of memory" in text
    assert "never: 50% in time" in text
    assert "Madang read its log 1 times" in text
    assert page.part("peers", result).count("\n| ") == 4 + 1, "a line for each that was measured"


def test_nobody_but_madang_promises_all() -> None:
    for peer in PEERS.values():
        assert (peer.promises.lacks == "–") is (peer in MADANG_DOORS), peer.name


def test_our_own_servers_say_what_they_lack() -> None:
    servers: list[Path] = [
        *PEERS_FOLDER.glob("node/*.js"),
        *PEERS_FOLDER.glob("python/*.py"),
        *PEERS_FOLDER.glob("go/*/*.go"),
    ]
    assert len(servers) == 8
    for server in servers:
        assert "What it lacks:" in server.read_text(), server.name


def test_the_lock_files_name_no_registry() -> None:
    lock = (PEERS_FOLDER / "node" / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    packages = json.loads(lock)["packages"]
    assert all("integrity" in package for name, package in packages.items() if name)
    assert not re.search(r"https?://", (PEERS_FOLDER / "go" / "go.sum").read_text())
