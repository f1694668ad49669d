"""`python -m madang_proof.history FILE`: check a history that a client wrote, and print the verdict.

Exit status 0 if every invariant held, 1 if one was violated, 2 if the file is not a history.
"""

import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from madang_proof.history.checker import check
from madang_proof.history.records import HistoryError
from madang_proof.history.verdict import Verdict

BIG: Final = 32 << 20  # bytes: a second or two; below that a bar would only flicker
USAGE: Final = "usage: python -m madang_proof.history FILE"


def table(verdict: Verdict) -> Table:
    """Show a verdict: one row per invariant; what nothing touched is neither held nor violated."""
    shown = Table(box=None, pad_edge=False)
    shown.add_column("")
    shown.add_column("invariant")
    shown.add_column("facts", justify="right", no_wrap=True)
    shown.add_column("verdict", no_wrap=True)
    for name, result in verdict.results.items():
        if result.violation:
            said, style = "violated", "red"
        elif result.checked:
            said, style = "held", "green"
        else:
            said, style = "not touched", "dim"
        note = f"\n  [dim]{result.note}[/]" if result.note else ""
        shown.add_row(name, result.title + note, f"{result.checked:,}", f"[{style}]{said}[/]")
    return shown


def _judge(path: Path, console: Console) -> Verdict:
    size = path.stat().st_size
    if size < BIG or not console.is_terminal:
        return check(path)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(f"Checking {path.name}", total=_lines(path))
        return check(path, lambda records: bar.update(task, completed=records))


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 22), b""))


def main(argv: list[str]) -> int:
    """Run the command, and return the exit status."""
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    if not console.is_terminal:
        console.width = 120
    if len(argv) != 1 or argv[0].startswith("-"):
        errors.print(USAGE)
        return 0 if argv in (["-h"], ["--help"]) else 2
    path = Path(argv[0])
    try:
        verdict = _judge(path, errors)
    except (OSError, HistoryError) as error:
        what = error.strerror if isinstance(error, OSError) else error
        errors.print(f"{path.name} is not a readable history: {what}", markup=False, soft_wrap=True)
        return 2
    console.print(table(verdict))
    if violation := verdict.violation:
        console.print()
        console.print(str(violation), markup=False, soft_wrap=True)
    touched = sum(result.checked > 0 for result in verdict.results.values())
    said = "Every invariant held" if verdict.held else "Not every invariant held"
    console.print(f"\n{said}: {verdict.records:,} records, {touched} of {len(verdict.results)} invariants touched.")
    return 0 if verdict.held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
