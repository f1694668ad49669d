"""What every bus is opened with, beside its URL. What a URL must look like is the business of the bus it names."""

from collections.abc import Callable
from typing import NamedTuple

from madang.adapters.bus.envelopes import wall_ms
from madang.core.signing import Keyring


class BusOptions(NamedTuple):
    """How a node takes part in a fleet.

    Attributes:
        keyring: the installation's; signatures are made with it, and channels have its name.
        node: this node's name, unique in the fleet.
        presence_ttl_s: seconds after which a device that was not refreshed is gone.
        epoch: of the installation, another after each restore.
        clock_ms: Unix milliseconds by a clock that all nodes share.
        channels: how rooms are spread over channels, for a broker that has channels; the same on every node.
    """

    keyring: Keyring
    node: str
    presence_ttl_s: float
    channels: str
    epoch: bytes = b""
    clock_ms: Callable[[], int] = wall_ms
