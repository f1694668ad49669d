"""User ids, and of which kind they are: ids of different kinds cannot meet.

| kind | ids | made by |
|---|---|---|
| guest | `u` and 16 of a-z and 2-7 | the server, from 80 random bits |
| server key | `key-` and the id of the key | the server |
| system | `madang` | – |
| account | `account-` and 16 of a-z and 2-7 | the server, from 80 random bits |
| of an outside issuer | `issuer-`, its name here, `:`, and what it calls the user | the server |
| foreign | everything else, of `FOREIGN` | the product that a server key belongs to |
"""

import hashlib
import re
from base64 import b32encode
from typing import Final

from madang.errors import Refused

SYSTEM: Final = "madang"
FOREIGN: Final = "[A-Za-z0-9][A-Za-z0-9._:@|-]{0,63}"
"""The pattern of a whole foreign id; those of another kind are refused on top of it."""
_KEY: Final = "key-"
_ACCOUNT: Final = "account-"
_ISSUER: Final = "issuer-"
MAX_ID: Final = 64
_SUBJECT: Final = re.compile(r"[A-Za-z0-9._@|:-]+", re.ASCII)
_GUEST: Final = re.compile(r"u[a-z2-7]{16}", re.ASCII)
_FOREIGN: Final = re.compile(FOREIGN, re.ASCII)
_RESERVED: Final = re.compile(rf"{SYSTEM}|{_KEY}.*|{_ACCOUNT}.*|{_ISSUER}.*|{_GUEST.pattern}", re.ASCII | re.IGNORECASE)


def guest(random: str) -> str:
    """Return the id of a new guest, from 16 random characters of a-z and 2-7."""
    return f"u{random}"


def is_guest(id: str) -> bool:
    """Return whether an id is a guest's."""
    return _GUEST.fullmatch(id) is not None


def account(random: str) -> str:
    """Return the id of the user of a new account, from 16 random characters of a-z and 2-7."""
    return f"{_ACCOUNT}{random}"


def is_account(id: str) -> bool:
    """Return whether an id is that of a user with an account of this server."""
    return id.startswith(_ACCOUNT)


def is_servers(id: str) -> bool:
    """Return whether an id is the server's own or that of a server key: no person's."""
    return id == SYSTEM or id.startswith(_KEY)


def key_user(key: str) -> str:
    """Return the user id of a server key."""
    return _KEY + key


def key_of(id: str) -> str:
    """Return the id of the server key whose user id this is; empty where it is another's."""
    return id.removeprefix(_KEY) if id.startswith(_KEY) else ""


def outside(issuer: str, subject: str) -> str:
    """Return the id of a user whom an outside issuer calls `subject`; one that is long, or has other characters, is hashed.

    Args:
        issuer: its name in the settings, 1 to 16 of a-z, 0-9 and -.
    """
    id = f"{_ISSUER}{issuer}:{subject}"
    if len(id) <= MAX_ID and _SUBJECT.fullmatch(subject):
        return id
    digest = hashlib.blake2b(subject.encode(), digest_size=15).digest()
    return f"{_ISSUER}{issuer}:~{b32encode(digest).decode().lower()}"


def is_outside(id: str) -> bool:
    """Return whether an id is that of an outside issuer's user."""
    return id.startswith(_ISSUER)


def has_account(id: str) -> bool:
    """Return whether an id is that of a user who signed in somewhere, here or at a product: of no guest, and no server."""
    return not (is_guest(id) or is_servers(id))


def foreign(id: str, field: str = "as") -> str:
    """Return an id that a server key gives to a user of its product. Raise Refused (bad_field) where it cannot be one."""
    if not _FOREIGN.fullmatch(id):
        raise Refused(
            "bad_field", f"{field}: an id has 1 to 64 letters, digits and . _ : @ | -, a letter or digit first."
        )
    if _RESERVED.fullmatch(id):
        raise Refused(
            "bad_field", f"{field}: this id is of a kind that only the server gives; put something before it."
        )
    return id
