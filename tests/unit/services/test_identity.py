"""A token is good only if this installation signed it, for this use, and lately; a key only if it is known."""

import asyncio
import base64
import hashlib
import json
import time
from typing import Any

import jwt
import msgspec
import pytest

from madang.adapters.sql import Store
from madang.core.actors import Actor
from madang.core.rate import Rate
from madang.core.signing import FIRST, Keyring, SigningKey, SigningKeys, lone_keyring
from madang.errors import Refused
from madang.ports.directory import ServerKey
from madang.ports.issuers import Vouched
from madang.services.address_limits import WRONG_TOKEN
from madang.services.identity import Identity
from madang.services.limits import UNLIMITED, Limits, Rates
from madang.services.server_keys import KEPT_S
from madang.services.tokens import LEEWAY_S, RENEW_S, TOKEN_S, Tokens
from madang.transports.sessions import Sessions

SECRET = b"s" * 32
TOKENS = Tokens(lone_keyring(SECRET))
MINA = Actor(id="u-mina", name="Mina")


@pytest.fixture
def identity() -> Identity:
    """One that looks nothing up: tokens need no directory."""
    return Identity(TOKENS, None, Limits(UNLIMITED), lambda: 0.0, Sessions())  # type: ignore[arg-type]


def claims(**other: Any) -> dict[str, Any]:
    now = int(time.time())
    sound = {"iss": "madang", "aud": "madang", "sub": "u-mina", "name": "Mina", "iat": now, "exp": now + 100}
    return {name: value for name, value in {**sound, **other}.items() if value is not None}


def made(user: Actor, now: float) -> str:
    return TOKENS.sign(user, now).token


def refused(identity: Identity, token: str) -> None:
    with pytest.raises(Refused) as refusal:
        identity.verify(token, time.time())
    assert refusal.value.code == "bad_token"


def test_a_guest_is_somebody_new_with_a_token(identity: Identity) -> None:
    access = identity.guest("  Mina  Kim ", "10.0.0.1", time.time())
    user, other = access.user, identity.guest("Mina Kim", "10.0.0.1", time.time()).user
    assert user.name == other.name == "Mina Kim"
    assert user.id != other.id
    assert len(user.id) <= 64
    assert identity.verify(access.token, time.time(), "10.0.0.1") == access


@pytest.mark.parametrize("name", ["", " ", "admin", "\u202eniM", "x" * 41])
def test_a_bad_name_is_no_guest(identity: Identity, name: str) -> None:
    with pytest.raises(Refused) as refusal:
        identity.guest(name, "10.0.0.1", time.time())
    assert refusal.value.code == "bad_name"


def test_our_own_claims_are_sound(identity: Identity) -> None:
    assert identity.verify(jwt.encode(claims(), SECRET, "HS256"), time.time()).user == MINA


@pytest.mark.parametrize("hours", [-24, 1, 2])
def test_a_token_outlives_a_clock_that_is_set(identity: Identity, hours: int) -> None:
    """Made by a clock that was ahead or behind: when it was made is nothing to hold against it."""
    access = identity.guest("Mina", "10.0.0.1", time.time() + hours * 3600)
    assert identity.verify(access.token, time.time(), "10.0.0.1").user == access.user


@pytest.mark.parametrize("missing", ["iss", "aud", "sub", "name", "iat", "exp"])
def test_a_claim_that_is_missing(identity: Identity, missing: str) -> None:
    refused(identity, jwt.encode(claims(**{missing: None}), SECRET, "HS256"))


@pytest.mark.parametrize(
    "other",
    [
        {"iss": "someone"},
        {"aud": "someone"},
        {"aud": "madang/invite"},
        {"exp": "soon"},
        {"exp": [1]},
    ],
    ids=str,
)
def test_a_claim_that_is_wrong(identity: Identity, other: dict[str, Any]) -> None:
    refused(identity, jwt.encode(claims(**other), SECRET, "HS256"))


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -LEEWAY_S - 10), ("nbf", 1000)])
def test_a_token_before_or_after_its_time(identity: Identity, claim: str, seconds: int) -> None:
    refused(identity, jwt.encode(claims(**{claim: int(time.time()) + seconds}), SECRET, "HS256"))


