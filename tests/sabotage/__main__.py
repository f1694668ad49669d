"""Switch one protection off, and become madang."""

import sys
from collections.abc import Callable
from typing import Final

from madang.cli.main import main
from tests.sabotage import fleet, network, storage, telling

SABOTAGES: Final[dict[str, Callable[[], None]]] = {
    **storage.SABOTAGES,
    **network.SABOTAGES,
    **fleet.SABOTAGES,
    **telling.SABOTAGES,
}

if __name__ == "__main__":
    SABOTAGES[sys.argv.pop(1)]()
    main()
