"""What a fault is. Each lives in a file of its own beside this one; `__init__.py` lists them."""

import random
from typing import Final, Protocol

from madang_proof.testbed.server import Server
from madang_proof.testbed.testbed import Testbed

ANYWHERE: Final = frozenset[str]()
EMBEDDED: Final = frozenset({"embedded"})  # a lone server with the storage that it brings
NODES: Final = frozenset({"nodes"})  # several of them
DATABASE_PROXY: Final = frozenset({"nodes", "database"})  # and a proxy between each and the database


class Broken(Exception):
    """What the fault itself expects of the server did not come true; the sentence says what."""


class Fault(Protocol):
    """Something that goes wrong, on purpose, while clients are at work.

    Attributes:
        name: "kill", as on the command line and in the table.
        number: "F1", its row in the list of faults.
        title: what is done, in one line.
        needs: what it must find on the stage.
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
        """Why it cannot be tried on this machine; None when it can."""

    async def inject(self, testbed: Testbed, dice: random.Random) -> str:
        """Let it go wrong, hold, and heal; returns when the server answers again. The string notes what was done.

        Cancelling leaves the stage as it is at that moment; who cancels ends it.

        Raises:
            Broken: the fault's own expectation failed.
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