def test_a_little_late_is_not_late(identity: Identity) -> None:
    identity.verify(jwt.encode(claims(exp=int(time.time()) - LEEWAY_S + 20), SECRET, "HS256"), time.time())


def unsigned(header: dict[str, Any], body: dict[str, Any], signature: bytes = b"") -> str:
    parts = [json.dumps(header).encode(), json.dumps(body).encode(), signature]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "HS384", "HS512", "RS256", ""])
def test_a_token_of_another_algorithm_is_refused(identity: Identity, alg: str) -> None:
    refused(identity, unsigned({"alg": alg, "typ": "JWT"}, claims()))
    if alg in ("HS384", "HS512"):
        refused(identity, jwt.encode(claims(), SECRET * 2, alg))


def test_a_token_of_another_key_is_refused(identity: Identity) -> None:
    refused(identity, jwt.encode(claims(), b"t" * 32, "HS256"))
    refused(identity, jwt.encode(claims(), SECRET, "HS256", headers={"kid": "../../dev/null", "jwk": {"k": "dA"}})[:-2])


def test_a_changed_token(identity: Identity) -> None:
    token = made(MINA, time.time())
    head, body, signature = token.split(".")
    other = json.dumps({**claims(), "sub": "u-owner"}).encode()
    refused(identity, ".".join([head, base64.urlsafe_b64encode(other).rstrip(b"=").decode(), signature]))
    for broken in (
        "",
        ".",
        "..",
        head,
        f"{head}.{body}",
        f"{token}.",
        token[:-3],
        "a.b.c",
        "가.나.다",
        "\0",
        "x" * 8000,
    ):
        refused(identity, broken)


def test_a_token_is_renewed_when_half_its_time_is_over(identity: Identity) -> None:
    now = time.time()
    young = made(MINA, now - RENEW_S + 100)
    assert identity.verify(young, now).token == young
    old = made(MINA, now - RENEW_S - 100)
    fresh = identity.verify(old, now).token
    assert fresh != old
    assert identity.verify(fresh, now).user == MINA
    assert jwt.decode(fresh, SECRET, ["HS256"], audience="madang")["exp"] == int(now) + TOKEN_S
    refused(identity, made(MINA, now - TOKEN_S - LEEWAY_S - 10))


def test_a_token_that_has_expired_is_not_replaced(identity: Identity) -> None:
    now = time.time()
    stale = made(MINA, now - TOKEN_S - LEEWAY_S / 2)
    assert identity.verify(stale, now).token == stale
    with pytest.raises(Refused):
        identity.verify(made(MINA, now - TOKEN_S - LEEWAY_S - 10), now)
    last = made(MINA, now - TOKEN_S + 5)
    assert identity.verify(last, now).token != last


def test_a_token_keeps_its_session_when_it_is_replaced(identity: Identity) -> None:
    now = time.time()
    first, other = made(MINA, now - RENEW_S - 100), made(MINA, now)
    sessions = [
        jwt.decode(each, SECRET, ["HS256"], audience="madang")["sid"]
        for each in (first, identity.verify(first, now).token, other)
    ]
    assert sessions[0] == sessions[1] != sessions[2]
    old = jwt.encode(claims(), SECRET, "HS256")  # of a version without sessions
    assert jwt.decode(identity.verify(old, now).token, SECRET, ["HS256"], audience="madang")["sid"]


def test_a_connection_goes_on_by_a_token_of_its_own_user_alone(identity: Identity) -> None:
    now = time.time()
    old, bora = made(MINA, now - RENEW_S - 100), made(Actor(id="u-bora", name="Bora"), now)
    fresh = identity.same_user(MINA, identity.verify(old, now))
    assert fresh.until == int(now) + TOKEN_S + LEEWAY_S
    assert identity.same_user(MINA, identity.verify(fresh.token, now)) == fresh
    for token, code in (
        (bora, "bad_field"),
        ("x", "bad_token"),
        (made(MINA, now - 2 * TOKEN_S), "bad_token"),
    ):
        with pytest.raises(Refused) as refusal:
            identity.same_user(MINA, identity.verify(token, now))
        assert refusal.value.code == code


