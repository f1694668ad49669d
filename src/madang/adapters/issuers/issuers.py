"""Checks tokens of outside issuers (`ports.issuers`): whose one is, by which key it must be signed, and what it says.

A token is read twice. At first strictly and without believing it, only to know which issuer it names; then PyJWT proves it by
the key and the algorithms of that issuer alone. Nothing in a token's header leads to a key but `kid`, which is looked up among
those of its own issuer: `jku`, `x5u` and `jwk` are refused, and so is whatever must be understood (`crit`).
"""

import asyncio
import base64
import binascii
import json
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import jwt
from jwt.types import Options

from madang.adapters.issuers.fetching import fetch
from madang.adapters.issuers.issuer import OURS, Issuer, checked
from madang.adapters.issuers.key_set import MAX_KID, RETRY_S, KeySet
from madang.core.bounds import MAX_TOKEN
from madang.core.metrics import Metric
from madang.core.rooms import room_id
from madang.errors import Limited, Refused, SetupError
from madang.ports.issuers import Vouched

LEEWAY_S: Final = 60
REFRESH_S: Final = 300.0
"""Between two fetches of keys that nobody asked for: a key that is published before it is used is known in time."""
MAX_SUBJECT: Final = 255
MAX_ROOMS: Final = 50
"""In the claim of rooms: with as many of the longest ids a ticket is no longer than a token may be."""
LAST_S: Final = 253_402_300_799  # the year 9999
_REFUSED: Final = frozenset({"b64", "crit", "jku", "jwk", "x5c", "x5u", "zip"})
_PARTS: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_TIMES: Final = ("exp", "nbf", "iat")


class JwtIssuers:
    """The issuers of an installation.

    Args:
        issuers: as configured.
        fetch: returns the document at a URL.
        time: seconds of a clock that only goes on.

    Raises:
        SetupError: two have one name or cannot be told apart, or one is not safe as it is configured.
    """

    def __init__(
        self,
        issuers: Sequence[Issuer],
        fetch: Callable[[str], Awaitable[bytes]] = fetch,
        time: Callable[[], float] = time.monotonic,
    ) -> None:
        self._by_claim: dict[str, Issuer] = {}
        self._key_sets: dict[str, KeySet] = {}
        names = set()
        for issuer in map(checked, issuers):
            if issuer.name in names or issuer.issuer in self._by_claim:
                raise SetupError(
                    f"The issuer {issuer.name!r} cannot be told from another.", "Give each a name and an issuer (iss)."
                )
            names.add(issuer.name)
            self._by_claim[issuer.issuer] = issuer
            if issuer.jwks:
                self._key_sets[issuer.name] = KeySet(issuer, fetch, time)

    def verify(self, token: str) -> Vouched | None:
        """See `Issuers.verify`."""
        issuer, header = self._read(token)
        if issuer.secret:
            return _proved(token, issuer, issuer.secret, "HS256")
        keys = self._key_sets[issuer.name]
        if (key := keys.find(header.get("kid"))) is not None:
            return _proved(token, issuer, key, key.algorithm_name)
        if keys.may_change:
            return None
        raise _unknown_key(keys)

    async def fetch(self, token: str) -> Vouched:
        """See `Issuers.fetch`."""
        issuer, _ = self._read(token)
        keys = self._key_sets[issuer.name]
        if keys.may_change:  # else others' question has been answered meanwhile
            await keys.refresh()
        vouched = self.verify(token)
        if vouched is None:
            raise _unknown_key(keys)
        return vouched

    async def run(self) -> None:
        """See `Issuers.run`."""
        while True:
            await asyncio.gather(*(keys.refresh() for keys in self._key_sets.values()))
            failed = any(keys.failed for keys in self._key_sets.values())
            await asyncio.sleep(RETRY_S if failed else REFRESH_S)

    def metrics(self) -> list[Metric]:
        """See `Issuers.metrics`."""
        failed = sum(keys.failed for keys in self._key_sets.values())
        known = sum(map(len, self._key_sets.values()))
        return [
            Metric("gauge", "madang_issuer_keys", "Published keys of outside issuers that are known.", known),
            Metric("gauge", "madang_issuers_failing", "Outside issuers whose keys were not fetched last time.", failed),
        ]

    def _read(self, token: str) -> tuple[Issuer, dict[str, Any]]:
        """Return which issuer a token names, and its header, unless something in them is refused already (bad_token)."""
        parts = _PARTS.fullmatch(token) if len(token) <= MAX_TOKEN else None
        if parts is None:
            raise Refused("bad_token")
        header, claims = _object(parts[1]), _object(parts[2])
        _bytes(parts[3])
        kid, named = header.get("kid"), claims.get("iss", "")
        if _REFUSED & header.keys() or not (kid is None or (isinstance(kid, str) and len(kid) <= MAX_KID)):
            raise Refused("bad_token")
        if not isinstance(named, str) or named == OURS:
            raise Refused("bad_token")
        issuer = self._by_claim.get(named) or self._by_claim.get("")
        if issuer is None or header.get("alg") not in issuer.algorithms:
            raise Refused("bad_token")
        return issuer, header


