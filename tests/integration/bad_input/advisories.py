"""How a test is named by the advisories that it is for; `catalogue.py` has their table."""

import pytest


def advisories(*ids: str) -> pytest.MarkDecorator:
    """Name a test by advisories."""
    return pytest.mark.parametrize("advisory", [", ".join(ids)])
