"""What is measured, and the budgets it is measured against (docs/reference/performance.md)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from bench.driving import Values
from bench.load import Load
from bench.trial import FLOOR_SECONDS, IDLE_SECONDS, Trial


@dataclass(frozen=True)
class Row:
    """One figure. A `stretch` budget is a wish: missing it is said, but is not a failure."""

    key: str
    what: str
    unit: str
    budget: float
    at_least: bool = False
    stretch: bool = False
    floor_key: str = ""

    def met(self, value: float) -> bool:
        # A rate counts from 99 % on: the last messages of a run arrive after its end.
        return value >= self.budget * 0.99 if self.at_least else value <= self.budget


@dataclass(frozen=True)
class Workload:
    """A load, how to measure it, and which of the figures have a budget."""

    name: str
    title: str
    measure: Callable[[Trial, float], Values]
    rows: tuple[Row, ...]
    load: Load | None = None


def _against_floor(load: Load, floor: Load) -> Callable[[Trial, float], Values]:
    def measure(trial: Trial, seconds: float) -> Values:
        low = trial.floor(replace(floor, seconds=min(seconds, FLOOR_SECONDS)))
        values = trial.under_load(replace(load, seconds=seconds))
        values |= {
            f"floor_{key}": low[key] for key in ("cpu_us_delivery", "cpu_us_message", "p50", "p99", "others_use")
        }
        values["floor_complete"] = low["complete"]
        values["ratio"] = values["cpu_us_delivery"] / low["cpu_us_delivery"]
        return values

    return measure


_QUIET: Final = Load(sockets=1000, group=1000, publishers=1, rate=50)
_HOT: Final = Load(sockets=1000, group=1000, publishers=20, rate=50)
RECONNECT_SOCKETS: Final = 10_000
_FLOOD: Final = 1000
# Users write twice a second, below their limit; the first room is the flooder's. Long, because p99 is of few messages.
_BESIDE: Final = Load(sockets=40, group=20, publishers=20, rate=2, seconds=40)
_IDLE: Final = Load(sockets=5000, group=5000, seconds=IDLE_SECONDS)


def _small(total: int, rows: tuple[Row, ...]) -> Workload:
    load = Load(sockets=1000, group=2, publishers=2, rate=total / 1000)
    title = f"500 rooms of 2 sockets, all send, {total:,} msg/s together"
    return Workload(f"small-rooms-{total}", title, _against_floor(load, load), rows, load)


WORKLOADS: Final = {
    w.name: w
    for w in (
        Workload(
            "quiet-room",
            "one room of 1,000 sockets, 50 msg/s",
            _against_floor(_QUIET, _QUIET),
            (
                Row("ratio", "CPU per delivery, against the floor", "×", 1.5, floor_key="cpu_us_delivery"),
                Row("delivered_share", "delivered, of what was sent", "share", 1.0, at_least=True),
            ),
            _QUIET,
        ),
        Workload(
            "hot-room",
            "one room of 1,000 sockets, 20 of them send, 1,000 msg/s together",
            _against_floor(_HOT, _QUIET),
            (
                Row("delivered_share", "delivered, of what was sent", "share", 1.0, at_least=True),
                Row("p99", "delivery p99", "ms", 100),
            ),
            _HOT,
        ),
        _small(5000, (Row("p99", "delivery p99", "ms", 50, floor_key="p99"),)),
        _small(10000, (Row("messages_s", "acked and delivered", "msg/s", 10_000, at_least=True),)),
        _small(
            20000,
            (
                Row("messages_s", "acked and delivered", "msg/s", 20_000, at_least=True, stretch=True),
                Row("p99", "delivery p99", "ms", 150, stretch=True, floor_key="p99"),
            ),
        ),
        Workload(
            "idle",
            "5,000 sockets joined to one room, silent",
            lambda trial, _seconds: trial.idle(_IDLE),
            (Row("kb_per_socket", "resident memory per socket", "KB", 16),),
            _IDLE,
        ),
        Workload(
            "reconnect",
            f"{RECONNECT_SOCKETS:,} sockets of one room are cut and come back at once",
            lambda trial, _seconds: trial.reconnect(RECONNECT_SOCKETS),
            (
                Row("live_s", "all live again", "s", 15),
                Row("recovered_share", "delivered, of what was sent meanwhile", "share", 1.0, at_least=True),
                Row("log_reads", "reads of the log", "share", 1),
            ),
        ),
        Workload(
            "flood",
            f"a flooder sends {_FLOOD:,} msg/s beside 20 users, and 20 more in another room; normal limits",
            lambda trial, _seconds: trial.flood(_BESIDE, _FLOOD),
            (
                Row("near_ratio", "p99 in the flooder's room, against without", "×", 1.1),
                Row("far_ratio", "p99 in the other room, against without", "×", 1.1),
            ),
        ),
        Workload(
            "start",
            "from start to the first acked message",
            lambda trial, _seconds: trial.start(),
            (Row("start_s", "start to first ack", "s", 2),),
        ),
    )
}