async def test_a_caller_is_a_user_or_a_server_and_only_users_are_counted(store: Store) -> None:
    identity = Identity(TOKENS, store, Limits(Rates(connection=Rate(1, 2))), lambda: 1000.0, Sessions())
    _, key = await identity.add_key("Shop", time.time())
    token = made(MINA, time.time())
    assert [(await identity.caller(token, time.time(), "", "me")).user for _ in range(2)] == [MINA, MINA]
    with pytest.raises(Refused) as refusal:
        await identity.caller(token, time.time(), "", "me")
    assert refusal.value.code == "rate_limited"
    assert all([(await identity.caller(key, time.time(), "", "me")).user.server for _ in range(5)])
    for wrong in ("", "x.y.z", "mk_0_0"):
        with pytest.raises(Refused) as refusal:
            await identity.caller(wrong, time.time(), "", "me")
        assert refusal.value.code == "bad_token"


async def test_what_is_not_valid_is_charged_to_its_address(store: Store) -> None:
    limits = Limits(Rates(requests=Rate(0.001, 2 * WRONG_TOKEN)))
    identity = Identity(TOKENS, store, limits, lambda: 1000.0, Sessions())
    for wrong in ("x.y.z", "mk_0_0"):
        limits.addresses.arrival("here", 1000.0)
        with pytest.raises(Refused):
            await identity.caller(wrong, time.time(), "here", "me")
    with pytest.raises(Refused) as refusal:
        limits.addresses.arrival("here", 1000.0)
    assert refusal.value.code == "rate_limited"
    limits.addresses.arrival("elsewhere", 1000.0)


async def test_wrong_tokens_of_connections_weigh_as_several_handshakes() -> None:
    limits = Limits(Rates(address=Rate(0.001, 2 * WRONG_TOKEN)))
    identity = Identity(TOKENS, None, limits, lambda: 1000.0, Sessions())  # type: ignore[arg-type]
    limits.addresses.handshake("here", 1000.0)
    with pytest.raises(Refused):
        identity.shown("x.y.z", time.time(), "here")
    limits.addresses.handshake("here", 1000.0)
    with pytest.raises(Refused):
        await identity.shown_later("x.y.z", time.time(), "here")
    with pytest.raises(Refused) as refusal:
        limits.addresses.handshake("here", 1000.0)
    assert refusal.value.code == "rate_limited"
    limits.addresses.handshake("elsewhere", 1000.0)
    for _ in range(3):
        identity.shown(made(MINA, time.time()), time.time(), "elsewhere")
    for _ in range(19):
        limits.addresses.handshake("elsewhere", 1000.0)


def test_guests_are_counted_by_their_address() -> None:
    identity = Identity(TOKENS, None, Limits(Rates(address=Rate(1, 2))), lambda: 1000.0, Sessions())  # type: ignore[arg-type]
    for _ in range(2):
        identity.guest("Mina", "10.0.0.1", time.time())
    with pytest.raises(Refused) as refusal:
        identity.guest("Mina", "10.0.0.1", time.time())
    assert refusal.value.code == "rate_limited"
    identity.guest("Mina", "10.0.0.2", time.time())


def test_only_servers_speak_for_others(identity: Identity) -> None:
    shop = Actor(id="key-1", name="Shop", server=True)
    assert identity.speaking_for(shop, "bot-7", " Bot ") == Actor(id="bot-7", name="Bot", server=True, via="key-1")
    for id in ("madang", "key-deadbeef", "uqk3v7m5h2x5d4yny", "bot\n", ""):
        with pytest.raises(Refused) as refusal:
            identity.speaking_for(shop, id, "Bot")
        assert refusal.value.code == "bad_field"
    for actor, name, code in (
        (MINA, "Bot", "forbidden"),
        (MINA, "admin", "forbidden"),
        (shop, "admin\u202e", "bad_name"),
    ):
        with pytest.raises(Refused) as refusal:
            identity.speaking_for(actor, "bot-7", name)
        assert refusal.value.code == code


