"""What /metrics shows, in Prometheus' text format. docs/reference/metrics.md describes every name; a test holds it to this.

It is read when it is requested, from what the node's parts count anyway: each names its own metrics (`Part.metrics`). Only
the lag of the event loop is observed as time goes by: once a second, by the timing wheel.
"""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client import core as families
from prometheus_client.registry import Collector

from madang import __version__
from madang.core.metrics import Metric
from madang.transports.node import Node

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_LAG_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Lateness:
    """How late something comes that is due every second, whenever its first second began."""

    def __init__(self, now: float) -> None:
        self._due = now + 1

    def at(self, now: float) -> float:
        """Return how late it comes now."""
        self._due = min(self._due, now)
        late = now - self._due
        self._due += 1
        return late


class Metrics:
    """One node's metrics."""

    def __init__(self, node: Node) -> None:
        # Otherwise every histogram comes with a second name, for when it was made.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._registry.register(_Node(node))
        ProcessCollector(registry=self._registry)
        self._lag = Histogram(
            "madang_loop_lag_seconds", "How late the event loop came to what was due; observed once a second.",
            buckets=_LAG_BUCKETS, registry=self._registry,
        )  # fmt: skip
        lateness = Lateness(node.turns.time())

        def turn() -> float:
            self._lag.observe(lateness.at(node.turns.time()))
            return 1.0

        node.wheel.add(turn, 1)

    def text(self) -> bytes:
        """Return all metrics as they stand."""
        return generate_latest(self._registry)


class _Node(Collector):
    """Reads what the node's parts have counted."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._loop = asyncio.get_running_loop()

    def collect(self) -> Iterator[families.Metric]:
        """Return the node's metrics (called by the registry)."""
        yield families.InfoMetricFamily("madang", "Version of this node.", {"version": __version__})
        yield families.GaugeMetricFamily("madang_tasks", "Tasks of the event loop.", len(asyncio.all_tasks(self._loop)))
        counted = [metric for part in self._node.parts for metric in part.metrics()]
        for _, metrics in groupby(counted, key=lambda metric: metric.name):
            yield _family(list(metrics))


def _family(metrics: Sequence[Metric]) -> families.Metric:
    """Return metrics of one name as the client library has them; they differ in their labels."""
    first = metrics[0]
    if first.kind == "histogram":
        buckets = [(str(bound), float(count)) for bound, count in first.buckets]
        histogram = families.HistogramMetricFamily(first.name, first.help)
        histogram.add_metric([], [*buckets, ("+Inf", buckets[-1][1])], first.value)
        return histogram
    labels = [] if first.label is None else [first.label[0]]
    kind = families.CounterMetricFamily if first.kind == "counter" else families.GaugeMetricFamily
    family = kind(first.name, first.help, labels=labels)
    for metric in metrics:
        family.add_metric([] if metric.label is None else [metric.label[1]], metric.value)
    return family
