"""Switch one protection off, and become madang."""

import sys
from collections.abc import Callable
from typing import Final

from madang.cli.main import main
from tests.broken_servers import answers, fleet, network, papers, recovery, storage

PROTECTIONS: Final[dict[str, Callable[[], None]]] = {
    **storage.PROTECTIONS,
    **network.PROTECTIONS,
    **fleet.PROTECTIONS,
    **answers.PROTECTIONS,
    **recovery.PROTECTIONS,
    **papers.PROTECTIONS,
}

if __name__ == "__main__":
    PROTECTIONS[sys.argv.pop(1)]()
    main()
