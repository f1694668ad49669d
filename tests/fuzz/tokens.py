"""Tokens, tickets, invites, server keys and forwarded addresses: whatever they are, the answer is a refusal or the truth."""

from typing import Any

from tests.fuzz.harness import instrumented, run

with instrumented():
    from madang.core.actors import Actor
    from madang.core.ids import IdSource
    from madang.core.invites import hash_of, invite_key, invite_text
    from madang.core.signing import lone_keyring
    from madang.errors import Refused
    from madang.services.identity import Identity
    from madang.services.limits import UNLIMITED, Limits
    from madang.services.tickets import Tickets
    from madang.services.tokens import Tokens
    from madang.testing import FakeClock, ModelStore
    from madang.transports.addresses import client_address
    from madang.transports.sessions import Sessions

NOW = 1_795_000_000.0
MINA = Actor(id="u-mina", name="Mina")
TOKENS = Tokens(lone_keyring(b"s" * 32))
IDENTITY = Identity(TOKENS, ModelStore(IdSource(1), FakeClock()), Limits(UNLIMITED), lambda: 0.0, Sessions())
TOKEN, INVITE = TOKENS.sign(MINA, NOW).token, invite_text("1f", "secret")
TICKETS = Tickets(lone_keyring(b"s" * 32), ModelStore(IdSource(1), FakeClock()))
TICKET = TICKETS.make(TOKENS.sign(MINA, NOW), NOW).text
TRUSTED = frozenset({"10.0.0.1", "::1", "2001:db8::1"})
NONE = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."
HOPS = ["1.2.3.4, 10.0.0.1", "[2001:db8::7]:80", "::ffff:1.2.3.4", "fe80::1%eth0", "unknown", "mk_1234abcd_secret"]
SEEDS = [text.encode() for text in (TOKEN, TICKET, INVITE, NONE, *HOPS)]


def one(data: bytes) -> None:
    """Offer the same bytes wherever something secret, or an address, is read."""
    text = data.decode("utf-8", "surrogatepass") if _is_text(data) else data.decode("latin-1")
    try:
        access = IDENTITY.verify(text, NOW)
    except Refused as refused:
        assert refused.code == "bad_token"
    else:
        assert (access.user, access.token) == (MINA, TOKEN), "a token that was not made here"
    key = invite_key(text)
    if key is not None and key.hash == hash_of("secret") and key.id == "1f":
        assert text == INVITE
    try:
        IDENTITY.server(text).send(None)
    except Refused as refused:
        assert refused.code == "bad_token"
    try:
        TICKETS.take(text, "").send(None)
    except Refused as refused:
        assert refused.code == "bad_token"
    except RuntimeError:  # it would be noted, for which there is no loop
        assert text == TICKET, "a ticket that was not made here"
    address = client_address(("10.0.0.1", 5), text.split("\n"), TRUSTED)
    assert len(address) <= 64, address


def _is_text(data: bytes) -> Any:
    try:
        return data.decode("utf-8", "surrogatepass") is not None
    except UnicodeDecodeError:
        return False


if __name__ == "__main__":
    run("tokens", one, SEEDS)
