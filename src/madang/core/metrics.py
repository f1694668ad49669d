"""Metrics: what a part of the node counts, with a name and a help text. The admin app writes them as text."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple


class Metric(NamedTuple):
    """One number to watch, as of now.

    Attributes:
        name: as Prometheus knows it, without the `_total` of a counter.
        label: name and value of its only label, where several metrics share a name.
        buckets: of a histogram, the upper bound of each bucket and how many observations are at or below it; `value` is
            then the sum of all observations.
    """

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    value: float
    label: tuple[str, str] | None = None
    buckets: Sequence[tuple[float, int]] = ()


def counters(counted: object, described: Mapping[str, tuple[str, str]]) -> list[Metric]:
    """Return counters that are fields of an object.

    Args:
        described: name and help of each metric, by field.
    """
    return [Metric("counter", name, text, getattr(counted, field)) for field, (name, text) in described.items()]
