"""The verdict of a run: what the checker says of its history, what the faults did, and the totals.

It is made here and kept as verdict.json; how it looks in a terminal is in `commands/prove_report.py`.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from madang.codes import CLOSES
from madang.errors import SetupError
from madang_proof.history import HistoryError, Verdict, check
from madang_proof.load.recorder import Recorder
from madang_proof.plan import Plan

NEVER: Final = frozenset(
    {1002, 1003, 1007, 1008, 1009, 1011, 4400, 4401, 4410}
)  # close codes that a correct client never deserves
UNAUTHORISED: Final = 4401  # also how the connections of a session end that its user has ended
MUCH: Final = 0.25  # share of sends refused for their rate from which on a note is due
Report = Callable[[str, float, Recorder], None]
"""Called periodically with what is going on, the share that is done, and the counts so far."""


class Injected(msgspec.Struct, frozen=True):
    """A fault that was injected.

    `held_s`: until the server answered again; `back_s`: from then until all clients were back; `silence_s`: the longest
    time meanwhile without any ack.
    """

    fault: str
    number: str
    note: str
    held_s: float
    back_s: float
    silence_s: float
    broken: bool


class Totals(msgspec.Struct, frozen=True):
    """What the load did. Latencies are of acks outside of faults, in milliseconds; None where there were none."""

    counted: dict[str, int]
    refusals: dict[str, int]
    closes: dict[int, int]
    anomalies: dict[str, int]
    p50_ms: float | None
    p99_ms: float | None


class Outcome(msgspec.Struct, frozen=True):
    """The whole result of a run.

    Attributes:
        broken: expectations beside the invariants that did not come true.
        untried: faults that cannot be tried on this machine, with the reason.
        notes: what the reader should know of the run itself.
        left: what the run has left on somebody else's server.
    """

    plan: Plan
    folder: Path
    verdict: Verdict
    injected: tuple[Injected, ...]
    broken: tuple[str, ...]
    untried: dict[str, str]
    totals: Totals
    notes: tuple[str, ...] = ()
    left: str = ""

    @property
    def held(self) -> bool:
        """Whether every invariant held, and every other expectation."""
        return self.verdict.held and not self.broken


class RunProgress(msgspec.Struct):
    """What is found out during a run, beside the history."""

    injected: list[Injected] = []
    broken: list[str] = []
    untried: dict[str, str] = {}
    notes: list[str] = []
    left: str = ""


async def judge(plan: Plan, folder: Path, recorder: Recorder, progress: RunProgress, report: Report | None) -> Outcome:
    """Check the history, and keep the outcome as verdict.json.

    Raises:
        SetupError: the history contradicts itself, which is a bug in the recorder and says nothing about the server.
    """
    loop = asyncio.get_running_loop()

    def checked(done: int) -> None:
        if report is not None:
            loop.call_soon_threadsafe(report, "the history is checked", done / max(1, recorder.noted), recorder)

    checked(0)
    try:
        verdict = await asyncio.to_thread(check, folder / "history.jsonl", checked)
    except HistoryError as error:
        raise SetupError(f"The history cannot be judged: {error}.", f"Please report it, with {folder}.") from None
    outcome = Outcome(
        plan, folder, verdict, tuple(progress.injected), (*progress.broken, *_anomalies(recorder)), progress.untried, _totals(recorder),
        (*progress.notes, *_notes(recorder)), progress.left,
    )  # fmt: skip
    await asyncio.to_thread(_write, outcome)
    return outcome


def _notes(recorder: Recorder) -> list[str]:
    slowed = recorder.refusals["rate_limited"] + recorder.refusals["slow_mode"]
    sends = recorder.counted["sends"]
    if slowed <= MUCH * sends:
        return []
    return [
        f"{slowed:,} commands beside {sends:,} sends were refused as too fast: the server's limits kept the load small."
    ]


def _anomalies(recorder: Recorder) -> list[str]:
    found = [f"{what} ({times} times)." for what, times in recorder.anomalies.items()]
    if times := recorder.refusals["internal"]:
        found.append(f"{times} commands were answered `internal`: a bug in the server.")
    never = sorted(NEVER & set(recorder.closes))
    if recorder.closes[UNAUTHORISED] <= recorder.counted["closes by sign-out, at most"]:
        never = [code for code in never if code != UNAUTHORISED]
    return found + [
        f"{recorder.closes[code]} connections were closed with {code}, {CLOSES[code].name}." for code in never
    ]


def _totals(recorder: Recorder) -> Totals:
    latencies = sorted(recorder.latencies)

    def share(part: float) -> float | None:
        return latencies[int(part * (len(latencies) - 1))] / 1000 if latencies else None

    return Totals(
        dict(sorted(recorder.counted.items())), dict(sorted(recorder.refusals.items())),
        dict(sorted(recorder.closes.items())), dict(sorted(recorder.anomalies.items())), share(0.5), share(0.99),
    )  # fmt: skip


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as plain data, as in verdict.json and for `--json`."""
    results = outcome.verdict.results.values()
    return {
        "held": outcome.held,
        "seed": outcome.plan.seed,
        "seconds": outcome.plan.seconds,
        "evidence": str(outcome.folder),
        "records": outcome.verdict.records,
        "invariants": [
            {
                "invariant": result.invariant,
                "title": result.title,
                "checked": result.checked,
                "held": result.violation is None,
                "first": result.violation is outcome.verdict.violation is not None,
                "note": result.note,
                "violation": None if result.violation is None else {
                    "message": result.violation.message,
                    "records": [
                        {"line": line, "record": msgspec.to_builtins(record)}
                        for line, record in result.violation.records
                    ],
                },
            }
            for result in results
        ],
        "broken": list(outcome.broken),
        "untried": outcome.untried,
        "notes": list(outcome.notes),
        "left": outcome.left,
        "faults": msgspec.to_builtins(outcome.injected),
        "totals": msgspec.to_builtins(outcome.totals),
    }  # fmt: skip


def _write(outcome: Outcome) -> None:
    text = json.dumps(as_json(outcome), indent=1, ensure_ascii=False)
    (outcome.folder / "verdict.json").write_text(text + "\n", encoding="utf-8")
