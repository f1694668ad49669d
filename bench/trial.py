"""One trial: the server and the floor measured in turns on the same machine, within minutes of each other."""

import shutil
from pathlib import Path
from typing import Final

from bench import load
from bench.driving import BACK_SECONDS, Values, come_back, drive, hold, log_reads
from bench.load import Load
from bench.server import create_rooms, first_message, floor, madang

IDLE_SECONDS: Final = 3.0
FLOOR_SECONDS: Final = 3.0
FLOOD_TEXT: Final = '{"op":"send","n":{N},"room":"g{G}","cid":"f{F}","text":"Buy this, buy this, buy this!"}'


class Trial:
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
                self._floors[wanted] = drive(server, wanted, place, load.FLOOR)
        return self._floors[wanted]

    def under_load(self, wanted: Load) -> Values:
        """Measure a Madang node under a load."""
        place = self._fresh()
        with madang(place, self._extra) as server:
            create_rooms(server.port, wanted.rooms)
            return drive(server, wanted, place, load.MADANG)

    def idle(self, wanted: Load) -> Values:
        """Measure what a socket costs that has joined a room and says nothing."""
        place = self._fresh()
        with madang(place, self._extra) as server:
            create_rooms(server.port, wanted.rooms)
            return hold(server, wanted, place, load.MADANG)

    def reconnect(self, sockets: int) -> Values:
        """Measure how all sockets of one room come back that are cut at once."""
        place = self._fresh()
        with madang(place, self._extra) as server:
            create_rooms(server.port, 1)
            before = log_reads(server.port + 1)
            values = come_back(server, sockets, place, load.MADANG)
            values.setdefault("live_s", BACK_SECONDS)  # not all of them: at least as long as was waited
            values.setdefault("recovered_share", 0.0)
            return values | {"log_reads": log_reads(server.port + 1) - before}

    def flood(self, wanted: Load, rate: float) -> Values:
        """Measure what a flooder does to the users beside it, whose server has its normal limits.

        Return p99 with the flooder over p99 without, taken in turns of a second, in the same room and in the others.
        """
        place = self._fresh()
        with madang(place, self._extra, load_test=False) as server:
            create_rooms(server.port, wanted.rooms)
            extra = ("--flood", f"{rate:g}", "--flood-text", FLOOD_TEXT)
            values = drive(server, wanted, place, load.MADANG, extra=extra)
        for where in ("near", "far"):
            values[f"{where}_ratio"] = values[f"p99 {where} with"] / values[f"p99 {where} without"]
        return values

    def start(self) -> Values:
        """Measure the time from start to the first ack. The first start is a rehearsal: the install is warm then."""
        first_message(self._fresh())
        return {"start_s": first_message(self._fresh())}
