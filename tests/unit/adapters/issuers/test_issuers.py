"""Which tokens of outside issuers are believed, by which key, and how often an issuer is asked for its keys."""

import asyncio
import base64
import json
import time
from typing import Any, Final

import jwt
import pytest
from jwt.algorithms import RSAAlgorithm

from madang.adapters.issuers import Issuer, JwtIssuers
from madang.adapters.issuers.fetching import NotFetched
from madang.adapters.issuers.issuers import MAX_ROOMS
from madang.adapters.issuers.key_set import AGAIN_S, MAX_KEYS, RETRY_S, STALE_S, usable
from madang.errors import Limited, Refused, SetupError
from madang.ports.issuers import Vouched
from tests.issuers import (
    ACME,
    BETA,
    EC,
    OTHER,
    RSA,
    SECRET,
    SET,
    SHOP,
    WRONG,
    acme_token,
    attacks,
    claims,
    jwk,
    shop_token,
)


class Web:
    """Where the issuers publish their keys; counts the questions."""

    def __init__(self) -> None:
        self.sets: dict[str, Any] = {ACME.jwks: {"keys": SET}, BETA.jwks: {"keys": [jwk(OTHER, kid="r")]}}
        self.asked: list[str] = []
        self.now = 1000.0

    async def fetch(self, url: str) -> bytes:
        self.asked.append(url)
        if url not in self.sets:
            raise NotFetched("away")
        return json.dumps(self.sets[url]).encode()

    def issuers(self, *issuers: Issuer) -> JwtIssuers:
        return JwtIssuers(issuers or (SHOP, ACME, BETA), self.fetch, lambda: self.now)


@pytest.fixture
def web() -> Web:
    return Web()


async def said(issuers: JwtIssuers, token: str) -> Vouched:
    return issuers.verify(token) or await issuers.fetch(token)


async def refusal(issuers: JwtIssuers, token: str) -> str:
    with pytest.raises(Refused) as refused:
        await said(issuers, token)
    assert token[:20] not in str(refused.value)
    return refused.value.code


async def test_a_token_by_a_shared_secret(web: Web) -> None:
    vouched = await said(web.issuers(), shop_token())
    assert (vouched.issuer, vouched.subject, vouched.name) == ("shop", "42", "Mina")
    assert vouched.until == pytest.approx(time.time() + 300, abs=60)
    assert web.asked == []


@pytest.mark.parametrize(("algorithm", "kid"), [("RS256", "r"), ("ES256", "e"), ("EdDSA", "d")])
async def test_a_token_by_a_published_key(web: Web, algorithm: str, kid: str) -> None:
    issuers = web.issuers()
    token = acme_token(algorithm, kid)
    assert issuers.verify(token) is None, "its key is not known before it has been fetched"
    assert (await issuers.fetch(token)).subject == "42"
    assert issuers.verify(token) is not None
    assert web.asked == [ACME.jwks]


async def test_a_name_that_is_none_is_left_to_whoever_shows_it(web: Web) -> None:
    for name in (None, 7, ["Mina"]):
        assert (await said(web.issuers(), shop_token(name=name))).name == ""
    named = web.issuers(Issuer(name="shop", secret=SECRET, name_claim="nick"))
    assert (await said(named, shop_token(nick="Mi"))).name == "Mi"


async def test_a_picture_is_what_the_token_says_of_one(web: Web) -> None:
    face = "https://faces.example/mina.png"
    for claim, said_ in ((face, face), ("", ""), (None, ""), (7, None), ([face], None)):
        token = jwt.encode({**claims(SHOP), "picture": claim}, SECRET, "HS256")
        assert (await said(web.issuers(), token)).picture == said_
    assert (await said(web.issuers(), shop_token())).picture is None, "it says nothing of one"
    other = web.issuers(Issuer(name="shop", secret=SECRET, picture_claim="avatar"))
    assert (await said(other, shop_token(avatar=face, picture="https://other.example/p"))).picture == face
    none = web.issuers(Issuer(name="shop", secret=SECRET, picture_claim=""))
    assert (await said(none, shop_token(picture=face))).picture is None


