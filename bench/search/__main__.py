"""Measure search, and write results/NAME.json, .md and .png.

    .venv/bin/python -m bench.search --name search            # all, over 1,000,000 messages, about half an hour
    .venv/bin/python -m bench.search --name search --resume --only MariaDB    # one part of it, beside what was measured before
    .venv/bin/python -m bench.search --messages 60000 --only SQLite PostgreSQL

Each part is saved when it is measured. Times are by the wall clock, on a machine on which nothing else runs; the best of three
counts for each query.
"""

import argparse
import asyncio
import tempfile
from pathlib import Path
from typing import Final

from bench import machine
from bench.search import appends, peers, report, results, stores
from bench.search.corpus import Corpus, Said
from bench.search.results import Result

PEERS: Final = "peers"
APPENDS: Final = "appends"
PARTS: Final = (*stores.STORES, PEERS, APPENDS)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        prog="bench.search", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--name", default="local-search")
    parser.add_argument(
        "--resume", action="store_true", help="keep what the results of that name have, and do the rest"
    )
    parser.add_argument("--seconds", type=float, default=8.0, help="of appends, in each turn")
    parser.add_argument("--turns", type=int, default=4, help="of appends with search on and off")
    given = parser.parse_args()
    path = results.place(given.name)
    result = _begun(path.with_suffix(".json"), given.messages, resume=given.resume)
    missing = [name for name in given.only if not _has(result, name)]
    said = Corpus().said(given.messages) if set(missing) - {APPENDS} else []
    for name in missing:
        print(f"{name}:", flush=True)
        _measure(result, name, said, given)
        results.write(result, path.with_suffix(".json"))
    path.with_suffix(".md").write_text("\n".join(report.lines(result)) + "\n")
    if result.stores:
        report.draw(result, path.with_suffix(".png"))
        if given.name == results.NAME:
            report.write()
    print(f"written: bench/results/{given.name}.json, .md, .png")


def _begun(path: Path, messages: int, *, resume: bool) -> Result:
    before = results.read(path) if resume else None
    if before is not None and before.messages != messages:
        raise SystemExit(f"bench: {path.name} was measured with {before.messages:,} messages")
    if before is not None:
        return before
    with tempfile.TemporaryDirectory() as folder:
        return Result(machine.describe(Path(folder)), messages)


def _has(result: Result, name: str) -> bool:
    return name in result.stores or bool({PEERS: result.peers, APPENDS: result.appends}.get(name))


def _measure(result: Result, name: str, said: list[Said], given: argparse.Namespace) -> None:
    if name == PEERS:
        result.peers = [asyncio.run(peers.trigrams(said)), *asyncio.run(peers.postgresql(said))]
    elif name == APPENDS:
        result.appends = appends.measure(given.turns, given.seconds)
    else:
        result.stores[name] = asyncio.run(stores.measured(name, said))


if __name__ == "__main__":
    main()
