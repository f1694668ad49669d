"""PostgreSQL between nodes, for a fleet without a broker: the bus over LISTEN and NOTIFY, and who is present."""

from madang.adapters.notify.bus import NotifyBus
from madang.adapters.notify.presence import NotifyPresence

__all__ = ["NotifyBus", "NotifyPresence"]
