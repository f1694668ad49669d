"""One issuer, as it is configured: by what its tokens are known and proved. Raises SetupError for what would not be safe."""

import re
from typing import Final

import msgspec

from madang.adapters.issuers.fetching import check_url
from madang.errors import SetupError

PUBLISHED: Final = ("RS256", "ES256", "EdDSA")
"""Algorithms of keys that are published; by a shared secret it is HS256."""
OURS: Final = "madang"
"""The `iss` of this server's own tokens, which no other issuer may have."""
MIN_SECRET: Final = 32
"""Bytes; RFC 7518, 3.2."""
_NAME: Final = re.compile(r"[a-z0-9-]{1,16}")


class Issuer(msgspec.Struct, frozen=True, kw_only=True):
    """An issuer.

    Attributes:
        name: ours for it; user ids begin with it, so it must not change.
        issuer, audience: what `iss` and `aud` of its tokens must be; "" for anything, which a shared secret alone allows.
        algorithms: those that its tokens may be signed with.
        secret: shared with it, of MIN_SECRET bytes at least; "" where keys are published.
        jwks: the URL where its keys are published.
        name_claim: the claim that users see as the name.
        picture_claim: the claim with the URL of a picture.
        rooms_claim: the claim with the ids of rooms that the holder may join; "" for none.
    """

    name: str
    issuer: str = ""
    audience: str = ""
    algorithms: tuple[str, ...] = ()
    secret: str = ""
    jwks: str = ""
    name_claim: str = "name"
    picture_claim: str = "picture"
    rooms_claim: str = ""


def checked(issuer: Issuer) -> Issuer:
    """Return an issuer with its algorithms. Raise SetupError where its settings are missing or contradict each other."""
    called = f"The issuer {issuer.name!r}"
    if not _NAME.fullmatch(issuer.name):
        raise SetupError(f"{called} needs another name.", "Take 1 to 16 of a-z, 0-9 and -.")
    if bool(issuer.secret) == bool(issuer.jwks):
        raise SetupError(f"{called} needs either a secret or a JWKS URL.", "Set exactly one of the two.")
    if issuer.issuer == OURS:
        raise SetupError(f"{called} cannot be called madang in its tokens.", "That is this server itself.")
    allowed = ("HS256",) if issuer.secret else PUBLISHED
    algorithms = issuer.algorithms or allowed
    if wrong := [each for each in algorithms if each not in allowed]:
        raise SetupError(
            f"{called} cannot use {', '.join(wrong)}.",
            "With a secret it is HS256; with a JWKS URL RS256, ES256 and EdDSA.",
        )
    if issuer.secret:
        if len(issuer.secret.encode()) < MIN_SECRET:
            raise SetupError(
                f"The secret of {called[0].lower()}{called[1:]} is too short.", "Take 32 random bytes or more."
            )
    else:
        check_url(called, issuer.jwks)
        if not (issuer.issuer and issuer.audience):
            raise SetupError(
                f"{called} publishes its keys to everybody, so its tokens must say that they are for this server.",
                "Set its issuer (iss) and audience (aud).",
            )
    return msgspec.structs.replace(issuer, algorithms=tuple(algorithms))
