"""What the databases bring themselves, over the same corpus: SQLite's trigrams, PostgreSQL's pg_trgm and tsvector.

Of each class of queries: what share of a scan's hits each finds in somebody's 300 rooms, and the milliseconds of a page there.
"""

import sqlite3
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Final

import asyncpg
import msgspec

from bench.search.corpus import OWN, Corpus, Said, classes, own, scanned
from bench.search.stores import PAGE, TRIES
from madang.core.search import parsed
from tests.servers import run_postgres

GIVEN_UP_S: Final = 5.0
Ask = Callable[[str, int], Awaitable[list[int] | None]]
"""Returns the ids of messages in the 300 rooms, up to a number, the newest first; None where it takes too long."""


class Peer(msgspec.Struct):
    """Of each class the share that is found, and the milliseconds of each query."""

    name: str
    shares: dict[str, float]
    queries: dict[str, list[float]]


def _needles(q: str) -> list[str]:
    return [needle.text for needle in parsed(q).needles]


async def trigrams(said: list[Said]) -> Peer:
    """SQLite's own trigram tokenizer."""
    c = sqlite3.connect(":memory:")
    c.execute("CREATE TABLE m (id INTEGER PRIMARY KEY, room INTEGER)")
    c.execute("CREATE VIRTUAL TABLE t USING fts5(text, content='', tokenize='trigram')")
    c.executemany("INSERT INTO m VALUES (?, ?)", ((each.id, each.room) for each in said))
    c.executemany("INSERT INTO t(rowid, text) VALUES (?, ?)", ((each.id, each.folded) for each in said))

    async def ask(q: str, limit: int) -> list[int]:
        match = " AND ".join('"' + text.replace('"', '""') + '"' for text in _needles(q))
        sql = "SELECT m.id FROM t JOIN m ON m.id = t.rowid WHERE t MATCH ? AND m.room < ? ORDER BY t.rowid DESC LIMIT ?"
        return [id for (id,) in c.execute(sql, (match, OWN, limit))]

    found = await _measured("SQLite trigram", said, ask)
    c.close()
    return found


async def postgresql(said: list[Said]) -> list[Peer]:
    """PostgreSQL's pg_trgm, and tsvector with the simple configuration."""
    with run_postgres(fsync=False) as server:
        c = await asyncpg.connect(server.url())
        await c.execute("CREATE EXTENSION pg_trgm; CREATE TABLE m (id bigint PRIMARY KEY, room int, folded text)")
        rows = [(each.id, each.room, each.folded) for each in said]
        await c.copy_records_to_table("m", records=rows, columns=["id", "room", "folded"])
        await c.execute("CREATE INDEX m_trgm ON m USING gin (folded gin_trgm_ops)", timeout=900)
        await c.execute("CREATE INDEX m_words ON m USING gin (to_tsvector('simple', folded))", timeout=900)
        await c.execute("ANALYZE m")

        def asked(condition: Callable[[int], str], value: Callable[[str], str]) -> Ask:
            async def ask(q: str, limit: int) -> list[int] | None:
                values = [value(text) for text in _needles(q)]
                where = " AND ".join(condition(n + 3) for n in range(len(values)))
                sql = f"SELECT id FROM m WHERE {where} AND room < $1 ORDER BY id DESC LIMIT $2"
                try:
                    return [row["id"] for row in await c.fetch(sql, OWN, limit, *values, timeout=GIVEN_UP_S)]
                except TimeoutError:
                    return None

            return ask

        def pattern(text: str) -> str:
            return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"

        trgm = asked(lambda n: f"folded LIKE ${n}", pattern)
        words = asked(lambda n: f"to_tsvector('simple', folded) @@ phraseto_tsquery('simple', ${n})", lambda text: text)
        found = [
            await _measured("pg_trgm (LIKE)", said, trgm),
            await _measured("tsvector (simple)", said, words),
        ]
        await c.close()
        return found


async def _measured(name: str, said: list[Said], ask: Ask) -> Peer:
    peer, mine = Peer(name, {}, {}), own(said)
    for kind, queries in classes(Corpus()).items():
        right = found = 0
        times = []
        for q in queries:
            expected = set(scanned(mine, parsed(q)))
            right += len(expected)
            found += len(expected & set(await ask(q, 1 << 30) or ()))
            times.append(min([await _timed(ask, q) for _ in range(TRIES)]))
        peer.shares[kind] = found / right if right else 1.0
        peer.queries[kind] = times
        print(
            f"{name}: {kind}: {peer.shares[kind]:.0%}, {statistics.median(times):.1f} / {max(times):.1f} ms", flush=True
        )
    return peer


async def _timed(ask: Ask, q: str) -> float:
    began = time.perf_counter()
    await ask(q, PAGE)
    return (time.perf_counter() - began) * 1000


def table(peers: list[Peer]) -> list[str]:
    """Return the lines of a report."""
    if not peers:
        return []
    rows = [
        f"| {kind} | "
        + " | ".join(
            f"{peer.shares[kind]:.0%}; {statistics.median(peer.queries[kind]):.1f} / {max(peer.queries[kind]):.1f}"
            for peer in peers
        )
        + " |"
        for kind in peers[0].shares
    ]
    head = f"| found of what a scan finds; ms, median / slowest | {' | '.join(peer.name for peer in peers)} |"
    return ["", "## What databases bring themselves, in 300 rooms", "", head, "|---" * (len(peers) + 1) + "|", *rows]
