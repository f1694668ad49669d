"""The modules of python-engineio and python-socketio in which their packets are, and nothing else of these packages.

Either package imports all of its clients, servers and managers, and Redis's client with them: 65 ms of each start, and 0.37 s
where aiohttp is installed.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any


@contextmanager
def _empty(*packages: str) -> Iterator[None]:
    """Let modules of packages be imported in this context without what the packages themselves import."""
    put = []
    for name in packages:
        spec = find_spec(name)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        if name not in sys.modules:
            sys.modules[name] = empty = ModuleType(name)
            empty.__path__ = spec.submodule_search_locations
            put.append(name)
    try:
        yield
    finally:
        for name in put:
            del sys.modules[name]


with _empty("engineio", "socketio"):
    engineio: Any = import_module("engineio.packet")
    socketio: Any = import_module("socketio.packet")
