"""What a limit or quota says to a call."""

from collections.abc import Callable

from madang.errors import Limited


def refusal(call: Callable[[], object]) -> Limited | None:
    """Return why a call is refused, None if it is not."""
    try:
        call()
    except Limited as error:
        return error
    return None
