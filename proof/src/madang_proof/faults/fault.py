"""What a fault is. Each has a file in this package; `__init__.py` lists them."""

import random
from typing import Final, Protocol

from madang_proof.testbed.server import Server
from madang_proof.testbed.testbed import Testbed

ANYWHERE: Final = frozenset[str]()
EMBEDDED: Final = frozenset({"embedded"})  # a single server with embedded storage
NODES: Final = frozenset({"nodes"})  # several nodes
DATABASE_PROXY: Final = frozenset({"nodes", "database"})  # several nodes, with a proxy between each and the database


class Broken(Exception):
    """An expectation of the fault itself did not come true; the message says which."""


class Fault(Protocol):
    """Something that goes wrong, on purpose, under load.

    Attributes:
        name: "kill", as on the command line and in the table.
        number: "F1", its row in the list of faults.
        title: what is done, in one line.
        needs: what the testbed must offer.
    """

    @property
    def name(self) -> str: ...
    @property
    def number(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def needs(self) -> frozenset[str]: ...

    def unavailable(self) -> str | None:
        """Return why it cannot be tried on this machine, None when it can."""

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        """Inject the fault, hold it, and heal it; return, when the server answers again, a note of what was done.

        When cancelled, it leaves the testbed as it is; whoever cancels closes the testbed.

        Raises:
            Broken: an expectation of the fault did not come true.
        """


async def started_again(server: Server, what: str) -> None:
    """Start a server after `what` was done to it.

    Raises:
        Broken: it does not start.
    """
    try:
        await server.start()
    except RuntimeError as error:
        raise Broken(f"After {what} the server did not start. {error}") from None
