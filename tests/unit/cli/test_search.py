"""`madang search rebuild`: what it says while it waits."""

from collections.abc import Callable
from typing import Any

import pytest

from madang.cli import admin_client, search


def test_without_a_terminal_it_says_why_it_waits_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    index = {
        "there": True, "rooms": 1, "messages": 2, "behind": 0, "lag_s": 0.0, "walked": True, "making": True,
        "made_rooms": 0, "made_messages": 0, "waits": "",
    }  # fmt: skip
    answers = [index, {**index, "waits": "So."}, {**index, "waits": "So."}, index, {**index, "making": False}]

    def watch(settings: object, method: str, path: str, again: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        return next(answer for answer in answers if not again(answer))

    monkeypatch.setattr(admin_client, "watch", watch)
    search.rebuild()
    told = capsys.readouterr()
    assert told.err == "So.\n" and told.out.startswith("2 messages of 1 rooms are in the index.\n")


def test_the_status_says_why_a_new_one_waits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    index = {"there": True, "rooms": 1, "messages": 2, "behind": 0, "walked": True, "making": True, "made_messages": 0}
    monkeypatch.setattr(admin_client, "ask", lambda *arguments: {**index, "waits": "So."})
    search.status()
    assert "So.\n" in capsys.readouterr().out
