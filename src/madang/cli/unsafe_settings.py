"""Settings that work and are dangerous: `serve` warns of them, `doctor` complains."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from madang.core.hosts import is_loopback

if TYPE_CHECKING:
    from madang.config import Settings

Level = Literal["ok", "warn", "fail"]
RATES: Final = ("user_rate", "room_rate", "command_rate", "address_rate")
QUOTAS: Final = ("quota_rooms_per_address", "quota_joins_per_address", "quota_reactions_per_address")


class Finding(NamedTuple):
    """What was looked at and what was found, in one sentence; `hint` says what to do about it."""

    level: Level
    what: str
    hint: str = ""


def unsafe(settings: "Settings") -> list[Finding]:
    """Judge settings, and what was meant to be one."""
    return list(_unsafe(settings))


def _unsafe(settings: "Settings") -> Iterator[Finding]:
    from madang.config import unknown_variables

    for name in unknown_variables():
        yield Finding(
            "warn", f"{name} is not a setting and has no effect.", "docs/reference/settings.md lists them all."
        )
    if settings.load_test:
        what = "LOAD TEST: rates, admission and caps per address are lifted; anyone can flood this server."
        yield Finding("fail", what, "Leave out --load-test and MADANG_LOAD_TEST.")
    elif lifted := [name for name in RATES if not getattr(settings, name)]:
        what = f"No limit is set by {', '.join(lifted)}: one client can slow all others."
        yield Finding("warn", what, "Set a rate above 0.")
    if not is_loopback(settings.host) and not settings.trusted_proxies:
        what = f"Other machines reach {settings.host} without TLS: tokens and messages can be read on the way."
        hint = "Listen on 127.0.0.1 behind a proxy that speaks TLS, and name that in trusted_proxies."
        yield Finding("warn", what, hint)
    if not is_loopback(settings.host) or settings.trusted_proxies:
        yield from _open(settings)
    if not is_loopback(settings.admin_host):
        what = f"Other machines reach the admin listener at {settings.admin_host}, without TLS."
        if not settings.admin_exposed:
            yield Finding("fail", what, "Set admin_host to 127.0.0.1, or admin_exposed if that is meant.")
        elif not settings.metrics_token:
            yield Finding("warn", f"{what} Nobody there can read /metrics.", "Set metrics_token, for Prometheus.")
        else:
            yield Finding("warn", what, "Guard it with a firewall.")
    if "*" in settings.hosts:
        what = 'hosts is "*": a web page can reach this server under a name of its own, from its visitor\'s network.'
        yield Finding("warn", what, "List the names that visitors use.")
    if settings.trusted_proxies and not settings.hosts:
        what = (
            "A proxy speaks for visitors (trusted_proxies) and no name is in hosts: visitors by name are answered 421."
        )
        yield Finding("warn", what, "List the names that visitors use: MADANG_HOSTS='[\"chat.example.com\"]'.")
    if "*" in settings.origins:
        what = 'origins is "*": any web page may connect from its visitor\'s browser.'
        yield Finding("warn", what, "List the origins of your own pages.")


def _open(settings: "Settings") -> Iterator[Finding]:
    """Judge what strangers may make on a server that they can reach."""
    if not settings.load_test and (without := [name for name in QUOTAS if not getattr(settings, name)]):
        what = f"No quota is set by {', '.join(without)}: a stranger can fill the database."
        yield Finding("warn", what, "Set a quota above 0.")
    by_guests = settings.guests == "open" and settings.create_rooms == "anyone"
    if by_guests or (settings.account_makers == "open" and settings.create_rooms != "keys"):
        rooms, address = settings.quota_rooms_in_all, settings.quota_rooms_per_address
        what = (
            f"Whoever reaches this server may {'be a guest and make' if by_guests else 'make an account, and'} rooms: "
            f"{_most(address)} a day from one address, {_most(rooms)} in all."
        )
        hint = "Fine for a public yard; else set create_rooms to keys, or guests and accounts to keys and let your own server admit users."
        yield Finding("warn", what, hint)


def _most(quota: int) -> str:
    return f"{quota:,}" if quota else "any number"
