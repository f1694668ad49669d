"""Tokens that do not hold: forged, for others, too old, too new (rows 21, 22, 24), over the socket and over REST."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from madang.config import Settings
from madang.node.run import RunningNode, run_node
from tests.rest import Rest, rest
from tests.wire import upgraded

WRONG: Final = b"w" * 32
RSA: Final = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
NEVER: Final = (
    "http://127.0.0.1:1/keys"  # nobody listens there; `test_advisories.py` has an address where somebody does
)


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNode]:
    """A node in this process: its secret signs what only it could have signed."""
    settings = Settings(port=0, admin_port=0, data=tmp_path_factory.mktemp("tokens"), load_test=True)
    async with run_node(settings) as node:
        yield node


@pytest.fixture
async def anyone(node: RunningNode) -> AsyncIterator[Rest]:
    async with rest(f"http://127.0.0.1:{node.port}") as client:
        yield client


async def secret_of(node: RunningNode) -> bytes:
    """What this version signs its tokens with, before they are rotated."""
    return (await node.store.signing_keys()).keys[0].for_tokens()


def claims(**other: Any) -> dict[str, Any]:
    """Return sound claims, but for some; None takes one out."""
    now = int(time.time())
    sound = {"iss": "madang", "aud": "madang", "sub": "u1", "name": "Mina", "iat": now, "exp": now + 3600}
    return {name: value for name, value in {**sound, **other}.items() if value is not None}


async def opens(node: RunningNode, anyone: Rest, token: str) -> bool:
    """Whether a token opens the socket; REST must say the same."""
    response = await anyone.call("GET", "/api/me", headers={"Authorization": f"Bearer {token}"})
    async with upgraded(node.port) as raw:
        answer = await raw.ask(op="hello", n=1, token=token)
        assert (answer["op"] == "ok") == response.is_success
        if answer["op"] == "ok":
            return True
        assert answer["code"] == "bad_token"
        assert await raw.closed() == 4401
        assert response.json()["error"]["code"] == "bad_token"
        return False


def signed(key: Any, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **other: Any) -> str:
    return jwt.encode(claims(**other), key, algorithm, {"kid": "0", **(headers or {})})


def forgeries() -> dict[str, str]:
    """Return tokens that somebody without the secret could make."""
    head, body, signature = signed(WRONG).split(".")
    return {
        "algorithm none": jwt.encode(claims(), "", "none"),
        "no signature": f"{head}.{body}.",
        "another key": f"{head}.{body}.{signature}",
        "an empty key": signed(b"\0" * 32),
        "RS256": signed(RSA, "RS256"),
        "jku": signed(RSA, "RS256", {"jku": NEVER}),
        "x5u": signed(WRONG, headers={"x5u": NEVER}),
        "jwk": signed(WRONG, headers={"jwk": {"kty": "oct", "k": "d3d3d3d3"}}),
        "kid with a path": signed(WRONG, headers={"kid": "../../../../dev/null"}),
        "a long kid": signed(WRONG, headers={"kid": "k" * 2000}),
        "dots": "...",
        "one part": "x",
        "five parts": "a.b.c.d.e",
        "not base64": "@.@.@",
        "a server key": "mk_1_2",
        "NUL": "a\0b.c.d".replace("\0", "%00"),
    }


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("what", forgeries())
async def test_forged_tokens(node: RunningNode, anyone: Rest, what: str) -> None:
    assert not await opens(node, anyone, forgeries()[what])


@pytest.mark.parametrize("size", [0, 10_000, 60_000])
async def test_tokens_of_no_size(node: RunningNode, size: int) -> None:
    async with upgraded(node.port) as raw:
        answer = await raw.ask(op="hello", n=1, token="x" * size)
        assert answer["code"] == ("bad_field" if size else "bad_token")


NOW: Final = int(time.time())
CLAIMS: Final[dict[str, dict[str, Any]]] = {
    "another audience": {"aud": "elsewhere"},
    "an invite's audience": {"aud": "madang/invite"},
    "no audience": {"aud": None},
    "another issuer": {"iss": "elsewhere"},
    "no issuer": {"iss": None},
    "expired": {"exp": NOW - 120},
    "no end": {"exp": None},
    "an end that is not a number": {"exp": "never"},
    "not valid yet": {"nbf": NOW + 3600},
    "no beginning": {"iat": None},
    "no subject": {"sub": None},
    "a number for a subject": {"sub": 7},
    "no name": {"name": None},
}


@pytest.mark.parametrize("what", CLAIMS)
async def test_claims_that_do_not_hold(node: RunningNode, anyone: Rest, what: str) -> None:
    """Even under the right key: what an older or a wrong program of the operator's might sign."""
    assert not await opens(node, anyone, signed(await secret_of(node), **CLAIMS[what]))


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("how", ["HS512", "crit", "zip"])
async def test_headers_that_do_not_hold(node: RunningNode, anyone: Rest, how: str) -> None:
    secret = await secret_of(node)
    headers: dict[str, dict[str, Any]] = {"crit": {"crit": ["exp"], "exp": 1}, "zip": {"crit": ["zip"], "zip": "DEF"}}
    token = signed(secret, "HS512" if how == "HS512" else "HS256", headers.get(how))
    assert not await opens(node, anyone, token)


