"""What is known of a search engine by looking at it, whichever it is."""

from typing import NamedTuple


class Inspection(NamedTuple):
    """A search engine that answers.

    Attributes:
        name: what it is and where, like "OpenSearch 2.19.1 at localhost:9200".
        status: of its cluster: "green", "yellow" or "red".
        blocked: our index takes no writes.
        others: aliases of other versions of Madang with our prefix.
    """

    name: str
    status: str
    blocked: bool
    others: tuple[str, ...]
