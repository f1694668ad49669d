"""Polling for a test of one of the services that it serves: the others are there, on the same store."""

from typing import Any

from madang.core.signing import Keyring
from madang.ports.bus import Bus
from madang.services.account_sessions import AccountSessions
from madang.services.erasures import Erasures
from madang.services.polling import Polling
from madang.services.profiles import Profiles
from madang.services.signing import Signing
from madang.services.users import Users
from madang.testing import FakeClock, ModelStore
from madang.transports.sessions import Sessions
from tests.unit.transports.nodes import nobody


async def polling(
    store: ModelStore, bus: Bus, clock: FakeClock, *, sessions: AccountSessions | None = None, signing: Signing | None = None
) -> Polling:  # fmt: skip
    """Return what polls a store for these; nothing of it runs yet."""
    unused: Any = None  # by what polls find

    async def leads() -> bool:
        return not await nobody()

    open_sessions = Sessions()
    users = Users(store, store, store, unused, bus, open_sessions, clock, lambda: 0.0)
    return Polling(
        store,
        users,
        sessions or AccountSessions(store, bus, open_sessions, lambda: 0.0),
        Profiles(store, unused, bus, unused, open_sessions, clock),
        signing or Signing(Keyring(await store.signing_keys(), clock), store, open_sessions),
        Erasures(store, unused, users, leads, clock),
        clock,
    )
