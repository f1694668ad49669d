"""Which parts of an assembled node a unit test runs."""

from collections.abc import Sequence
from dataclasses import replace

from madang.transports.node import Node, Part

ANSWERING = frozenset({"appender", "bus", "presence", "turns", "watching"})
"""What a node answers with. Nothing of it happens by time alone."""
WATCHING = ANSWERING | {"hub upkeep", "heartbeat", "shared limits", "word lists", "reports"}
"""What one node among several runs besides."""


def chosen(node: Node, watch: bool) -> Sequence[Part]:
    """Return the parts to run. A node of a test ends without a goodbye to the others, as one that crashes."""
    names = WATCHING if watch else ANSWERING
    return [replace(part, stop=None) if part.name == "heartbeat" else part for part in node.parts if part.name in names]
