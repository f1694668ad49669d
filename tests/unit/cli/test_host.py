"""A private file is written whole, or not at all."""

from pathlib import Path

import pytest

from madang.cli.host import write_private


def test_a_private_file_is_its_owners_alone_and_replaces_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "note.json"
    for text in ("first", "second"):
        write_private(file, text)
        assert file.read_text() == text
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_what_cannot_be_written_leaves_the_file_before_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "note.json"
    write_private(file, "first")
    with pytest.raises(UnicodeEncodeError):
        write_private(file, "second \udcff")
    assert file.read_text() == "first"
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_private(tmp_path / "folder", "second")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["folder", "note.json"]
