"""One sitting: the server and the floor measured in turns on the same machine, within minutes of each other."""

import shutil
import time
from pathlib import Path
from typing import Final

from bench import load, proc
from bench.load import Load
from bench.server import SERVER_CORE, Server, create_rooms, first_message, floor, madang

Values = dict[str, float]
IDLE_SECONDS: Final = 3.0
FLOOR_SECONDS: Final = 3.0


class Window:
    """CPU time of the server, and of everybody else on its core, between wsload's two marks."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._marks: dict[str, tuple[float, proc.Cpu, float, int]] = {}
        self._calls: dict[str, dict[str, int]] = {}

    def mark(self, name: str) -> None:
        pid = self._pid
        self._marks[name] = (time.monotonic(), proc.cpu(pid), proc.core_busy(SERVER_CORE), proc.resident_kb(pid))
        self._calls[name] = proc.calls(pid)

    def values(self) -> Values:
        (t0, cpu0, busy0, rss0), (t1, cpu1, busy1, rss1) = self._marks["publishing"], self._marks["drained"]
        used, wall = cpu1 - cpu0, t1 - t0
        before = self._calls["publishing"]
        return {key: float(value - before[key]) for key, value in self._calls["drained"].items()} | {
            "cpu_seconds": used.total,
            "core_use": used.total / wall,
            "kernel_share": used.system / used.total if used.total else 0.0,
            "thread_share": used.threads / (used.main + used.threads) if used.main else 0.0,
            "others_use": max(0.0, busy1 - busy0 - used.total) / wall,
            "rss_mb": rss1 / 1024,
            "rss_growth_mb": (rss1 - rss0) / 1024,
        }


class Sitting:
    """Runs loads; each on a fresh server with empty data."""

    def __init__(self, scratch: Path, extra: tuple[str, ...] = ()) -> None:
        self._scratch, self._extra = scratch, extra
        self._floors: dict[Load, Values] = {}

    def next_round(self) -> None:
        """Forget the floors, so that the next repetition takes its own."""
        self._floors.clear()

    def _fresh(self) -> Path:
        place = self._scratch / "round"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return place

    def floor(self, wanted: Load) -> Values:
        """Measure fanout_floor under a load, once per round."""
        if wanted not in self._floors:
            place = self._fresh()
            with floor(place, wanted.group) as server:
                self._floors[wanted] = self._drive(server, wanted, place, is_floor=True)
        return self._floors[wanted]

    def under_load(self, wanted: Load) -> Values:
        """Measure a Madang node under a load."""
        place = self._fresh()
        with madang(place, self._extra) as server:
            create_rooms(server.port, wanted.rooms)
            return self._drive(server, wanted, place)

    def _drive(self, server: Server, wanted: Load, place: Path, *, is_floor: bool = False) -> Values:
        window = Window(server.pid)
        argv = load.command(wanted, server.port, floor=is_floor)
        heard = load.run(argv, window.mark, place / "wsload.log")
        values = window.values()
        values |= {key: float(value) for key, value in vars(heard).items()}
        values["load_others_use"] = max(0.0, 1.0 - heard.core_had)
        values["complete"] = float(heard.complete)
        values["delivered_share"] = heard.deliveries / ((heard.deliveries + heard.missing) or 1)
        values["cpu_us_delivery"] = values["cpu_seconds"] * 1e6 / (heard.deliveries or 1)
        values["cpu_us_message"] = values["cpu_seconds"] * 1e6 / ((heard.sent if is_floor else heard.acks) or 1)
        for key in ("reads", "writes", "sleeps"):
            values[f"{key}_message"] = values[key] / (heard.sent or 1)
        # The slower of the two: nobody is served by messages that are acked but not delivered, or the reverse.
        delivered_s = heard.per_second / wanted.group
        acked_s = delivered_s if is_floor else heard.acks * heard.per_second / (heard.deliveries or 1)
        values["messages_s"] = min(delivered_s, acked_s)
        return values

    def idle(self, wanted: Load) -> Values:
        """Measure what a socket costs that has joined a room and says nothing."""
        place = self._fresh()
        with madang(place, self._extra) as server:
            create_rooms(server.port, wanted.rooms)
            rss, began = proc.resident_kb(server.pid), proc.cpu(server.pid).total
            window = Window(server.pid)
            grown: Values = {}

            def at_mark(name: str) -> None:
                window.mark(name)
                if name == "publishing":
                    grown["kb_per_socket"] = (proc.resident_kb(server.pid) - rss) / wanted.sockets
                    grown["cpu_ms_join"] = (proc.cpu(server.pid).total - began) * 1000 / wanted.sockets

            heard = load.run(load.command(wanted, server.port), at_mark, place / "wsload.log")
            return window.values() | grown | {"connects": heard.connects, "lost": float(heard.lost)}

    def start(self) -> Values:
        """Measure the time from start to the first ack. The first start is a rehearsal: the install is warm then."""
        first_message(self._fresh())
        return {"start_s": first_message(self._fresh())}
