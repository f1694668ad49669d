"""How many files, and so sockets, this process may have open at once."""

import resource


def most_open_files() -> int:
    """Return how many open files the system would allow this process."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return hard if hard != resource.RLIM_INFINITY else 1 << 30


def allow_open_files(count: int) -> bool:
    """Raise the limit of this process to `count` open files; return False where the system allows fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
        except (OSError, ValueError):
            return False
    return True
