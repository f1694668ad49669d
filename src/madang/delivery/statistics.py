"""What delivery counts; `transports/admin/metrics.py` shows it."""

import msgspec


class Statistics(msgspec.Struct):
    """Counters of the hub; every buffer with what it did when it was full."""

    events: int = 0  # accepted into live rooms
    deliveries: int = 0  # event frames handed to sockets
    writes: int = 0  # write calls that took
    duplicates: int = 0  # events the bus brought again
    gaps: int = 0  # holes filled from the log
    checks: int = 0  # times all live rooms were compared with the log
    log_reads: int = 0  # calls that read events from the log; equal ones at one time are one
    lagging: int = 0  # times a socket was over its byte budget
    resets: int = 0  # times a socket was too far behind to catch up event by event
    ephemeral_dropped: int = 0  # notices not sent for load or size
