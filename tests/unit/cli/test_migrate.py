"""How a copy says how far it is, where no bar can."""

import pytest

from madang.cli import migrate
from madang.cli.migrate import Pace


def test_lines_say_how_far_it_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    with migrate.progress_shown(quiet=False) as tell:
        tell("copying rooms", 500, 10_000)
        now += migrate.LINE_SECONDS / 2
        tell("copying rooms", 1_000, 10_000)
        now += migrate.LINE_SECONDS / 2
        tell("copying events", 4_500, 10_000)
    assert capsys.readouterr() == ("copying events: 4,500 of 10,000 rows, 400 rows/s\n", "")


def test_quiet_says_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(migrate, "LINE_SECONDS", 0.0)
    with migrate.progress_shown(quiet=True) as tell:
        tell("copying rooms", 500, 10_000)
    assert capsys.readouterr() == ("", "")


def test_comparing_has_a_pace_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    pace = Pace()
    assert pace.at("copying events", 9_000) == 0.0, "an earlier run did these"
    now = 2.0
    assert pace.at("copying mentions", 9_500) == 250.0
    assert pace.at("comparing rooms", 500) == 0.0
    now = 3.0
    assert pace.at("comparing rooms", 1_500) == 1_000.0
