"""Visitors' connections never take all open files of the process."""

import pytest

from madang.node import descriptors


@pytest.mark.parametrize(
    ("limit", "left"), [(1 << 30, (1 << 30) - 200), (65_536, 65_336), (1024, 824), (256, 128), (64, 32)]
)
def test_some_are_kept_back(limit: int, left: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descriptors, "limit", lambda: limit)
    assert descriptors.for_connections() == left
