"""What was measured of search: the page says what the results have, a run goes on with them, and what is over its budget is seen."""

from pathlib import Path

import pytest

from bench.search import report, results
from bench.search.appends import Turn
from bench.search.peers import Peer
from bench.search.results import Result
from bench.search.stores import Measured

MACHINE = {"measured": "2026-11-29 04:00 UTC", "commit": "0123456789", "CPU": "two cores"}


def result() -> Result:
    times = {"a small room": [1.0, 2.0], "a large room": [3.0, 30.0], "300 rooms": [10.0, 60.1]}
    return Result(
        MACHINE,
        1_000_000,
        {"MariaDB": Measured("MariaDB", 1_000_000, 300.0, 600.0, {"phrase": times}, wrong=1)},
        [Peer("SQLite trigram", {"phrase": 0.5}, {"phrase": [1.0]})],
        [Turn(True, 900, 12.0, 90), Turn(False, 1_000, 10.0, 80)],
    )


def test_what_is_over_its_budget_or_wrong_is_bold() -> None:
    part = report.part(result())
    assert "| MariaDB | 2.0 | 30.0 | **60.1** | 300 | 600 | **1** |" in part
    assert "MariaDB 30, 30 and 60 ms" in part and "SQLite 5" not in part
    assert "0.90 of them a second" in part and "1.20 of the p99" in part


def test_the_tables_have_all_that_was_measured() -> None:
    text = "\n".join(report.lines(result()))
    assert "| phrase | 1.5 / 2.0 | 16.5 / 30.0 | 35.0 / 60.1 |" in text
    assert "| phrase | 50%; 1.0 / 1.0 |" in text and "| on | 900 | 12.0 | 90 |" in text


def test_a_run_goes_on_with_what_was_measured(tmp_path: Path) -> None:
    assert results.read(tmp_path / "search.json") is None
    results.write(result(), tmp_path / "search.json")
    assert results.read(tmp_path / "search.json") == result()


def test_the_page_is_made_from_the_results(tmp_path: Path) -> None:
    page = report.PAGE.read_text()
    shown = page.partition(report.BEGIN)[2].partition(report.END)[0]
    measured = results.read(results.place(results.NAME).with_suffix(".json"))
    if measured is not None:
        assert shown == report.part(measured), "run: python -m bench.search.report"
    else:
        assert shown.startswith("Not measured yet")
    copy, path = tmp_path / "search.md", tmp_path / "search.json"
    copy.write_text(page)
    results.write(result(), path)
    report.write(copy, path)
    assert copy.read_text() == page.replace(shown, report.part(result()))


def test_without_a_store_the_page_is_left_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no store"):
        report.write(tmp_path / "search.md", tmp_path / "search.json")