async def test_a_sound_token_opens(node: RunningNode, anyone: Rest) -> None:
    """So that the others are refused for what is wrong with them."""
    assert await opens(node, anyone, signed(await secret_of(node)))


async def test_an_invite_is_no_token_and_a_token_no_invite(node: RunningNode, anyone: Rest) -> None:
    mina, bora = await asyncio.gather(anyone.guest("Mina"), anyone.guest("Bora"))
    await mina.ok("POST", "/api/rooms", {"id": "guarded", "access": "invite"})
    invite = (await mina.ok("POST", "/api/rooms/guarded/invites"))["invite"]
    assert not await opens(node, anyone, invite)
    for forged in (mina.token, bora.token, signed(WRONG, aud="madang/invite", sub="guarded"), invite[:-2], "x"):
        assert await bora.refused("PUT", "/api/rooms/guarded/members/me", {"invite": forged}) == "not_found"
    await bora.ok("PUT", "/api/rooms/guarded/members/me", {"invite": invite})


async def test_tickets_that_are_none(node: RunningNode, anyone: Rest) -> None:  # row 21
    """Forged, of another use, or used before; and a ticket is good for nothing but one connection."""
    mina = await anyone.guest("Mina")
    made = await mina.ok("POST", "/api/tickets")
    ticket = made["ticket"]
    assert 0 < made["expires_ms"] <= 30_000
    assert await anyone.refused("POST", "/api/tickets") == "bad_token"
    for path in ("/api/me", "/api/me/rooms"):
        assert await anyone.refused("GET", path, headers={"Authorization": f"Bearer {ticket}"}) == "bad_token"
    assert await anyone.refused("POST", "/api/tickets", headers={"Authorization": f"Bearer {ticket}"}) == "bad_token"
    async with upgraded(node.port) as raw:
        answer = await raw.ask(op="hello", n=1, ticket=ticket)
        assert answer["user"] == {"id": mina.user, "name": "Mina"}
        assert "token" not in answer
    for wrong in (
        ticket,
        mina.token,
        f"tkt_{mina.token}",
        *(f"tkt_{forged}" for forged in forgeries().values()),
        "",
        "tkt_",
        "x" * 8192,
    ):
        async with upgraded(node.port) as raw:
            assert (await raw.ask(op="hello", n=1, ticket=wrong))["code"] == "bad_token"
            assert await raw.closed() == 4401
    async with upgraded(node.port) as raw:
        for n, fields in enumerate(
            ({"ticket": ticket, "token": mina.token}, {"ticket": ticket, "guest": "Mina"}, {"ticket": 1})
        ):
            assert (await raw.ask(op="hello", n=n, **fields))["code"] == "bad_field"
        assert (await raw.ask(op="hello", n=5, ticket="x" * 8193))["code"] == "bad_field"
