"""What nodes tell each other about papers. The bus is a courier: what it loses is found in the log, or shown again."""

from collections.abc import Sequence
from typing import Final

import msgspec

from madang.core.events import Event
from madang.delivery.papers.follower import Shown
from madang.delivery.papers.live import LivePaper
from madang.ports.bus import Bus

UPDATE, SHOWN, ASKED = "paper.update", "paper.shown", "paper.asked"
"""An update that is stored, by its number; what is shown of clients; a question of a node for what others' clients show."""
_CHANNEL: Final = "paper/"
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[Shown]).decode


def paper_of(channel: str) -> str | None:
    """Return which paper a channel of the bus is of; None for one of a room, whose id never begins so."""
    return channel.removeprefix(_CHANNEL) if channel.startswith(_CHANNEL) else None


def shown_by(event: Event) -> list[Shown]:
    """Return what a SHOWN says."""
    return _decode(event.body)


class Courier:
    """Carries what is told about papers."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    @property
    def alone(self) -> bool:
        """Whether there are no other nodes: then nothing is told."""
        return self._bus.local

    async def subscribe(self, paper: str) -> None:
        """Get from now on what is told about a paper."""
        await self._bus.subscribe(_CHANNEL + paper)

    async def unsubscribe(self, paper: str) -> None:
        """Get it no longer."""
        await self._bus.unsubscribe(_CHANNEL + paper)

    def tell_update(self, paper: str, seq: int, data: bytes) -> None:
        """Tell what is stored now."""
        self._tell(paper, UPDATE, seq, data)

    def tell_shown(self, live: LivePaper, news: Sequence[Shown]) -> None:
        """Tell what is shown of clients here."""
        self._tell(live.paper.id, SHOWN, 0, _encode(list(news)))

    def ask(self, live: LivePaper) -> None:
        """Ask what is shown of clients elsewhere."""
        self._tell(live.paper.id, ASKED, 0, b"")

    def _tell(self, paper: str, type: str, seq: int, body: bytes) -> None:
        if not self.alone:
            self._bus.publish([Event(_CHANNEL + paper, seq, 0, type, "", "", 0, body)])
