"""The table of heavy neighbours: what the page of performance says is what was measured, and what does not hold is seen."""

import json
from pathlib import Path
from typing import Any

from bench import heavy_page

MACHINE = {"measured": "2026-11-29 04:00 UTC", "commit": "0123456789"}
QUIETLY = {**MACHINE, "quiet": True}


def side(p99: float, *ratios: float, complete: bool = True, resident: int = 100) -> dict[str, Any]:
    held = {"resident": resident << 20, "files": 40}
    return {
        "p50": p99 / 2, "p99": p99, "p99s": [p99, 1.5 * p99, 1.5 * p99], "ratios": ratios, "count": 400,
        "late": 0.5, "core_use": 0.1, "complete": complete, "flood": {"sent": 5, "closed 4429": 2},
        "before": {"resident": 100 << 20, "files": 40}, "during": 120 << 20, "after": held,
    }  # fmt: skip


RESULT = {
    "machine": MACHINE,
    "runs": {
        "large": {
            "alone": side(2.0),
            "beside": [
                {"sockets": 8, "many": False, **side(2.4, 1.2, 9.0, 0.9)},
                {"sockets": 500, "many": True, **side(2.6, 1.1, 1.3, 1.4)},
            ],
            "rest": {"resident": 105 << 20, "files": 40},
            **QUIETLY,
        },
        "history": {
            "alone": side(4.0),
            "beside": [
                {"sockets": 8, "many": False, **side(4.0, 1.0, complete=False)},
                {"sockets": 500, "many": True, **side(5.0, 1.25, resident=106)},
            ],
            "rest": {"resident": 106 << 20, "files": 40},
            **QUIETLY,
            "quiet": False,
        },
    },
}


def test_what_is_over_the_budget_is_bold_and_counted() -> None:
    part = heavy_page.part(RESULT)
    assert "2 of 4 floods are within the budget" in part
    large, history = (line for line in part.splitlines() if "(`large`)" in line or "(`history`)" in line)
    assert [cell.strip() for cell in large.split("|")[2:5]] == ["1.20", "**1.30**", "100 → 105"], "medians"
    assert [cell.strip() for cell in history.split("|")[2:4]] == ["**1.00**", "1.25"], "messages were lost beside one"
    assert "**100 → 106**" in history
    assert "2026-11-29, 0123456789, 3 × |" in large
    assert "1 ×, beside other work |" in history
    assert "2.0 to 4.0 ms" in part
    assert "by a factor of 1.25 (median)" in part


def test_the_whole_page_has_a_line_for_each_flood() -> None:
    page = heavy_page.page("heavy", MACHINE, RESULT["runs"])  # type: ignore[arg-type]
    lines = [line for line in page.splitlines() if line.startswith(("| frames of", "| pages of"))]
    assert len(lines) == 4
    assert "500, an address each" in lines[1]
    assert "**1.30**" in lines[1]
    assert "**no**" in lines[2]
    assert "**100 → 120 → 106**" in lines[3]
    head = next(line for line in page.splitlines() if line.startswith("| the flood |"))
    assert {line.count("|") for line in lines} == {head.count("|")}


def test_memory_at_rest_is_shown_where_it_was_looked_at() -> None:
    runs = {kind: dict(row) for kind, row in RESULT["runs"].items()}  # type: ignore[attr-defined]
    del runs["large"]["rest"]
    part = heavy_page.part({**RESULT, "runs": runs})
    assert "100 → 105" not in part
    assert "**100 → 106**" in part


def test_the_page_of_performance_is_made_from_the_results(tmp_path: Path) -> None:
    page = heavy_page.PAGE.read_text()
    shown = page.partition(heavy_page.BEGIN)[2].partition(heavy_page.END)[0]
    if heavy_page.PLACE.exists():
        assert shown == heavy_page.part(json.loads(heavy_page.PLACE.read_text()))
    else:
        assert shown.startswith("Not measured yet")
    copy, result = tmp_path / "performance.md", tmp_path / "heavy.json"
    copy.write_text(page)
    result.write_text(json.dumps(RESULT))
    heavy_page.write(copy, result)
    assert copy.read_text() == page.replace(shown, heavy_page.part(RESULT))
