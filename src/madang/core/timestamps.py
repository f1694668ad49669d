"""Times on the wire: RFC 3339, UTC, milliseconds, from Unix milliseconds."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final

from msgspec import Meta

from madang.errors import Refused

WRITTEN: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,3})?Z$"
Moment = Annotated[str, Meta(max_length=24)]
_WRITTEN: Final = re.compile(WRITTEN.replace("$", r"\Z"), re.ASCII)


@lru_cache(maxsize=4096)  # events of one batch share their millisecond
def moment(ms: int) -> str:
    """Return Unix milliseconds as "2026-11-22T09:00:00.123Z"."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def moment_ms(text: str, field: str) -> int:
    """Return the Unix milliseconds of what `moment` writes, milliseconds left out or not (bad_field)."""
    try:
        if _WRITTEN.match(text) is None:
            raise ValueError(text)
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    except ValueError:
        raise Refused("bad_field", f"{field}: a time in UTC, such as 2026-11-22T09:00:00.123Z.") from None
