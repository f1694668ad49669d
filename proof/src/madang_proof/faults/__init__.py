"""Faults by name: what `madang prove` injects under load."""

from typing import Final

from madang_proof.faults.clock import Clock
from madang_proof.faults.crash import CRASHES
from madang_proof.faults.disk import DiskFull, SyncFails
from madang_proof.faults.fault import EMBEDDED, Broken, Fault
from madang_proof.faults.freeze import Drain, Freeze
from madang_proof.faults.heavy import Heavy
from madang_proof.faults.kill import Kill
from madang_proof.faults.network import OneWay, Slice, Tear
from madang_proof.faults.partition import PARTITIONS
from madang_proof.faults.power import PowerCut
from madang_proof.faults.slow import Deaf, Sleeper
from madang_proof.faults.snapshot import Snapshot
from madang_proof.faults.storm import Exodus, Storm
from madang_proof.faults.torn import Torn
from madang_proof.testbed.testbed import Fleet

__all__ = ["FAULTS", "Broken", "Fault", "fitting"]

_ALL: Final[tuple[Fault, ...]] = (
    Kill(), *CRASHES, Snapshot(), PowerCut(), Torn(), Freeze(), DiskFull(), Sleeper(), Deaf(), SyncFails(), Clock(), OneWay(),
    Tear(), Slice(), Storm(), Drain(), Exodus(), Heavy(), *PARTITIONS,
)  # fmt: skip
FAULTS: Final[dict[str, Fault]] = {fault.name: fault for fault in _ALL}


def fitting(fleet: Fleet | None = None) -> list[str]:
    """Return the names of the faults that concern a fleet, or a single server."""
    offers = EMBEDDED if fleet is None else fleet.offers
    return [name for name, fault in FAULTS.items() if fault.needs <= offers]
