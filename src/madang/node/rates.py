"""What the settings say of rates and quotas, as services take it."""

from typing import Final

from madang.config import Settings
from madang.core.rate import Rate
from madang.services.limits import UNLIMITED, Rates
from madang.services.quotas import Quota, QuotaRates

# How many seconds' worth of a rate may come at once. A user's is a setting (user_burst).
COMMANDS_S: Final = 4
ROOM_S: Final = 2
ADDRESS_S: Final = 10  # the people of an office come at once, after its network was away
HANDSHAKES_S: Final = 2
REQUESTS_S: Final = 5


def rates(settings: Settings) -> Rates:
    """Return the rates that the settings amount to; none at all for a load test."""
    if settings.load_test:
        return UNLIMITED
    return Rates(
        connection=_rate(settings.command_rate, COMMANDS_S),
        user=Rate(settings.user_rate, settings.user_burst),
        room=_rate(settings.room_rate, ROOM_S),
        address=_rate(settings.address_rate, ADDRESS_S),
        handshakes=_rate(settings.handshake_rate, HANDSHAKES_S),
        requests=_rate(settings.request_rate, REQUESTS_S),
        sockets=settings.max_sockets,
        sockets_per_address=settings.max_sockets_per_address,
        quotas=_quotas(settings),
    )


def _quotas(settings: Settings) -> QuotaRates:
    s = settings
    return QuotaRates(
        rooms=Quota(user=s.quota_rooms_per_user, address=s.quota_rooms_per_address, all=s.quota_rooms_in_all),
        joins=Quota(user=s.quota_joins_per_user, address=s.quota_joins_per_address, all=s.quota_joins_in_all),
        invites=Quota(user=s.quota_invites_per_user, address=s.quota_invites_per_address, all=s.quota_invites_in_all),
        reactions=Quota(
            user=s.quota_reactions_per_user, address=s.quota_reactions_per_address, all=s.quota_reactions_in_all
        ),
        guests=Quota(address=s.quota_guests_per_address, all=s.quota_guests_in_all),
        accounts=Quota(address=s.quota_accounts_per_address, all=s.quota_accounts_in_all),
        sessions=Quota(
            user=s.quota_sessions_per_user, address=s.quota_sessions_per_address, all=s.quota_sessions_in_all
        ),
        returns=Quota(user=s.quota_returns_per_user, address=s.quota_returns_per_address),
        profiles=Quota(user=s.quota_profiles_per_user, address=s.quota_profiles_per_address),
        kilobytes=Quota(user=s.quota_kilobytes_per_user, address=s.quota_kilobytes_per_address),
        memberships=s.quota_memberships,
        owned=s.quota_owned,
    )


def _rate(per_second: float, burst_s: int) -> Rate:
    return Rate(per_second, max(1, int(per_second * burst_s)))