async def test_a_key_is_known_by_its_secret(store: Store) -> None:
    identity = Identity(TOKENS, store, Limits(UNLIMITED), lambda: 0.0, Sessions())
    key, secret = await identity.add_key("Shop", time.time())
    server = (await identity.server(secret)).user
    assert (server.name, server.server) == ("Shop", True)
    kept = (await store.keys())[0]
    assert secret.split("_", 2)[2] not in str(kept), "the secret itself is kept nowhere"
    other, _ = await identity.add_key("Other", time.time())
    swapped = f"mk_{other.id}_{secret.split('_', 2)[2]}"
    for wrong in (
        secret[:-1],
        secret + "x",
        swapped,
        f"mk_{key.id}_",
        f"mk_{key.id}",
        "mk__",
        "mk",
        "",
        "가",
        secret.upper(),
    ):
        with pytest.raises(Refused) as refusal:
            await identity.server(wrong)
        assert refusal.value.code == "bad_token"
    await identity.drop_key(key.id)
    with pytest.raises(Refused):
        await identity.server(secret)
    with pytest.raises(Refused) as refusal:
        await identity.drop_key(key.id)
    assert refusal.value.code == "not_found"


async def test_a_key_with_scopes_is_for_nothing_else_and_a_refusal_is_no_wrong_key(store: Store) -> None:
    limits = Limits(Rates(requests=Rate(0.001, WRONG_TOKEN)))
    identity = Identity(TOKENS, store, limits, lambda: 1000.0, Sessions())
    _, text = await identity.add_key("Shop", 0.0, ["read", "publish"])
    for _ in range(5):
        shop = (await identity.caller(text, 0.0, "here", "send")).user
        assert (shop.scopes, shop.server) == (frozenset({"publish", "read"}), True)
        with pytest.raises(Refused) as refusal:
            await identity.caller(text, 0.0, "here", "delete_room")
        assert refusal.value.code == "no_scope"
    limits.addresses.arrival("here", 1000.0)
    assert [key.scopes for key in await store.keys()] == ["publish read"]
    with pytest.raises(Refused, match="there is no 'owner'"):
        await identity.add_key("Shop", 0.0, ["owner"])


async def test_a_key_ends_in_the_very_millisecond(store: Store) -> None:
    now_ms = [1_000_000]
    identity = Identity(TOKENS, store, Limits(UNLIMITED), lambda: 0.0, Sessions(), clock_ms=lambda: now_ms[0])
    key, text = await identity.add_key("Shop", 1000.0, for_ms=5000)
    assert key.expires_ms == 1_005_000
    now_ms[0] = 1_004_999
    assert (await identity.server(text)).user.name == "Shop"
    assert identity.serves(text)
    now_ms[0] += 1
    assert not identity.serves(text)
    with pytest.raises(Refused) as refusal:
        await identity.server(text)
    assert refusal.value.code == "bad_token"


@pytest.mark.parametrize(("scopes", "for_ms"), [(["read"], None), ([], 5000), (["read"], 5000)])
async def test_a_version_that_knows_no_limits_does_not_know_a_key_that_has_some(
    store: Store, scopes: list[str], for_ms: int | None
) -> None:
    """Nor does a row that somebody has changed in the database open more than it did."""
    identity = Identity(TOKENS, store, Limits(UNLIMITED), lambda: 0.0, Sessions(), clock_ms=lambda: 0)
    key, text = await identity.add_key("Shop", 0.0, scopes, for_ms)
    assert hashlib.sha256(text.split("_", 2)[2].encode()).hexdigest() != key.hash
    assert (await identity.server(text)).user.server
    await store.drop_key(key.id)
    await store.add_key(msgspec.structs.replace(key, scopes=None, expires_ms=None))
    other = Identity(TOKENS, store, Limits(UNLIMITED), lambda: 0.0, Sessions(), clock_ms=lambda: 0)
    with pytest.raises(Refused):
        await other.server(text)


