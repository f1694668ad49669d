"""Fan-out of committed events: to this node's rooms, to the other nodes, into the next heartbeat, and to whoever watches."""

from collections.abc import Sequence

from madang.core.events import Event
from madang.delivery.heartbeat import Heartbeat
from madang.delivery.hub import Hub
from madang.ports.bus import Bus


class Fanout:
    """What the appender hands committed events to."""

    def __init__(self, hub: Hub, bus: Bus, heartbeat: Heartbeat) -> None:
        self._hub = hub
        self._bus = bus
        self._heartbeat = heartbeat

    def committed(self, events: Sequence[Event]) -> None:
        """Deliver events of one batch, in order. Called in the event loop; returns at once."""
        self._hub.receive(events)
        self._bus.publish(events)
        self._heartbeat.note(events)
        self._hub.watching.committed(events)
