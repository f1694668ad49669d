"""Times on the wire: RFC 3339, UTC, milliseconds, from Unix milliseconds."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=4096)  # events of one batch share their millisecond
def moment(ms: int) -> str:
    """Return Unix milliseconds as "2026-11-22T09:00:00.123Z"."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
