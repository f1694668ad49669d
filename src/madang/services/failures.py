"""Failures that do not end a loop: each item is tried for itself, and the log says once that some fail."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from madang.errors import MadangError


class Failures:
    """What failed in a loop.

    Args:
        what: the predicate of the line in the log, "is not cleaned up" say, behind the name of the item.
    """

    def __init__(self, logger: logging.Logger, what: str) -> None:
        self._logger = logger
        self._what = what
        self._failed = False  # since the round began
        self._told = False

    @contextmanager
    def survived(self, item: str) -> Iterator[None]:
        """Return a context out of which an error does not come. The first is logged, with its frames if it is a bug."""
        try:
            yield
        except Exception as error:
            self._failed = True
            if not self._told:
                self._told = True
                bug = not isinstance(error, MadangError)
                self._logger.log(
                    logging.ERROR if bug else logging.WARNING, "%s %s: %s", item, self._what, error, exc_info=bug
                )

    def round_over(self) -> None:
        """Begin another round. If nothing failed in the one before, the next failure is logged again."""
        self._told = self._failed
        self._failed = False
