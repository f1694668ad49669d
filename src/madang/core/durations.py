"""Lengths of time as people write them."""

import re
from typing import Final

from madang.errors import Refused

_UNITS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_WRITTEN: Final = re.compile(r"([1-9][0-9]{0,5})([smhd])", re.ASCII)


def milliseconds(text: str) -> int:
    """Return a length of time such as 90s, 15m, 12h or 30d. Raise Refused (bad_field) for what is none."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise Refused("bad_field", "It is a whole number and a unit, such as 90s, 15m, 12h or 30d.")
    return int(written[1]) * _UNITS[written[2]]