def test_a_token_has_one_spelling() -> None:
    identity = Identity(TOKENS, None, Limits(UNLIMITED), lambda: 0.0, Sessions())  # type: ignore[arg-type]
    token = made(MINA, time.time())
    assert identity.verify(token, time.time()).user.id == MINA.id
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(token[-1])
    others = [token[:-1] + alphabet[last + n] for n in (1, 2, 3)]  # the same bytes, read by a lenient decoder
    head, body, signature = token.split(".")
    others += [
        token + "=",
        token + "==",
        f" {token}",
        f"{token} ",
        f"{token}\n",
        f"{head}=.{body}.{signature}",
        token + ".",
    ]
    others += [f"{head}.{body}.{signature[:20]}\n{signature[20:]}", f"{head}.{body}.{signature[:20]}!{signature[20:]}"]
    for other in others:
        with pytest.raises(Refused) as refusal:
            identity.verify(other, time.time())
        assert refusal.value.code == "bad_token", other


async def test_a_key_is_looked_up_once_in_a_while_and_dropped_at_once(store: Store) -> None:
    class Counting:
        asked = 0

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def key(self, id: str) -> ServerKey | None:
            self.asked += 1
            return await store.key(id)

    now, directory = [0.0], Counting()
    here, there = (Identity(TOKENS, directory, Limits(UNLIMITED), lambda: now[0], Sessions()) for _ in range(2))
    key, text = await here.add_key("Shop", 0.0)
    assert not here.serves(text)  # not looked up yet
    for _ in range(100):
        assert (await here.server(text)).user.name == "Shop"
        with pytest.raises(Refused):
            await here.server(text[:-1] + ("A" if text[-1] != "A" else "B"))
        with pytest.raises(Refused):
            await here.server("mk_00000000_" + "x" * 43)
    assert directory.asked == 2
    assert here.serves(text) and not here.serves(text[:-1] + "!")
    await there.server(text)
    await here.drop_key(key.id)
    with pytest.raises(Refused):
        await here.server(text)
    assert not here.serves(text)
    now[0] += KEPT_S
    with pytest.raises(Refused):
        await there.server(text)


async def test_a_key_that_is_dropped_while_it_is_looked_up_is_not_remembered(store: Store) -> None:
    read, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def key(self, id: str) -> ServerKey | None:
            found = await store.key(id)
            read.set()
            await go_on.wait()
            return found

    identity = Identity(TOKENS, Slow(), Limits(UNLIMITED), lambda: 0.0, Sessions())
    key, text = await identity.add_key("Shop", 0.0)
    first = asyncio.ensure_future(identity.server(text))
    await read.wait()
    await identity.drop_key(key.id)
    second = asyncio.ensure_future(identity.server(text))
    await asyncio.sleep(0)
    go_on.set()
    for asking in (first, second):
        with pytest.raises(Refused):
            await asking
    assert not identity.serves(text)


class Neighbour:
    """An issuer that shares a secret, and says nothing else about itself."""

    def verify(self, token: str) -> Vouched:
        try:
            claims = jwt.decode(token, b"n" * 32, ["HS256"])
        except jwt.PyJWTError:
            raise Refused("bad_token") from None
        return Vouched("shop", claims["sub"], "Mina", claims["exp"])


@pytest.mark.parametrize("id", [FIRST, "0"])
def test_tokens_of_ours_and_of_an_issuer_are_told_apart_though_they_begin_alike(id: str) -> None:
    keyring = Keyring(SigningKeys("name", b"", (SigningKey(id, SECRET),)), lambda: 0)
    seen: list[str] = []
    identity = Identity(
        Tokens(keyring), None, Limits(UNLIMITED), lambda: 0.0, Sessions(), issuers=Neighbour(), seen=seen.append,  # type: ignore[arg-type]
        deleted={"issuer-shop:gone"},
    )  # fmt: skip
    now = int(time.time())
    own = identity.tokens.sign(MINA, now)
    theirs = jwt.encode({"sub": "42", "exp": now + 100}, b"n" * 32, "HS256")
    assert identity.verify(own.token, now).user == MINA
    assert seen == []
    outside = identity.verify(theirs, now, "10.0.0.1")
    assert outside.user == Actor(id="issuer-shop:42", name="Mina", address="10.0.0.1")
    assert (outside.token, outside.until) == (theirs, now + 100 + LEEWAY_S)
    assert seen == [outside.user.id]
    for other in (
        jwt.encode({"sub": "42", "exp": now + 100}, b"m" * 32, "HS256"),
        jwt.encode({"sub": "gone", "exp": now + 100}, b"n" * 32, "HS256"),
    ):
        refused(identity, other)
