"""What /metrics shows, in Prometheus' text format. docs/reference/metrics.md describes every name; a test holds it to this.

All of it is read when it is asked for, from counters that parts keep anyway. Only the lag of the event loop is
observed as time goes by: once a second, by the timing wheel.
"""

from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector, disable_created_metrics, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from madang import __version__
from madang.services.appender import Statistics
from madang.transports.node import Node

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_LAG_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

_EVENTS: Final = {
    "madang_events": ("events", "Events accepted into rooms that are live on this node."),
    "madang_deliveries": ("deliveries", "Event frames handed to sockets."),
    "madang_writes": ("writes", "Calls that wrote events to a socket."),
    "madang_bus_duplicates": ("duplicates", "Events that the bus brought again."),
    "madang_gaps": ("gaps", "Holes in a room's events that were filled from the log."),
    "madang_log_checks": ("checks", "Times all live rooms were compared with the log."),
    "madang_log_reads": ("log_reads", "Calls that read events of live rooms from the log."),
    "madang_lagging": ("lagging", "Times a socket was over its byte budget."),
    "madang_resets": ("resets", "Times a socket was too far behind to catch up event by event."),
    "madang_ephemeral_dropped": ("ephemeral_dropped", "Notices of typing, reading and presence left out under load."),
}
"""Counters of delivery: name, field of its statistics, help."""

_BUS: Final = {
    "madang_bus_published": ("published", "Events given to the bus."),
    "madang_bus_envelopes": ("envelopes", "Messages that events and signals went out in."),
    "madang_bus_received": ("received", "Events of this node's rooms that came from other nodes."),
    "madang_bus_dropped": ("dropped", "Events and signals not sent: too many waited, or sending them failed."),
    "madang_bus_refused": ("refused", "Messages on the bus that are not of this installation."),
    "madang_bus_failures": ("failures", "Connections to the bus lost, and probes that did not come back."),
}
"""Counters of the bus: name, field of its statistics, help."""

_HEARTBEAT: Final = {
    "madang_heartbeats": ("sent", "Heartbeats sent to the other nodes."),
    "madang_heartbeats_received": ("received", "Heartbeats of other nodes that were received."),
    "madang_heartbeats_missed": ("missed", "Heartbeats of other nodes that were not, by the gaps in their numbers."),
    "madang_bus_deaf_seconds": ("deaf_s", "Time in which the bus did not return this node's heartbeats."),
}
"""Counters of the heartbeats: name, field of its statistics, help."""

_OUTCOMES: Final = ("stored", "duplicates", "unchanged", "refused", "failed", "overloaded")


class Lateness:
    """How late something comes that is due every second, whenever its first second began."""

    def __init__(self, now: float) -> None:
        self._due = now + 1

    def at(self, now: float) -> float:
        """Give how late it comes now."""
        self._due = min(self._due, now)
        late = now - self._due
        self._due += 1
        return late


class Metrics:
    """One node's metrics."""

    def __init__(self, node: Node) -> None:
        # Else every histogram comes with a second name, for when it was made.
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
        """Give all metrics as they stand."""
        return generate_latest(self._registry)


class _Node(Collector):
    """Reads what the node's parts have counted."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def collect(self) -> Iterator[Metric]:
        """Give the node's metrics (called by the registry)."""
        node = self._node
        admission, hub, appender = node.admission, node.hub, node.appender
        yield InfoMetricFamily("madang", "Version of this node.", {"version": __version__})
        yield GaugeMetricFamily("madang_sockets", "WebSockets open.", admission.open)
        yield GaugeMetricFamily("madang_sockets_limit", "WebSockets accepted at most.", node.admission.most)
        yield CounterMetricFamily(
            "madang_turned_away", "Handshakes refused for load, to come back later.", admission.turned_away
        )
        yield GaugeMetricFamily("madang_draining", "1 while the node closes its sockets to stop.", admission.draining)
        yield GaugeMetricFamily("madang_rooms", "Rooms live on this node.", len(hub.rooms))
        yield GaugeMetricFamily(
            "madang_rooms_due", "Rooms waiting for their turn to be written.", hub.scheduler.backlog
        )
        yield GaugeMetricFamily("madang_joins_waiting", "Joins waiting for their turn.", node.joins.waiting)
        yield GaugeMetricFamily("madang_appends_waiting", "Drafts not answered yet.", appender.waiting)
        yield GaugeMetricFamily(
            "madang_read_pointers_waiting", "Read pointers not written yet.", node.read_pointers.waiting
        )
        for name, (field, text) in _EVENTS.items():
            yield CounterMetricFamily(name, text, getattr(hub.statistics, field))
        yield from _appends(appender.statistics)
        yield from _fleet(node)


def _fleet(node: Node) -> Iterator[Metric]:
    heartbeat = node.heartbeat
    heard = sum(not peer.silent for peer in heartbeat.peers.values())
    yield GaugeMetricFamily("madang_nodes", "Nodes that are heard on the bus, this one included.", heard + 1)
    yield GaugeMetricFamily(
        "madang_nodes_unheard", "Nodes that may be alive and are not heard.", len(heartbeat.unheard)
    )
    yield GaugeMetricFamily(
        "madang_bus_deaf", "1 while the bus does not return this node's heartbeats.", heartbeat.deaf
    )
    for names, counted in ((_BUS, heartbeat.traffic), (_HEARTBEAT, heartbeat.statistics)):
        for name, (field, text) in names.items():
            yield CounterMetricFamily(name, text, getattr(counted, field))
    charged = CounterMetricFamily("madang_limits_charged", "Charged for what was spent elsewhere.", labels=["limit"])
    for kind, n in node.shared_limits.charged.items():
        charged.add_metric([kind], n)
    yield charged


def _appends(counted: Statistics) -> Iterator[Metric]:
    outcomes = CounterMetricFamily("madang_appends", "Drafts answered, by outcome.", labels=["outcome"])
    for name in _OUTCOMES:
        outcomes.add_metric([name], getattr(counted, name))
    yield outcomes
    yield CounterMetricFamily("madang_commit_seconds", "Time spent waiting for commits.", counted.commit_s)
    sizes = HistogramMetricFamily("madang_batch_size", "Drafts committed in one transaction.")
    below = accumulate(counted.batches)
    buckets = [(f"{1 << power}.0", float(count)) for power, count in enumerate(below)]
    drafts = sum(getattr(counted, name) for name in _OUTCOMES if name != "overloaded")
    sizes.add_metric([], [*buckets, ("+Inf", buckets[-1][1])], drafts)
    yield sizes
