"""Accounts and their sessions, and what a login and a password may be. They are kept by `ports.accounts`; how passwords are hashed, in `services.passwords`.

A password is compared as Unicode says that texts are the same (RFC 8265, OpaqueString): after NFC, and with every kind of space
written as the plain one. So it does not matter on which keyboard it was typed.
"""

import re
from typing import Annotated, Final

import msgspec
import unicodedata2
from msgspec import Meta

from madang.core.names import is_reserved
from madang.errors import Refused

MAX_LOGIN: Final = 64
MIN_PASSWORD: Final = 8
MAX_PASSWORD: Final = 256
MIN_DIFFERENT: Final = 4
"""Characters that a password has at least which are not the same."""
MAX_SESSIONS: Final = 50
"""Of one account; who signs in once more ends the one that was not used for longest."""

# They bound what is read, before anything is looked at; the rules below say what is wrong with a text.
Login = Annotated[str, Meta(max_length=4 * MAX_LOGIN)]
Password = Annotated[str, Meta(max_length=4 * MAX_PASSWORD)]
Code = Annotated[str, Meta(max_length=64)]

_LOGIN: Final = re.compile(rf"[a-z0-9][a-z0-9._@+-]{{0,{MAX_LOGIN - 1}}}", re.ASCII)
_NO_TEXT: Final = frozenset({"Cc", "Cs", "Cn"})  # controls, halves of characters, and what no Unicode knows yet


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account.

    Attributes:
        login: in its one spelling.
        user: the id of its user.
        name: what others see.
        hash: of the password, as `services.passwords` writes it; empty while there is none.
        admin: whether it may administer the server.
        code: a hash of the code that sets another password once; empty where there is none.
        code_until_ms: when that ends.
    """

    login: str
    user: str
    name: str
    hash: str = ""
    admin: bool = False
    made_ms: int = 0
    code: str = ""
    code_until_ms: int = 0


class AccountSession(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody signed in to: tokens name it. `ended_ms` is 0 while it lasts."""

    id: str
    user: str
    made_ms: int
    seen_ms: int
    ended_ms: int = 0


def clean_login(login: str) -> str:
    """Return a login in its one spelling, in lower case. Raise Refused (bad_field) where it can be nobody's."""
    plain = login.lower() if login.isascii() else ""
    if _LOGIN.fullmatch(plain) is None:
        raise Refused(
            "bad_field", f"login: 1 to {MAX_LOGIN} of a-z, 0-9 and . _ @ + -, the first of them a letter or a digit."
        )
    return plain


def check_free_login(login: str) -> None:
    """Raise Refused (bad_name) for a login that looks like one of the operator's own, such as "admin"."""
    if is_reserved(login):
        raise Refused("bad_name", "login: this one looks like one that is reserved. Choose another.")


def clean_password(password: str) -> str:
    """Return a password as it is hashed. Raise Refused (bad_password) for what cannot be one."""
    if not 0 < len(password) <= MAX_PASSWORD:
        raise Refused("bad_password", f"A password has 1 to {MAX_PASSWORD} characters.")
    if not password.isascii():
        spaces = {ord(c): " " for c in set(password) if unicodedata2.category(c) == "Zs"}
        password = unicodedata2.normalize("NFC", password.translate(spaces))
    if any(unicodedata2.category(c) in _NO_TEXT for c in set(password)):
        raise Refused("bad_password", "A password has no control characters, and no half of a character.")
    if len(password) > MAX_PASSWORD:  # some characters become two or three
        raise Refused("bad_password", f"A password has 1 to {MAX_PASSWORD} characters.")
    return password


def new_password(password: str, login: str) -> str:
    """Return what `clean_password` does, of a password that somebody chooses (bad_password where anybody would guess it)."""
    clean = clean_password(password) if password else ""
    if len(clean) < MIN_PASSWORD:
        raise Refused("bad_password", f"A password has at least {MIN_PASSWORD} characters.")
    if len(set(clean)) < MIN_DIFFERENT or clean.lower() == login:
        raise Refused("bad_password", "This password is the login, or one character again and again. Choose another.")
    return clean
