"""Tools for testing adapters and programs that use Madang: contract suites, fakes, and links that misbehave.

A contract suite is one coroutine per port. It takes a function that opens what it checks, and raises AssertionError, with
a note that names the rule, if a promise of the port's docstring is broken:

    async def test_my_log():
        await check_log(open_my_store)

Suites need no fixture and no plugin. `make` is called once per rule; every call must open a working object, and all calls
of one suite must use the same storage. Suites use new rooms and users each time, so the storage need not be empty.

`madang_proof.history`, a package of its own, judges what clients of a running server saw: see docs/guides/history.md.
"""

from madang.testing.accounts import check_accounts
from madang.testing.bus import check_bus
from madang.testing.changes import check_changes
from madang.testing.clock import FakeClock, VirtualLoop
from madang.testing.consumers import check_consumers
from madang.testing.directory import check_directory
from madang.testing.emitted import check_emitted
from madang.testing.erasures import check_erasures
from madang.testing.leases import check_leases
from madang.testing.log import check_log
from madang.testing.lossy import LossyBus, lossy_buses
from madang.testing.model import ModelStore
from madang.testing.papers import check_papers
from madang.testing.people import check_people
from madang.testing.presence import check_presence
from madang.testing.profiles import check_profiles
from madang.testing.search import check_search
from madang.testing.search_places import check_search_indexes
from madang.testing.signing import check_signing
from madang.testing.tickets import check_tickets
from madang.testing.upkeep import check_upkeep
from madang.testing.versions import check_versions

__all__ = [
    "FakeClock",
    "LossyBus",
    "ModelStore",
    "VirtualLoop",
    "check_accounts",
    "check_bus",
    "check_changes",
    "check_consumers",
    "check_directory",
    "check_emitted",
    "check_erasures",
    "check_leases",
    "check_log",
    "check_papers",
    "check_people",
    "check_presence",
    "check_profiles",
    "check_search",
    "check_search_indexes",
    "check_signing",
    "check_tickets",
    "check_upkeep",
    "check_versions",
    "lossy_buses",
]
