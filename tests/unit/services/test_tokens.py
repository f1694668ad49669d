"""While keys are rotated, tokens of every key are believed, and a token is replaced by one of the key that signs now."""

import time

import jwt
import pytest

from madang.core.actors import Actor
from madang.core.signing import FIRST, Keyring, SigningKey, SigningKeys
from madang.errors import Refused
from madang.services.tokens import Access, Tokens

MINA = Actor(id="u-mina", name="Mina", address="10.0.0.1")
OLD, NEW = SigningKey(FIRST, b"o" * 32), SigningKey("2000", b"n" * 32, 2000)


class Clock:
    ms = 1000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring(clock: Clock) -> Keyring:
    return Keyring(SigningKeys("name", b"", (OLD,)), clock)


def read(keyring: Keyring, token: str) -> Access:
    """What another node makes of it."""
    return Tokens(keyring).read(token, time.time(), MINA.address)


def test_a_token_of_the_first_key_is_one_of_versions_before(keyring: Keyring) -> None:
    """They name no key, and are signed by the secret itself: either version takes the other's."""
    token = Tokens(keyring).sign(MINA, time.time()).token
    assert "kid" not in jwt.get_unverified_header(token)
    assert jwt.decode(token, OLD.secret, ["HS256"], audience="madang")["sub"] == MINA.id


def test_a_new_key_is_believed_before_it_signs(keyring: Keyring, clock: Clock) -> None:
    keyring.keys = (OLD, NEW)
    tokens = Tokens(keyring)
    assert tokens.sign(MINA, time.time()).key == OLD.id
    clock.ms = NEW.from_ms
    access = tokens.sign(MINA, time.time())
    assert access.key == NEW.id
    clock.ms -= 1  # a node that is a little behind
    assert read(keyring, access.token).user == MINA


def test_old_tokens_hold_until_their_key_is_retired_and_are_replaced_before(keyring: Keyring, clock: Clock) -> None:
    tokens = Tokens(keyring)
    old = tokens.sign(MINA, time.time())
    assert read(keyring, old.token) == old
    keyring.keys = (OLD, NEW)
    assert tokens.read(old.token, time.time(), MINA.address) == old
    clock.ms = NEW.from_ms
    fresh = tokens.read(old.token, time.time(), MINA.address)
    assert (fresh.user, fresh.key) == (MINA, NEW.id)
    assert jwt.get_unverified_header(fresh.token)["kid"] == NEW.id
    keyring.keys = (NEW,)
    assert tokens.read(fresh.token, time.time(), MINA.address) == fresh
    for reader in (tokens, Tokens(keyring)):
        with pytest.raises(Refused) as refusal:
            reader.read(old.token, time.time(), "")
        assert refusal.value.code == "bad_token"


def test_what_a_replaced_token_said_stays(keyring: Keyring, clock: Clock) -> None:
    clock.ms = NEW.from_ms
    old = Tokens(keyring).sign(MINA, time.time())
    keyring.keys = (OLD, NEW)
    fresh = read(keyring, old.token)
    sessions = [jwt.decode(each.token, options={"verify_signature": False})["sid"] for each in (old, fresh)]
    assert sessions[0] == sessions[1]


def test_a_token_that_has_expired_is_not_replaced_by_one_of_a_new_key(keyring: Keyring, clock: Clock) -> None:
    now = time.time()
    late = Tokens(keyring).sign(MINA, now - 30 * 24 * 3600 - 10)
    keyring.keys, clock.ms = (OLD, NEW), NEW.from_ms
    assert read(keyring, late.token).token == late.token


def test_a_token_is_believed_only_by_the_key_that_it_names(keyring: Keyring) -> None:
    keyring.keys = (OLD, NEW)
    claims = {"iss": "madang", "aud": "madang", "sub": "u", "name": "U", "iat": 1, "exp": int(time.time()) + 100}
    right = NEW.for_tokens()
    assert read(keyring, jwt.encode(claims, right, "HS256", {"kid": NEW.id})).user.id == "u"
    for secret, headers in (
        (right, None),
        (right, {"kid": "3000"}),
        (right, {"kid": f"{NEW.id} "}),
        (right, {"kid": "../../dev/null"}),
        (OLD.secret, {"kid": NEW.id}),
        (OLD.secret, {"kid": "0"}),
        (NEW.secret, {"kid": NEW.id}),  # of which tokens and envelopes have keys of their own
        (NEW.for_envelopes(b""), {"kid": NEW.id}),
    ):
        with pytest.raises(Refused):
            read(keyring, jwt.encode(claims, secret, "HS256", headers))
