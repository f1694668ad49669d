"""The published keys of one issuer, as they were fetched last: remembered, bounded, and fetched again rarely.

Known keys go on working while the issuer's server is slow, away or answers nonsense, for STALE_S. A token that names a key
that is not known has the set fetched again, but not more often than each AGAIN_S: strangers can name any number of keys.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from madang.adapters.issuers.fetching import NotFetched
from madang.adapters.issuers.issuer import Issuer
from madang.aio import SingleFlight

logger = logging.getLogger("madang.issuers")

AGAIN_S: Final = 60.0
"""Between two fetches after one that worked."""
RETRY_S: Final = 5.0
"""After one that did not."""
STALE_S: Final = 24 * 3600.0
MAX_KEYS: Final = 64
MAX_KID: Final = 256
MIN_RSA, MAX_RSA = 2048, 8192  # bits; to verify by a key of 16,384 takes a millisecond
MAX_EXPONENT: Final = 2**32  # of RSA; all use 65,537, and with one of 3,072 bits to verify takes 70 ms
_CURVES: Final = {"ES256": ("EC", "P-256"), "EdDSA": ("OKP", "Ed25519")}


class KeySet:
    """The keys of an issuer, by their ids; one without an id is "".

    Args:
        fetch: returns the document at a URL.
        time: seconds of a clock that only goes on.
    """

    def __init__(self, issuer: Issuer, fetch: Callable[[str], Awaitable[bytes]], time: Callable[[], float]) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._time = time
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._fetched_at = float("-inf")
        self._next_at = float("-inf")  # when it may be fetched again
        self._flight: SingleFlight[None] = SingleFlight()
        self._flying = False
        self.failed = False  # the last fetch did not work

    def find(self, kid: str | None) -> jwt.PyJWK | None:
        """Return a key that a token names; the only one there is for a token that names none."""
        if self._time() - self._fetched_at > STALE_S:
            return None
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    def __len__(self) -> int:
        return len(self._keys) if self._time() - self._fetched_at <= STALE_S else 0

    @property
    def may_change(self) -> bool:
        """Whether the keys are being fetched, or may be again."""
        return self._flying or self._time() >= self._next_at

    async def refresh(self) -> None:
        """Fetch the keys, or wait for the fetch that is under way. Where that fails, those that were known stay."""
        await self._flight.do("keys", self._refresh)

    async def _refresh(self) -> None:
        self._flying = True
        try:
            found = await asyncio.to_thread(usable, await self._fetch(self._issuer.jwks), self._issuer.algorithms)
        except NotFetched as error:
            if not self.failed:
                logger.warning("the keys of the issuer %s are not fetched: %s", self._issuer.name, error)
            self.failed = True
            self._next_at = self._time() + RETRY_S
        else:
            if self.failed:
                logger.info("the keys of the issuer %s are fetched again", self._issuer.name)
            self.failed = False
            self._keys = found
            self._fetched_at = self._time()
            self._next_at = self._fetched_at + AGAIN_S
        finally:
            self._flying = False


def usable(document: bytes, algorithms: tuple[str, ...]) -> dict[str, jwt.PyJWK]:
    """Return the keys of a JWK set that may sign tokens, by their ids; the first of several of one id. Raise NotFetched for no set."""
    try:
        listed = json.loads(document)["keys"]
        entries = [entry for entry in listed[: 4 * MAX_KEYS] if isinstance(entry, dict)]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotFetched("it is not a JWK set") from None
    found: dict[str, jwt.PyJWK] = {}
    for entry in entries:
        key = _key(entry, algorithms)
        kid = entry.get("kid", "")
        if key is not None and isinstance(kid, str) and len(kid) <= MAX_KID and len(found) < MAX_KEYS:
            found.setdefault(kid, key)
    if not found:
        raise NotFetched("none of its keys can sign tokens")
    return found


def _key(entry: dict[str, Any], algorithms: tuple[str, ...]) -> jwt.PyJWK | None:
    """Return a key, if it is for signatures, of one of the algorithms, and public."""
    if entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    if "key_ops" in entry and (not isinstance(entry["key_ops"], list) or "verify" not in entry["key_ops"]):
        return None
    fits = [each for each in algorithms if _fits(entry, each) and entry.get("alg", each) == each]
    try:
        key = jwt.PyJWK(entry, fits[0]) if fits else None
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        return None
    if key is not None and isinstance(key.key, RSAPublicKey) and not _is_usual(key.key):
        return None
    return key


def _is_usual(key: RSAPublicKey) -> bool:
    """Return whether an RSA key is neither weak nor makes each token that names it cost much."""
    return MIN_RSA <= key.key_size <= MAX_RSA and key.public_numbers().e <= MAX_EXPONENT


def _fits(entry: dict[str, Any], algorithm: str) -> bool:
    if algorithm == "RS256":
        return entry.get("kty") == "RSA"
    return (entry.get("kty"), entry.get("crv")) == _CURVES[algorithm]
