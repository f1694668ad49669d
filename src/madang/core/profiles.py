"""Profiles: what users say of themselves, and what of it may be shown. Where they are kept: `ports.profiles`.

A picture is an address that browsers of others load it from; the server never does. So it is https, and can carry nobody's password.
"""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from madang.errors import Refused

MAX_PICTURE: Final = 512
MAX_LOCALE: Final = 35  # what RFC 5646, 4.4.1 says is enough
PictureUrl = Annotated[str, Meta(max_length=MAX_PICTURE)]
Locale = Annotated[str, Meta(max_length=MAX_LOCALE)]

# No user and password before the host, no fragment, and of RFC 3986's characters those that stand for themselves everywhere.
_PICTURE: Final = re.compile(
    r"https://([A-Za-z0-9][A-Za-z0-9.-]{0,252})(?::([0-9]{1,5}))?(?:[/?][A-Za-z0-9._~!$&()*+,;=:@%/?-]*)?", re.ASCII
)
_LOCALE: Final = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a user; "" for what they never said."""

    name: str = ""
    picture: str = ""
    locale: str = ""


NO_PROFILE: Final = Profile()


def clean_picture(url: str) -> str:
    """Return the URL of a picture, "" for none. Raise Refused (bad_field) for one that others' browsers shall not load."""
    if url:
        known = _PICTURE.fullmatch(url) if len(url) <= MAX_PICTURE else None
        if known is None or int(known[2] or 443) > 65_535:
            raise Refused(
                "bad_field",
                f"picture: https://HOST/PATH, without user and password, of {MAX_PICTURE} characters at most.",
            )
    return url


def clean_locale(tag: str) -> str:
    """Return a language tag as it is written, "" for none. Raise Refused (bad_field) for what is none (RFC 5646)."""
    if tag and (len(tag) > MAX_LOCALE or not _LOCALE.fullmatch(tag)):
        raise Refused("bad_field", "locale: a language tag such as ko, en-GB or zh-Hant-TW.")
    return tag
