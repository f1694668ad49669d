"""Faults by name: what `madang prove` lets go wrong under load."""

from typing import Final

from madang.proving.faults.clock import Clock
from madang.proving.faults.crash import CRASHES
from madang.proving.faults.disk import DiskFull, SyncFails
from madang.proving.faults.fault import EMBEDDED, Broken, Fault
from madang.proving.faults.freeze import Drain, Freeze
from madang.proving.faults.kill import Kill
from madang.proving.faults.network import OneWay, Slice, Tear
from madang.proving.faults.partition import PARTITIONS
from madang.proving.faults.power import PowerCut
from madang.proving.faults.slow import Deaf, Sleeper
from madang.proving.faults.storm import Exodus, Storm
from madang.proving.faults.torn import Torn
from madang.proving.stage import Fleet

__all__ = ["FAULTS", "Broken", "Fault", "fitting"]

_ALL: Final[tuple[Fault, ...]] = (
    Kill(), *CRASHES, PowerCut(), Torn(), Freeze(), DiskFull(), Sleeper(), Deaf(), SyncFails(), Clock(), OneWay(),
    Tear(), Slice(), Storm(), Drain(), Exodus(), *PARTITIONS,
)  # fmt: skip
FAULTS: Final[dict[str, Fault]] = {fault.name: fault for fault in _ALL}


def fitting(fleet: Fleet | None = None) -> list[str]:
    """Name the faults that are about a fleet, or about a lone server."""
    offers = EMBEDDED if fleet is None else fleet.offers
    return [name for name, fault in FAULTS.items() if fault.needs <= offers]
