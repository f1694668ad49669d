"""Settings that work and are dangerous: `serve` warns of them, `doctor` complains."""

import ipaddress
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from madang.config import Settings

Level = Literal["ok", "warn", "fail"]
RATES: Final = ("user_rate", "room_rate", "command_rate", "address_rate")


class Finding(NamedTuple):
    """What was looked at and what was found, in one sentence; `mend` says what to do about it."""

    level: Level
    what: str
    mend: str = ""


def unsafe(settings: "Settings") -> list[Finding]:
    """Judge settings."""
    found = []
    if settings.load_test:
        found.append(
            Finding("fail", "LOAD TEST: rates, admission and caps per address are lifted; anyone can flood this server.",
                    "Leave out --load-test and MADANG_LOAD_TEST.")
        )  # fmt: skip
    if not is_loopback(settings.host) and not settings.trusted_proxies:
        found.append(
            Finding("warn", f"{settings.host} is reachable from other machines without TLS: tokens and messages can be read on the way.",
                    "Put a proxy that speaks TLS in front, listen on 127.0.0.1, and name the proxy in trusted_proxies.")
        )  # fmt: skip
    if not is_loopback(settings.admin_host):
        found.append(
            Finding("warn", f"The admin listener is reachable from other machines at {settings.admin_host}: anyone can read /metrics.",
                    "Set admin_host to 127.0.0.1, or guard it with a firewall.")
        )  # fmt: skip
    if "*" in settings.origins:
        found.append(
            Finding("warn", 'origins is "*": any web page may connect from a visitor\'s browser.', "List the origins of your own pages.")
        )  # fmt: skip
    if not settings.load_test and (lifted := [name for name in RATES if not getattr(settings, name)]):
        found.append(Finding("warn", f"No limit is set by {', '.join(lifted)}: one client can slow all others.", "Set a rate above 0."))  # fmt: skip
    return found


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