async def test_rooms_are_those_of_the_claim_that_is_set(web: Web) -> None:
    assert (await said(web.issuers(), shop_token(rooms=["order-17"]))).rooms == frozenset(), "none is, unless it is set"
    issuers = web.issuers(Issuer(name="shop", secret=SECRET, rooms_claim="rooms"))
    assert (await said(issuers, shop_token())).rooms == frozenset()
    for rooms in ([], ["order-17"], ["order-17", "order-18", "order-17"], [f"r-{n}" for n in range(MAX_ROOMS)]):
        assert (await said(issuers, shop_token(rooms=rooms))).rooms == frozenset(rooms)
    for wrong in (
        "order-17", {"order-17": True}, 17, True, [17], [None], [["order-17"]], ["Order 17"], [""], ["../lobby"], ["x" * 65],
        [f"r-{n}" for n in range(MAX_ROOMS + 1)],
    ):  # fmt: skip
        assert await refusal(issuers, shop_token(rooms=wrong)) == "bad_token"


@pytest.mark.parametrize("what", WRONG)
async def test_claims_that_do_not_hold(web: Web, what: str) -> None:
    issuers = web.issuers()
    assert await refusal(issuers, shop_token(**WRONG[what])) == "bad_token"
    assert await refusal(issuers, acme_token(**WRONG[what])) == "bad_token"


async def test_a_published_key_needs_issuer_and_audience(web: Web) -> None:
    issuers = web.issuers()
    for other in ({"iss": None}, {"iss": "https://evil.example"}, {"aud": None}, {"aud": "mail"}, {"aud": ["mail"]}):
        assert await refusal(issuers, acme_token(**other)) == "bad_token"
    assert (await said(issuers, acme_token(aud=["mail", "chat"]))).subject == "42"
    assert (await said(issuers, acme_token(exp=time.time() + 300.5))).subject == "42", "numbers may have a point"


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("what", attacks())
async def test_published_attacks(web: Web, what: str) -> None:
    issuers = web.issuers()
    await said(issuers, acme_token())
    await said(issuers, jwt.encode(claims(BETA), OTHER, "RS256", {"kid": "r"}))
    assert await refusal(issuers, attacks()[what]) == "bad_token"
    assert set(web.asked) == {ACME.jwks, BETA.jwks}, "nothing but what is configured is asked"


@pytest.mark.parametrize(
    "entry",
    [
        jwk(RSA, kid="r", use="enc"),
        jwk(RSA, kid="r", key_ops=["sign"]),
        jwk(RSA, kid="r", alg="RS512"),
        {**jwk(RSA, kid="r"), "n": "AQAB"},
        {"kty": "oct", "kid": "r", "k": base64.urlsafe_b64encode(b"k" * 32).decode()},
        {"kty": "RSA", "kid": "r"},
        {**jwk(EC, kid="r"), "x": "AAAA"},
        {"kid": "r"},
        json.loads(RSAAlgorithm.to_jwk(RSA)) | {"kid": "r"},
        [],
        None,
    ],
    ids=["enc", "sign", "alg", "short", "secret", "empty", "point", "untyped", "private", "list", "none"],
)
async def test_published_keys_that_are_not_to_be_used(web: Web, entry: Any) -> None:
    web.sets[ACME.jwks] = {"keys": [entry, jwk(EC, kid="e")]}
    issuers = web.issuers()
    assert await refusal(issuers, acme_token()) == "bad_token"
    assert (await said(issuers, acme_token("ES256", "e"))).subject == "42"


@pytest.mark.parametrize(
    "exponent", [1, 2**32 + 1, RSA.public_key().public_numbers().n - 2], ids=["1", "long", "longest"]
)
def test_published_keys_that_are_weak_or_cost_much(exponent: int) -> None:
    size = (exponent.bit_length() + 7) // 8
    key = {**jwk(RSA), "e": base64.urlsafe_b64encode(exponent.to_bytes(size, "big")).rstrip(b"=").decode()}
    with pytest.raises(NotFetched, match="none of its keys"):
        usable(json.dumps({"keys": [key]}).encode(), ("RS256",))


async def test_an_only_key_needs_no_id(web: Web) -> None:
    web.sets[ACME.jwks] = {"keys": [jwk(RSA)]}
    assert (await said(web.issuers(), acme_token(kid=None))).subject == "42"


async def test_ten_thousand_unknown_keys_are_one_question(web: Web) -> None:
    issuers = web.issuers()
    tokens = [acme_token("ES256", f"{n}") for n in range(100)]
    codes = await asyncio.gather(*(refusal(issuers, token) for token in tokens for _ in range(100)))
    assert set(codes) == {"bad_token"}
    assert web.asked == [ACME.jwks]