def _proved(token: str, issuer: Issuer, key: jwt.PyJWK | str, algorithm: str) -> Vouched:
    """Return what a token says, if this key has signed it and all that it says holds now (bad_token)."""
    required = ["exp", "sub", *(["iss"] if issuer.issuer else []), *(["aud"] if issuer.audience else [])]
    options: Options = {"require": required, "verify_iat": False, "verify_aud": bool(issuer.audience)}
    try:
        claims: dict[str, Any] = jwt.decode(
            token, key, [algorithm], audience=issuer.audience or None, issuer=issuer.issuer or None,
            leeway=LEEWAY_S, options=options,
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
        raise Refused("bad_token") from None
    subject, name = claims["sub"], claims.get(issuer.name_claim)
    if not all(_is_time(claims[each]) for each in _TIMES if each in claims):
        raise Refused("bad_token")
    if not (isinstance(subject, str) and 0 < len(subject) <= MAX_SUBJECT and subject.isprintable()):
        raise Refused("bad_token")
    return Vouched(
        issuer.name, subject, name if isinstance(name, str) else "", float(claims["exp"]),
        _picture(claims, issuer.picture_claim), _rooms(claims, issuer.rooms_claim),
    )  # fmt: skip


def _picture(claims: dict[str, Any], claim: str) -> str | None:
    """Return the picture that a token names, "" if it says that there is none."""
    said = claims.get(claim, ...) if claim else ...
    return said if isinstance(said, str) else "" if said is None else None


def _rooms(claims: dict[str, Any], claim: str) -> frozenset[str]:
    """Return the rooms that a token lets its holder join. Refuse the token (bad_token) where the claim is not a list of ids, or too long a list."""
    said = claims.get(claim) if claim else None
    if said is None:
        return frozenset()
    if not isinstance(said, list) or len(said) > MAX_ROOMS:
        raise Refused("bad_token")
    try:
        return frozenset(room_id(id if isinstance(id, str) else "") for id in said)
    except Refused:
        raise Refused("bad_token") from None


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LAST_S


def _unknown_key(keys: KeySet) -> Refused:
    return Limited("overloaded", int(RETRY_S * 1000)) if keys.failed else Refused("bad_token")


def _bytes(part: str) -> bytes:
    """Return what a part of a token is, written in the one way there is (bad_token)."""
    try:
        read = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except binascii.Error:
        raise Refused("bad_token") from None
    if base64.urlsafe_b64encode(read).rstrip(b"=") != part.encode():
        raise Refused("bad_token")
    return read


def _object(part: str) -> dict[str, Any]:
    """Return the object that a part of a token is, in which nothing is said twice (bad_token)."""
    try:
        text = _bytes(part).decode()  # json would guess UTF-16 and others, too
        read = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused("bad_token") from None
    if not isinstance(read, dict):
        raise Refused("bad_token")
    return read


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _no_number(text: str) -> float:
    raise ValueError(text)
