"""Outside issuers for tests: their keys, sound tokens, and what attackers make of them."""

import base64
import json
import time
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm

from madang.adapters.issuers import Issuer
from madang.adapters.issuers.issuers import LEEWAY_S

SECRET: Final = "a secret of the shop, 32 bytes long"
RSA, OTHER = (rsa.generate_private_key(public_exponent=65_537, key_size=2048) for _ in range(2))
EC, ED = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
PRIVATE: Final[dict[str, Any]] = {"RS256": RSA, "ES256": EC, "EdDSA": ED}
SHOP = Issuer(name="shop", secret=SECRET)
ACME = Issuer(name="acme", issuer="https://acme.example", audience="chat", jwks="https://acme.example/keys")
BETA = Issuer(name="beta", issuer="https://beta.example", audience="chat", jwks="https://beta.example/keys")


def jwk(key: Any, **more: Any) -> dict[str, Any]:
    algorithm = RSAAlgorithm if key in (RSA, OTHER) else ECAlgorithm if key is EC else OKPAlgorithm
    return {**json.loads(algorithm.to_jwk(key.public_key())), **more}


SET: Final = [jwk(RSA, kid="r"), jwk(EC, kid="e"), jwk(ED, kid="d")]


def claims(issuer: Issuer = ACME, **other: Any) -> dict[str, Any]:
    sound = {"sub": "42", "name": "Mina", "exp": int(time.time()) + 300}
    if issuer.issuer:
        sound |= {"iss": issuer.issuer, "aud": issuer.audience}
    return {name: value for name, value in {**sound, **other}.items() if value is not None}


def shop_token(headers: dict[str, Any] | None = None, **other: Any) -> str:
    return jwt.encode(claims(SHOP, **other), SECRET, "HS256", headers)


def acme_token(algorithm: str = "RS256", kid: str | None = "r", key: Any = None, **other: Any) -> str:
    return jwt.encode(claims(**other), key or PRIVATE[algorithm], algorithm, {} if kid is None else {"kid": kid})


WRONG: Final[dict[str, dict[str, Any]]] = {
    "no end": {"exp": None},
    "expired": {"exp": int(time.time()) - LEEWAY_S - 30},
    "an end in words": {"exp": "never"},
    "an end as a string": {"exp": str(int(time.time()) + 300)},
    "an end beyond all times": {"exp": 1e30},
    "an end that is true": {"exp": True},
    "an end that is a list": {"exp": [1]},
    "not valid yet": {"nbf": int(time.time()) + 86_400},
    "a beginning as a string": {"nbf": "0"},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a number for a subject": {"sub": 42},
    "a long subject": {"sub": "x" * 256},
    "a subject with a line feed": {"sub": "4\n2"},
}


def raw(header: str, payload: str, key: bytes = SECRET.encode(), encoding: str = "utf-8") -> str:
    """A token of any text, signed by HS256."""
    parts = [base64.urlsafe_b64encode(text.encode(encoding)).rstrip(b"=") for text in (header, payload)]
    signed = b".".join(parts)
    signature = HMACAlgorithm(HMACAlgorithm.SHA256).sign(signed, key)
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


PEM: Final = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
HEAD: Final = '{"alg":"HS256","typ":"JWT"}'


def attacks() -> dict[str, str]:
    sound = json.dumps(claims(SHOP))
    acme = json.dumps(claims())
    token = shop_token()
    return {
        "algorithm none": jwt.encode(claims(), "", "none") + "AA",
        **{
            f"algorithm {it}": raw(json.dumps({"alg": it}), sound)
            for it in ("NONE", "nOnE", "none ", "", "hs256", "PS256", 7)
        },
        "an unencoded payload": raw('{"alg":"HS256","b64":false}', sound),
        "encrypted": "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA",
        "algorithm None": raw('{"alg":"None"}', sound),
        "no algorithm": raw('{"typ":"JWT"}', sound),
        "two algorithms": raw('{"alg":"none","alg":"HS256"}', sound),
        "HS256 by the public RSA key": raw('{"alg":"HS256","kid":"r"}', acme, PEM),
        "HS256 for an issuer of published keys": raw('{"alg":"HS256","kid":"r"}', acme),
        "HS512": jwt.encode(claims(SHOP), SECRET * 2, "HS512"),
        "RS256 for the shared secret": jwt.encode(claims(SHOP), RSA, "RS256"),
        "an embedded key": jwt.encode(claims(), OTHER, "RS256", {"kid": "r", "jwk": jwk(OTHER)}),
        "jku": jwt.encode(claims(), OTHER, "RS256", {"kid": "r", "jku": BETA.jwks}),
        "jku, rightly signed": jwt.encode(claims(), RSA, "RS256", {"kid": "r", "jku": ACME.jwks}),
        "x5u": jwt.encode(claims(), RSA, "RS256", {"kid": "r", "x5u": ACME.jwks}),
        "x5c": jwt.encode(claims(), RSA, "RS256", {"kid": "r", "x5c": ["MII="]}),
        "crit": shop_token({"crit": ["exp"], "exp": 1}),
        "crit, of what a library knows": shop_token({"crit": ["b64"], "b64": True}),
        "zip": shop_token({"zip": "DEF"}),
        "a kid of another issuer": acme_token(kid="r", key=OTHER),
        "another issuer's key and name": acme_token(kid="r", key=OTHER, iss=BETA.issuer, aud="mail"),
        "a kid with a path": acme_token(kid="../../../../dev/null"),
        "a kid with SQL": acme_token(kid="r' OR '1'='1"),
        "a long kid": acme_token(kid="k" * 2000),
        "a kid that is a number": raw('{"alg":"HS256","kid":7}', sound),
        "a kid of another type of key": acme_token(kid="e"),
        "no kid where there are several keys": acme_token(kid=None),
        "the subject twice": raw(HEAD, sound[:-1] + ',"sub":"1"}'),
        "the end twice": raw(HEAD, '{"exp":1,' + sound[1:]),
        "an end without end": raw(HEAD, sound[:-1] + ',"nbf":-Infinity}'),
        "claims in UTF-16": raw(HEAD, sound, encoding="utf-16"),
        "claims with a byte order mark": raw(HEAD, sound, encoding="utf-8-sig"),
        "the subject twice, spelled otherwise": raw(HEAD, sound[:-1] + ',"s\\u0075b":"1"}'),
        "a list of claims": raw(HEAD, f"[{sound}]"),
        "an issuer that is a list": raw(HEAD, sound[:-1] + ',"iss":["x"]}'),
        "deep claims": raw(HEAD, '{"a":' * 1000 + "1" + "}" * 1000),
        "another key": jwt.encode(claims(SHOP), SECRET[::-1], "HS256"),
        "padding": token + "=",
        "a line feed": token + "\n",
        "another spelling": token[:-1] + chr(ord(token[-1]) + 1),
        "four parts": token + ".x",
        "too long": shop_token(x="x" * 9000),
    }
