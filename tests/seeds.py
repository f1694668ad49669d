"""Seeds for what is tried by chance."""

from typing import Any

import pytest


def seeds(few: int, many: int) -> list[Any]:
    """Return `many` seeds, of which all but a `few` are for `make soak`."""
    return [pytest.param(n, marks=[pytest.mark.slow] * (n >= few)) for n in range(many)]
