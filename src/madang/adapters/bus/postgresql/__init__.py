"""PostgreSQL between nodes, for a fleet without a broker: the bus over LISTEN and NOTIFY, and who is present."""

from madang.adapters.bus.postgresql.bus import NotifyBus
from madang.adapters.bus.postgresql.presence import NotifyPresence

__all__ = ["NotifyBus", "NotifyPresence"]
