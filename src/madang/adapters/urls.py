"""URLs of databases and buses: read once, before anything is connected, and refused by one sentence that tells no password.

Which options an adapter understands behind the "?" is a table of its own; what is not in it is refused, because an option
that is silently ignored is a setting that somebody relies on.
"""

import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, parse_qs, urlsplit

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from madang.core.addresses import host_port
from madang.errors import SetupError, plain_reason

Options = Mapping[str, Callable[[str], Any]]
"""What an adapter understands: by name, what makes a value of the text, or raises ValueError with what it must be."""

PORTS: Final = range(1, 65_536)


def parse(url: str, setting: str, example: str) -> URL:
    """Return the parts of a URL. Raises SetupError, which does not repeat it: a password may be in it.

    Args:
        setting: what it is the URL of: "database" or "bus".
        example: what to do about a wrong one.
    """
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):  # the latter for a port that is not a number
        raise SetupError(f"The {setting} setting is not a URL.", example) from None
    if "@" in (found.host or ""):
        raise SetupError(f"The {setting} setting has an @ too many.", "Write an @ in a user's name or password as %40.")
    if found.port is not None and found.port not in PORTS:
        raise SetupError(f"The {setting} setting has a port that does not exist.", "A port is 1 to 65535.")
    return found


class Servers(NamedTuple):
    """What a URL names whose servers may be several.

    Attributes:
        credentials: as they are written, before the last "@".
        places: "host:port" of each server.
        given: the texts of its options; several of one that is there twice.
    """

    parts: SplitResult
    credentials: str
    places: list[str]
    given: dict[str, Any]


def servers(url: str, ports: Mapping[str, int], product: str, example: str) -> Servers:
    """Return the parts of a URL of a bus that may name several servers. Raises SetupError, as `parse`.

    Args:
        ports: by scheme, the port of a server that is named without one.
    """
    try:
        parts = urlsplit(url)
        if parts.netloc.count("@") > 1:
            raise SetupError("The bus setting has an @ too many.", "Write an @ in a user's name or password as %40.")
        credentials, _, netloc = parts.netloc.rpartition("@")
        places = [_place(each, ports[parts.scheme]) for each in netloc.split(",")]
        given = {name: values[0] if len(values) == 1 else values for name, values in parse_qs(parts.query).items()}
    except (KeyError, ValueError):
        raise SetupError(f"The bus setting is not a URL of {product}.", example) from None
    return Servers(parts, credentials, places, given)


def _place(text: str, port: int) -> str:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise ValueError
    return host_port(parts.hostname, port if parts.port is None else parts.port)


def options(given: Mapping[str, Any], known: Options, setting: str, product: str) -> dict[str, Any]:
    """Return the values of the options of a URL.

    Raises:
        SetupError: an option that is not known or is given twice, or a value that means nothing.
    """
    named = f"Known are {', '.join(known)}." if known else f"{product} has none here."
    values = {}
    for name, text in given.items():
        if name not in known:
            raise SetupError(
                f"The {setting} setting has an option that {product} does not know: {name}.", f"Leave it out. {named}"
            )
        if not isinstance(text, str):
            raise SetupError(f"The {setting} setting has the option {name} twice.", "Keep one.")
        try:
            values[name] = known[name](text)
        except ValueError as error:
            raise SetupError(f"The {setting} setting has a wrong {name}.", f"It is {error}.") from None
    return values


def one_of(*choices: str) -> Callable[[str], str]:
    """Return what takes one of several words, in either case."""

    def take(text: str) -> str:
        for choice in choices:
            if text.lower() == choice.lower():
                return choice
        raise ValueError(f"one of {', '.join(choices)}")

    return take


def at_least(least: int) -> Callable[[str], int]:
    """Return what takes a whole number."""

    def take(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or len(text) > 9 or int(text) < least:
            raise ValueError(f"a whole number from {least} on")
        return int(text)

    return take


def readable_file(text: str) -> str:
    """Return the path of a file that exists."""
    if not Path(text).is_file():
        raise ValueError("the path of a file that exists")
    return text


def text_of_file(text: str) -> str:
    """Return what is in a file that exists, read once: nothing may wait for it later."""
    try:
        return Path(readable_file(text)).read_text()
    except (OSError, UnicodeDecodeError):
        raise ValueError("the path of a text file that can be read") from None


def word(text: str) -> str:
    """Return a text that is not empty."""
    if not text or not text.isprintable():
        raise ValueError("not empty, and without control characters")
    return text


def tls(*, verify: bool, host: bool, authorities: str | None) -> ssl.SSLContext:
    """Return how TLS is spoken.

    Args:
        verify: whether the server must show a certificate that is signed by the authorities.
        host: whether it must be for the host that the URL names, too.
        authorities: file of their certificates; the system's where None.

    Raises:
        SetupError: the file cannot be read, or has no certificates.
    """
    try:
        context = ssl.create_default_context(cafile=authorities)
    except ssl.SSLError:
        raise SetupError(f"{authorities} has no certificates.", "Name a file with certificates in PEM form.") from None
    except OSError as error:
        raise SetupError(
            f"{authorities} cannot be read ({plain_reason(error)}).", "Let the server's account read it."
        ) from None
    context.check_hostname = verify and host
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    return context
