"""A SQLite file that cannot be used is let go of: no descriptor of it stays open, and nothing half made beside it."""

import gc
import os
from pathlib import Path

import pytest

from madang.adapters.sql import migrations
from madang.adapters.sql.sqlite_writer import Writer
from madang.errors import SetupError


def held(path: Path) -> list[str]:
    """Return what this process has open of a file: itself, its lock, its journals."""
    links = []
    for each in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(each))
        except FileNotFoundError:  # the listing's own
            continue
    return [link for link in links if link.startswith(str(path))]


def refused(writer: Writer) -> SetupError:
    try:
        with pytest.raises(SetupError) as error:
            writer.open()
    finally:
        writer.close()
    return error.value


def test_a_file_that_is_no_database_is_let_go_of(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    path.write_bytes(b"not a database at all" * 100)
    gc.collect()
    error = refused(Writer(path))
    assert held(path) == []
    assert "cannot be used" in error.problem


def test_a_file_of_a_newer_version_is_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.db"

    def newer(c: object) -> None:
        raise SetupError("The database was written by a newer Madang.", "Use that version.")

    monkeypatch.setattr(migrations, "upgrade", newer)
    error = refused(Writer(path))
    assert held(path) == []
    assert "newer" in error.problem
