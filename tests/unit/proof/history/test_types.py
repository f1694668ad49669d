"""The checker's own list of event types is complete: what the product has beyond it, the checker would not judge."""

from madang.core import events
from madang_proof.history import types


def test_the_checker_knows_every_type_of_event() -> None:
    assert events.TYPES.keys() == types.TYPES
