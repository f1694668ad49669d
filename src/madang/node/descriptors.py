"""Open files of this process: how many it may have, and how many of them its visitors' connections may take.

What is kept back is for the log and its readers, the bus, and the admin listener: they go on when visitors have taken the
rest.
"""

import resource
from typing import Final

RESERVED: Final = 200


def raise_limit() -> int:
    """Allow this process as many open files as it may allow itself. Return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError):
        pass
    return limit()


def limit() -> int:
    """Return how many files this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 30


def for_connections() -> int:
    """Return how many connections of visitors this process can have: what is not kept back, but half if that is little."""
    return max(limit() - RESERVED, limit() // 2)