async def test_a_new_key_is_found_after_a_while(web: Web) -> None:
    issuers = web.issuers()
    await said(issuers, acme_token())
    web.sets[ACME.jwks] = {"keys": [*SET, jwk(OTHER, kid="new")]}
    assert await refusal(issuers, acme_token(kid="new", key=OTHER)) == "bad_token"
    web.now += AGAIN_S
    assert (await said(issuers, acme_token(kid="new", key=OTHER))).subject == "42"
    web.sets[ACME.jwks] = {"keys": [jwk(OTHER, kid="new")]}
    web.now += AGAIN_S
    await refusal(issuers, acme_token(kid="another"))
    assert await refusal(issuers, acme_token()) == "bad_token", "a key that was withdrawn"


@pytest.mark.parametrize("nonsense", [None, [], {}, {"keys": 7}, {"keys": []}, {"keys": [{"kty": "oct"}]}], ids=str)
async def test_known_keys_go_on_while_the_issuer_is_away(web: Web, nonsense: Any) -> None:
    issuers = web.issuers()
    await said(issuers, acme_token())
    if nonsense is None:
        del web.sets[ACME.jwks]
    else:
        web.sets[ACME.jwks] = nonsense
    web.now += AGAIN_S
    assert await refusal(issuers, acme_token(kid="new")) == "overloaded"
    assert issuers.verify(acme_token()) is not None
    assert len(web.asked) == 2
    with pytest.raises(Limited) as limited:
        issuers.verify(acme_token(kid="new"))
    assert limited.value.retry_ms == RETRY_S * 1000
    web.now += STALE_S
    assert issuers.verify(acme_token()) is None, "too old to be believed"
    assert await refusal(issuers, acme_token()) == "overloaded"
    web.sets[ACME.jwks] = {"keys": SET}
    web.now += RETRY_S
    assert (await said(issuers, acme_token())).subject == "42"


async def test_a_set_has_an_end(web: Web) -> None:
    web.sets[ACME.jwks] = {"keys": [jwk(EC, kid=f"{n}") for n in range(10 * MAX_KEYS)]}
    issuers = web.issuers()
    assert (await said(issuers, acme_token("ES256", f"{MAX_KEYS - 1}"))).subject == "42"
    assert await refusal(issuers, acme_token("ES256", f"{MAX_KEYS}")) == "bad_token"


NO_URLS: Final = [
    "https://[::1/keys",
    "http://127.0.0.1:port/keys",
    "http://127.0.0.1:99999/keys",
    "https://acme.example\0/keys",
]


@pytest.mark.parametrize(
    "wrong",
    [
        [Issuer(name="shop")],
        [Issuer(name="shop", secret="too short")],
        [Issuer(name="Shop!", secret=SECRET)],
        [Issuer(name="shop", secret=SECRET, jwks=ACME.jwks)],
        [Issuer(name="shop", secret=SECRET, algorithms=("RS256",))],
        [Issuer(name="shop", secret=SECRET, algorithms=("none",))],
        [Issuer(name="shop", secret=SECRET, issuer="madang")],
        [SHOP, SHOP],
        [SHOP, Issuer(name="other", secret=SECRET)],
        [Issuer(name="acme", issuer="a", audience="b", jwks=ACME.jwks, algorithms=("HS256", "RS256"))],
        [Issuer(name="acme", issuer="a", jwks=ACME.jwks)],
        [Issuer(name="acme", audience="b", jwks=ACME.jwks)],
        [Issuer(name="acme", issuer="a", audience="b", jwks="http://acme.example/keys")],
        [Issuer(name="acme", issuer="a", audience="b", jwks="file:///etc/passwd")],
        [Issuer(name="acme", issuer="a", audience="b", jwks="https://me:hunter2@acme.example/keys")],
        *([Issuer(name="acme", issuer="a", audience="b", jwks=url)] for url in NO_URLS),
    ],
    ids=range(15 + len(NO_URLS)),
)
def test_what_is_not_safe_is_refused_at_the_start(wrong: list[Issuer]) -> None:
    with pytest.raises(SetupError) as error:
        JwtIssuers(wrong)
    assert SECRET not in str(error.value) and "hunter2" not in str(error.value)
