"""What parts count is shown as they name it; the lag of the event loop, as the timing wheel shows it."""

import asyncio

import pytest

from madang.core.metrics import Metric
from madang.transports.admin.metrics import Lateness, Metrics
from madang.transports.node import Node, Part


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
def test_by_how_much_the_loop_is_late(turns: list[float], lags: list[float]) -> None:
    lateness = Lateness(0.0)
    assert [lateness.at(now) for now in turns] == pytest.approx(lags)


async def test_what_a_part_counts_is_shown_without_another_word(node: Node) -> None:
    counted = [
        Metric("counter", "papers", "Papers written.", 3, ("kind", "rolling")),
        Metric("counter", "papers", "Papers written.", 4, ("kind", "flat")),
        Metric("gauge", "pens", "Pens in use.", 2.5),
        Metric("histogram", "pages", "Pages of a paper.", 12, buckets=[(1.0, 1), (8.0, 3)]),
    ]
    node.parts = [*node.parts, Part("papers", metrics=lambda: counted)]
    text = (await asyncio.to_thread(Metrics(node).text)).decode()  # those of the process are read from /proc
    for line in (
        "# HELP papers_total Papers written.",
        'papers_total{kind="rolling"} 3.0',
        'papers_total{kind="flat"} 4.0',
        "# TYPE pens gauge",
        "pens 2.5",
        'pages_bucket{le="1.0"} 1.0',
        'pages_bucket{le="+Inf"} 3.0',
        "pages_sum 12.0",
        "pages_count 3.0",
    ):
        assert line in text.splitlines()


async def test_every_metric_of_a_node_has_a_help_text_and_one_owner(node: Node) -> None:
    owners: dict[str, str] = {}
    for part in node.parts:
        for metric in part.metrics():
            assert metric.help.endswith("."), metric
            assert owners.setdefault(metric.name, part.name) == part.name
