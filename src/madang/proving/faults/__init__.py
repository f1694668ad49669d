"""Faults by name: what `madang prove` lets go wrong under load."""

from typing import Final

from madang.proving.faults.crash import CRASHES
from madang.proving.faults.fault import Broken, Fault
from madang.proving.faults.kill import Kill

__all__ = ["FAULTS", "Broken", "Fault"]

_ALL: Final[tuple[Fault, ...]] = (Kill(), *CRASHES)
FAULTS: Final[dict[str, Fault]] = {fault.name: fault for fault in _ALL}
