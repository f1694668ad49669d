"""A connection ticket lets one connection in, on whatever node, for what its token grants, and nothing else is one."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from madang.core.actors import Actor
from madang.core.ids import IdSource
from madang.core.rate import Rate
from madang.core.signing import Keyring, SigningKey, SigningKeys
from madang.errors import Refused, StorageFailed
from madang.services.address_limits import WRONG_TOKEN
from madang.services.identity import Identity
from madang.services.limits import UNLIMITED, Limits, Rates
from madang.services.tickets import TICKET_S, Ticket, Tickets
from madang.services.tokens import Access, Tokens
from madang.testing import FakeClock, ModelStore
from madang.transports.sessions import Sessions

SECRET, OTHER = b"s" * 32, b"o" * 32
MINA = Actor(id="u-mina", name="Mina", address="10.0.0.1")
NOW = time.time()


class Fleet:
    """An installation: one store, one clock, and nodes that share their keys."""

    def __init__(self) -> None:
        self.now_ms = int(NOW * 1000)
        self.store = ModelStore(IdSource(1), FakeClock())
        self.keyring = self.ring(SigningKey("0", SECRET))
        self.deleted: set[str] = set()

    def ring(self, *keys: SigningKey) -> Keyring:
        return Keyring(SigningKeys("name", b"", keys), lambda: self.now_ms)

    def node(self, rates: Rates = UNLIMITED, **of_tokens: Callable[[str], str | None]) -> Identity:
        tickets = Tickets(self.keyring, self.store)
        return Identity(
            Tokens(self.keyring, **of_tokens),
            self.store,
            Limits(rates),
            lambda: 1000.0,
            Sessions(),
            deleted=self.deleted,
            tickets=tickets,
        )

    async def ticket(self, user: Actor = MINA) -> str:
        """Return a ticket for a user, made on a node of its own."""
        node = self.node()
        return (await node.ticket(user, node.tokens.sign(user, NOW).token, NOW, user.address)).text


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


async def refused(node: Identity, ticket: str) -> None:
    with pytest.raises(Refused) as refusal:
        await node.shown_ticket(ticket, "10.0.0.2")
    assert refusal.value.code == "bad_token"


async def test_a_ticket_is_for_one_connection_on_any_node(fleet: Fleet) -> None:
    here, there = fleet.node(), fleet.node()
    token = here.tokens.sign(MINA, NOW)
    ticket = await here.ticket(MINA, token.token, NOW, MINA.address)
    assert ticket.expires_ms == TICKET_S * 1000
    access = await there.shown_ticket(ticket.text, "10.0.0.2")
    assert access.user == Actor(id="u-mina", name="Mina", address="10.0.0.2"), "from where they come now"
    assert (access.until, access.key) == (token.until, token.key), "it ends as the token does"
    assert access.token == "", "whoever has a ticket gets no token for it"
    for node in (here, there, fleet.node()):
        await refused(node, ticket.text)


async def test_of_many_who_show_one_ticket_at_once_one_is_let_in(fleet: Fleet) -> None:
    nodes, ticket = [fleet.node() for _ in range(3)], await fleet.ticket()
    shown = [node.shown_ticket(ticket, "10.0.0.2") for node in nodes for _ in range(20)]
    outcomes = await asyncio.gather(*shown, return_exceptions=True)
    assert sum(isinstance(outcome, Access) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 59


async def test_tickets_shown_together_are_noted_together(fleet: Fleet) -> None:
    calls: list[int] = []

    class Counting:
        async def use_tickets(self, tickets: Any) -> set[str]:
            calls.append(len(tickets))
            return await fleet.store.use_tickets(tickets)

    tickets = Tickets(fleet.keyring, Counting())
    made = [await fleet.ticket() for _ in range(500)]
    await asyncio.gather(*(tickets.take(ticket, "") for ticket in made))
    assert sum(calls) == 500
    assert len(calls) <= 4


async def test_a_ticket_ends_by_the_clock_that_all_nodes_share(fleet: Fleet) -> None:
    early, late = await fleet.ticket(), await fleet.ticket()
    fleet.now_ms += TICKET_S * 1000 - 1
    assert (await fleet.node().shown_ticket(early, "")).user.id == MINA.id
    fleet.now_ms += 1
    await refused(fleet.node(), late)


async def test_a_ticket_does_not_outlast_its_token(fleet: Fleet) -> None:
    tickets = Tickets(fleet.keyring, fleet.store)
    ticket = tickets.make(Access(MINA, "token", NOW + 5, "shop"), NOW)
    assert ticket.expires_ms == 5000
    fleet.now_ms += 5000
    with pytest.raises(Refused):
        await tickets.take(ticket.text, "")


async def test_what_ends_a_token_ends_its_tickets(fleet: Fleet) -> None:
    for end in (lambda: fleet.deleted.add(MINA.id), lambda: setattr(fleet.keyring, "keys", (SigningKey("1", OTHER),))):
        ticket = await fleet.ticket()
        end()
        await refused(fleet.node(), ticket)
        fleet.deleted.clear()


async def test_a_ticket_of_a_token_whose_key_was_retired_is_refused_though_a_newer_key_signs_it(fleet: Fleet) -> None:
    old = Tokens(fleet.keyring).sign(MINA, NOW)
    fleet.keyring.keys = (SigningKey("0", SECRET), SigningKey("1", OTHER))
    ticket = Tickets(fleet.keyring, fleet.store).make(old, NOW)
    fleet.keyring.keys = (SigningKey("1", OTHER),)
    await refused(fleet.node(), ticket.text)


async def test_who_was_renamed_meanwhile_comes_in_by_their_new_name(fleet: Fleet) -> None:
    ticket = await fleet.ticket()
    node = fleet.node(named={MINA.id: "Minji"}.get)
    assert (await node.shown_ticket(ticket, "")).user.name == "Minji"


async def test_the_ticket_of_a_session_ends_with_it(fleet: Fleet) -> None:
    user = Actor(id="account-mina", name="Mina", session="s1")
    ended = {"s2"}
    node = Identity(
        Tokens(fleet.keyring), fleet.store, Limits(UNLIMITED), lambda: 1000.0, Sessions(), ended=ended,
        tickets=Tickets(fleet.keyring, fleet.store),
    )  # fmt: skip
    tickets = [(await node.ticket(user, node.tokens.sign(user, NOW).token, NOW, "")).text for _ in range(2)]
    assert (await node.shown_ticket(tickets[0], "")).user.session == "s1"
    ended.add("s1")
    await refused(node, tickets[1])


async def test_server_keys_have_no_tickets(fleet: Fleet) -> None:
    node = fleet.node()
    with pytest.raises(Refused) as refusal:
        await node.ticket(Actor(id="key-1", name="Shop", server=True), "mk_1", NOW, "")
    assert refusal.value.code == "forbidden"


async def test_a_ticket_is_no_token_and_a_token_no_ticket(fleet: Fleet) -> None:
    node, ticket = fleet.node(), await fleet.ticket()
    for text in (ticket, ticket.removeprefix("tkt_")):
        with pytest.raises(Refused):
            node.verify(text, NOW)
    token = node.tokens.sign(MINA, NOW).token
    for text in (token, f"tkt_{token}"):
        await refused(node, text)


def resigned(
    ticket: str, secret: bytes, change: Callable[[dict[str, Any]], None], kid: str = "0", alg: str = "HS256"
) -> str:
    """Return a ticket that says something else, signed by whoever knows this secret."""
    text = ticket.removeprefix("tkt_")
    claims = json.loads(base64.urlsafe_b64decode(text.split(".")[1] + "=="))
    change(claims)
    return "tkt_" + jwt.encode(claims, secret, alg, {"kid": kid} if kid else None)


def nothing(claims: dict[str, Any]) -> None:
    pass


async def test_a_ticket_that_was_changed_is_refused(fleet: Fleet) -> None:
    node, ticket = fleet.node(), await fleet.ticket()
    head, body, _ = ticket.split(".")
    ours = SigningKey("0", SECRET).for_tickets()
    for broken in (
        "", "tkt_", ticket[:-1], ticket + "=", ticket + "A", ticket.upper(), " " + ticket, ticket + "\n", "tkt_가.나.다", f"{head}.{body}.",
        resigned(ticket, SECRET, nothing),  # by the stored secret itself, as tokens of the first key are
        resigned(ticket, ours, nothing, kid="1"),
        resigned(ticket, ours, nothing, kid=""),
        resigned(ticket, ours * 2, nothing, alg="HS512"),
        resigned(ticket, ours, lambda claims: claims.update(aud="madang")),
        resigned(ticket, ours, lambda claims: claims.pop("jti")),
        resigned(ticket, ours, lambda claims: claims.update(until_ms="never")),
        resigned(ticket, ours, lambda claims: claims["access"].pop("user")),
        resigned(ticket, ours, lambda claims: claims.update(access=[])),
    ):  # fmt: skip
        await refused(node, broken)
    assert (await node.shown_ticket(resigned(ticket, ours, nothing), "")).user.id == MINA.id, (
        "or all of this says nothing"
    )


async def test_a_wrong_ticket_is_charged_to_its_address(fleet: Fleet) -> None:
    node = fleet.node(Rates(address=Rate(0.001, 2 * WRONG_TOKEN)))
    for _ in range(3):
        await refused(node, "tkt_x.y.z")
    with pytest.raises(Refused) as refusal:
        node.guest("Mina", "10.0.0.2", NOW)
    assert refusal.value.code == "rate_limited"
    assert node.guest("Mina", "10.0.0.3", NOW).user.name == "Mina"


async def test_a_storage_that_fails_lets_nobody_in_and_blames_nobody(fleet: Fleet) -> None:
    class Failing:
        async def use_tickets(self, tickets: Any) -> set[str]:
            raise StorageFailed

    tickets = Tickets(fleet.keyring, Failing())
    ticket: Ticket = tickets.make(Tokens(fleet.keyring).sign(MINA, NOW), NOW)
    with pytest.raises(StorageFailed):
        await tickets.take(ticket.text, "")
    assert (tickets.used, tickets.refused) == (0, 0)
