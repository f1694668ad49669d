"""What docs/reference/fleet-performance.md says is what was measured; and the tables and pictures of a trial that measured little."""

from pathlib import Path

from bench import load
from bench.fleet import page, plot, report
from bench.fleet.results import PLACE, Result, Row, read, write

SAID = """sent 100, deliveries 600, other frames 0, failed 0, 600 deliveries/s, 0.1 MB/s, 1.00 messages/read
latency ms p50 2.00 p95 3.00 p99 4.00 max 5.00
own node ms p50 1.50 p95 2.00 p99 3.50 max 4.00
other node ms p50 2.50 p95 3.00 p99 4.50 max 5.00
"""


def test_the_page_has_the_figures_of_the_results() -> None:
    text = page.PAGE.read_text()
    result = read(PLACE)
    if result is None:
        assert "results/fleet" not in text, "figures whose source is not there"
    else:
        assert text == page.filled(text, result), "run: python -m bench.fleet.page"


def some() -> Result:
    result = Result({"measured": "today", "commit": "1234567890", "CPU": "one"})
    for batch, rate in ((1, 180.0), (100, 9_900.0)):
        result.row("appends", {"database": "PostgreSQL", "batch": batch, "rooms": 500}).runs.append(
            {"appends_s": rate, "node_us": 20.0, "database_us": 50.0}
        )
    result.row("stored", {"database": "PostgreSQL", "rate": 5000}).runs.append(
        {"messages_s": 4_990.0, "offered": 5_000.0, "p99": 31.0, "missing": 3.0}
    )
    result.row("elsewhere", {"bus": "Redis", "nodes": 2, "rate": 1000}).runs.append(
        {"offered": 1000.0, "own node p99": 9.0, "other node p50": 5.0, "other node p99": 26.0, "own node p50": 4.0}
    )
    result.row("elsewhere", {"server": "NOTIFY"}).note = "PostgreSQL is not installed"
    result.row("ways", {"sweep": "nodes", "way": "all", "nodes": 2, "rooms": 1000, "rate": 3000}).runs.append(
        {"redis_us": 5.0, "nodes_us": 30.0, "publisher_us": 25.0, "events_s": 3000.0, "lost": 0.25, "others_use": 0.5}
    )
    result.row("core", {"way": "partition", "nodes": 8}).runs.append({"events_core": 900_000.0, "redis_core": 0.4})
    return result


def test_budgets_are_judged() -> None:
    text = report.budgets(some())
    met, missed = (
        [line for line in text.splitlines() if line.endswith(f"| {word} |")] for word in ("met", "**missed**")
    )
    assert ["on PostgreSQL" in line or "one Redis core" in line for line in met] == [True, True]
    assert ["26" in line for line in missed] == [True]


def test_a_sitting_that_was_cut_short_has_its_tables_and_pictures(tmp_path: Path) -> None:
    result = some()
    text = report.tables(result)
    assert "9,900" in text
    assert "3 missing" in text
    assert "- NOTIFY: PostgreSQL is not installed" in text
    assert "25.0%" in text, "what was not heard"
    assert "in 1 of 6 runs others took more" in report.disturbed(result)
    plot.draw(result, tmp_path / "some")
    assert {path.name for path in tmp_path.glob("*.png")} == {f"some-{kind}.png" for kind in report.PICTURES}


def test_figures_are_read_as_they_were_written(tmp_path: Path) -> None:
    result = some()
    write(result, tmp_path / "some")
    assert read(tmp_path / "some") == result
    assert result.value("appends", "appends_s", batch=100) == 9_900.0
    assert Row("appends", {}, [{"a": 1.0}, {"a": 3.0}, {"b": 9.0}]).value("a") == 2.0


def test_the_load_tool_tells_nodes_apart() -> None:
    assert load.parse(SAID).by_node == {
        "own node p50": 1.5, "own node p99": 3.5, "other node p50": 2.5, "other node p99": 4.5,
    }  # fmt: skip
