"""The lag of the event loop, as the timing wheel shows it. What else is exposed is tested on a real server."""

import pytest

from madang.transports.admin.metrics import Lateness


@pytest.mark.parametrize(
    ("turns", "lags"),
    [
        ([1.0, 2.0, 3.0], [0, 0, 0]),
        ([1.0, 2.25, 3.0], [0, 0.25, 0]),
        ([1.0, 5.0, 5.0, 5.0, 5.0, 6.0], [0, 3, 2, 1, 0, 0]),  # a stall: the wheel makes up for missed turns
        ([1.5, 2.0, 3.0], [0.5, 0, 0]),  # late from the start on
        ([0.9, 1.9], [0, 0]),  # the wheel's second is not ours
    ],
)
def test_lateness(turns: list[float], lags: list[float]) -> None:
    lateness = Lateness(0.0)
    assert [lateness.at(now) for now in turns] == pytest.approx(lags)
