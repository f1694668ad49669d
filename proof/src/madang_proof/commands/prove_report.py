"""What `madang prove` shows: a bar while it runs, then the faults, the invariants and the verdict.

It fits 100 columns; without a terminal it is plain text, without a bar.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from madang_proof.faults import FAULTS
from madang_proof.history import Result, Violation
from madang_proof.load.recorder import Recorder
from madang_proof.load.socketio import RECOVERED
from madang_proof.testbed.testbed import Fleet
from madang_proof.verdict import Outcome

WIDTH: Final = 100
RECORD: Final = 400  # characters of a record; verdict.json has all of it
TITLE: Final = 40  # characters of what is going on


class Bar(Protocol):
    """Called with what is going on, the share that is done, and the counts so far."""

    def __call__(self, doing: str, share: float, recorder: Recorder) -> None: ...


@contextmanager
def bar(*, quiet: bool) -> Iterator[Bar]:
    """Show a progress bar on a terminal, and nothing elsewhere."""
    console = Console(stderr=True, width=_width(sys.stderr.isatty()))
    columns = (
        BarColumn(bar_width=20), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(),
        TextColumn("{task.description}"), TextColumn("[dim]{task.fields[rates]}"),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
        task = progress.add_task("the server starts", total=1.0, rates="")
        before = [0.0, 0, 0]

        def report(doing: str, share: float, recorder: Recorder) -> None:
            sends, deliveries = recorder.counted["sends"], recorder.counted["deliveries"]
            elapsed = progress.tasks[0].elapsed or 0.0
            rates = progress.tasks[0].fields["rates"]
            if elapsed - before[0] >= 1:
                passed = elapsed - before[0]
                sent, delivered = (sends - before[1]) / passed, (deliveries - before[2]) / passed
                rates = f"{sent:.0f} sends/s, {delivered:.0f} deliveries/s" if sent or delivered else ""
                before[:] = elapsed, sends, deliveries
            progress.update(task, completed=share, description=_clipped(doing, TITLE), rates=rates)

        yield report


def show(outcome: Outcome, url: str | None, fleet: Fleet | None = None, *, interrupted: bool) -> None:
    """Print the verdict."""
    console = Console(width=_width(sys.stdout.isatty()), highlight=False)
    plan = outcome.plan
    connections = sum(user.clients for user in plan.users)
    console.print(
        f"\n[bold]madang prove[/]  seed {plan.seed}, {plan.seconds:g} s, {len(plan.users)} users on {connections} "
        f"connections in {len(plan.rooms)} rooms" + (f" on {fleet.nodes} nodes" if fleet else "")
    )
    if outcome.injected or outcome.untried:
        console.print()
        console.print(_faults(outcome))
    console.print()
    console.print(_invariants(list(outcome.verdict.results.values())))
    console.print()
    console.print(Text(_totals(outcome), style="dim"))
    for note in outcome.notes:
        console.print(f"\n[yellow]Note[/]  {escape(note)}")
    for sentence in outcome.broken:
        first, *rest = sentence.splitlines()
        console.print(f"\n[red]Broken[/]  {escape(first)}{' [dim](all of it in verdict.json)[/]' if rest else ''}")
    if outcome.verdict.violation is not None:
        console.print(_violation(outcome.verdict.violation))
    console.print(
        _end(outcome, url, fleet, interrupted=interrupted), soft_wrap=True
    )  # so that the command can be copied


def _faults(outcome: Outcome) -> Table:
    table = Table(
        "fault", "", "what was done", box=None, padding=(0, 2, 0, 0), title_justify="left", header_style="dim"
    )
    table.add_column("no ack for", justify="right")
    table.add_column("all back after", justify="right")
    for fault in outcome.injected:
        style = "red" if fault.broken else "green"
        table.add_row(
            f"[{style}]{fault.number}[/]",
            fault.fault,
            escape(fault.note),
            f"{fault.silence_s:.1f} s",
            f"{fault.back_s:.1f} s",
        )
    for name, reason in outcome.untried.items():
        table.add_row(f"[dim]{FAULTS[name].number}[/]", name, f"[dim]cannot be tried here: {escape(reason)}[/]", "", "")
    return table


def _invariants(results: list[Result]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    table.add_column("what is promised")
    table.add_column("facts", justify="right")
    table.add_column("")
    for result in results:
        said = "[red]violated[/]" if result.violation else "[green]held[/]" if result.checked else "[dim]not touched[/]"
        title = escape(result.title) + (f" [dim]({escape(result.note)})[/]" if result.note else "")
        table.add_row(result.invariant, title, f"{result.checked:,}", said)
    return table


def _totals(outcome: Outcome) -> str:
    counted = outcome.totals.counted
    reconnects = counted.get("connections", 0) - sum(user.clients for user in outcome.plan.users)
    parts = [f"{counted.get('sends', 0):,} sends", f"{counted.get('acks', 0):,} acks"]
    if outcome.totals.p50_ms is not None and outcome.totals.p99_ms is not None:
        parts[-1] += f" (outside of faults p50 {outcome.totals.p50_ms:.0f} ms, p99 {outcome.totals.p99_ms:.0f} ms)"
    parts += [
        f"{counted.get('unknown', 0):,} unknown", f"{counted.get('duplicates', 0):,} repeats recognised",
        f"{counted.get('deliveries', 0):,} deliveries", f"{max(0, reconnects):,} reconnects",
        f"{counted.get(RECOVERED, 0):,} of them by Socket.IO's recovery",
        f"{counted.get('pages', 0):,} pages of history",
    ]  # fmt: skip
    refused = ", ".join(f"{code} {count:,}" for code, count in outcome.totals.refusals.items())
    return ", ".join(parts) + "." + (f" Refused: {refused}." if refused else "")


def _violation(violation: Violation) -> Text:
    lines = [
        f"{line:>9}  {_clipped(msgspec.json.encode(record).decode(), RECORD)}" for line, record in violation.records
    ]
    text = Text(f"\n{violation.invariant} ", style="bold red")
    text.append(violation.message + "\n", style="default not bold")
    text.append("     line  history.jsonl\n" + "\n".join(lines), style="dim not bold")
    return text


def _end(outcome: Outcome, url: str | None, fleet: Fleet | None, *, interrupted: bool) -> Text:
    text = Text("\n")
    if outcome.held:
        text.append("Every invariant held", style="bold green")
        text.append(" until the interruption." if interrupted else ".")
    else:
        text.append("Not proven.", style="bold red")
    text.append(f"\n\nEvidence  {outcome.folder}")
    text.append(f"\nAgain     {_again(outcome, url, fleet)}")
    if outcome.left:
        text.append(f"\nLeft      {outcome.left}")
    return text


def _again(outcome: Outcome, url: str | None, fleet: Fleet | None) -> str:
    plan = outcome.plan
    faults = ",".join(dict.fromkeys(plan.faults))
    what = f"--url {url}" if url else f"--faults {faults}" if faults else "--no-faults"
    if fleet:  # the URLs may contain passwords, and the database is no longer empty
        what = f"--nodes {fleet.nodes} --database … --bus … {what}"
    return f"madang prove --seconds {plan.seconds:g} --seed {plan.seed} {what} --evidence {outcome.folder}-again"


def _clipped(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _width(terminal: bool) -> int | None:
    return None if terminal else WIDTH
