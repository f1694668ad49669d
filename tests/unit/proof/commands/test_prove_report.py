"""How the verdict of `madang prove` looks where there is no terminal: plain, within 100 columns, nothing left out."""

from pathlib import Path

import pytest

from madang_proof.commands import prove_report
from madang_proof.history import TITLES, Result, Verdict, Violation
from madang_proof.history import records as r
from madang_proof.plan import make_plan
from madang_proof.verdict import Injected, Outcome, Totals

PLAN = make_plan(7, 60, ["kill"])
CONNECTIONS = sum(user.clients for user in PLAN.users)
TOTALS = Totals(
    {"sends": 5012, "acks": 4990, "connections": CONNECTIONS + 12}, {"conflict": 3}, {1006: 12}, {}, 2.2, 10.04
)


def outcome(verdict: Verdict, **more: object) -> Outcome:
    injected = (Injected("kill", "F1", "killed after 214 ms [sic]", 1.2, 1.96, 0.853, False),)
    parts = {"injected": injected, "broken": (), "untried": {"power": "it takes a C compiler (cc)"}, "totals": TOTALS}
    return Outcome(PLAN, Path("madang-prove-7"), verdict, **(parts | more))  # type: ignore[arg-type]


def results(**broken: Violation) -> dict[str, Result]:
    return {name: Result(name, title, 0 if name == "I3" else 9, broken.get(name)) for name, title in TITLES.items()}


def test_what_held_is_said_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    prove_report.show(outcome(Verdict(results())), None, interrupted=False)
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert all(len(line) <= 100 for line in out.splitlines())
    assert "killed after 214 ms [sic]" in out and "0.9 s" in out and "2.0 s" in out
    assert "cannot be tried here: it takes a C compiler (cc)" in out
    assert all(f"\n{name} " in out for name in TITLES) and out.count("not touched") == 1
    assert "5,012 sends, 4,990 acks (outside of faults p50 2 ms, p99 10 ms)" in out and "12 reconnects" in out
    assert "Every invariant held." in out
    assert "madang prove --seconds 60 --seed 7 --faults kill --evidence madang-prove-7-again" in out


def test_what_was_broken_is_shown_with_its_records(capsys: pytest.CaptureFixture[str]) -> None:
    page = r.Page(5, 4, "Mina", "lobby", [r.Message(n, str(n), "u1", "x" * 50) for n in range(1, 50)])
    violation = Violation("I1", "Seq 3 of lobby is gone.", [(12, r.Ok(1, 1, 3)), (99, page)])
    verdict = Verdict(results(I1=violation), 100, "I1")
    prove_report.show(outcome(verdict, broken=("power: it did not start:\nline\nline",)), "ws://x/ws", interrupted=True)
    out = capsys.readouterr().out
    assert "violated" in out and "I1 Seq 3 of lobby is gone." in out and "12  " in out and "99  " in out
    assert len(out) < 5000, "a record is shown as far as it is worth reading"
    assert "power: it did not start: (all of it in verdict.json)" in out
    assert "Not proven." in out and "--url ws://x/ws" in out and "interruption" not in out
