"""A history with a fault, and histories as files."""

from pathlib import Path

from madang_proof.history import HistoryWriter, Record
from madang_proof.history import records as r
from tests.unit.proof.history.model_server import ModelServer


def mutated() -> list[Record]:
    """Return a history with one delivery missing."""
    records = ModelServer(4, users=4).run(300)
    at = next(i for i, x in enumerate(records) if i > 100 and isinstance(x, r.Event) and x.via == "live")
    return records[:at] + records[at + 1 :]


def write(path: Path, records: list[Record]) -> Path:
    writer = HistoryWriter(path)
    for record in records:
        writer.write(record)
    writer.close()
    return path
