"""`POST /api/publish` over a real server: what is stored, what is refused, and how large a request may be."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from madang.core.bounds import MAX_BATCH, MAX_ITEMS
from tests.rest import Rest, hold_to_the_error_shape, rest, server_key
from tests.running import Server, running_server

PUBLISH = "/api/publish"


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("publish")) as server:
        yield server


@pytest.fixture
async def shop(server: Server) -> AsyncIterator[Rest]:
    async with rest(server.url) as anyone:
        yield anyone.server(await server_key(server))


async def test_a_thousand_messages_in_one_request(shop: Rest) -> None:
    for n in range(4):
        await shop.ok("POST", "/api/rooms", {"id": f"order-{n}", "access": "invite"})
    messages = [{"room": f"order-{n % 4}", "text": f"part {n}", "cid": f"c-{n}"} for n in range(MAX_ITEMS)]
    first = (await shop.ok("POST", PUBLISH, {"messages": messages}))["results"]
    assert [set(each) for each in first] == [{"id", "seq", "ack"}] * MAX_ITEMS
    again = (await shop.ok("POST", PUBLISH, {"messages": messages}))["results"]
    assert again == [{**each, "duplicate": True} for each in first]
    page = await shop.ok("GET", "/api/rooms/order-3/messages?limit=200")
    assert [m["text"] for m in page["messages"]] == [f"part {n}" for n in range(3, MAX_ITEMS, 4)][-200:]


async def test_results_are_in_the_order_of_the_messages(shop: Rest) -> None:
    as_mina = {"id": "shop-17", "name": "Mina"}
    wanted: list[dict[str, Any]] = [
        {"room": "lobby", "text": "Your order is on its way", "as": as_mina, "data": {"order": 17}},
        {"room": "nowhere", "text": "hello"},
        {"room": "lobby", "text": " "},
        {"room": "lobby", "text": "hello", "as": {"id": "key-1", "name": "Mina"}},
    ]
    results = (await shop.ok("POST", PUBLISH, {"messages": wanted}))["results"]
    assert [each.get("error", {}).get("code") for each in results] == [None, "not_found", "empty", "bad_field"]
    (newest,) = (await shop.ok("GET", "/api/rooms/lobby/messages?limit=1"))["messages"]
    assert (newest["id"], newest["user"], newest["data"]) == (results[0]["id"], "shop-17", {"order": 17})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"messages": []},
        {"messages": [{"text": "hello"}]},
        {"messages": [{"room": "lobby", "text": 1}]},
        {"messages": [{"room": "lobby", "text": "hello", "of": "me"}]},
        {"messages": [{"room": "lobby", "text": "hello"}] * (MAX_ITEMS + 1)},
        {"messages": [{"room": "lobby", "text": "hello"}], "more": 1},
    ],
)
async def test_a_request_of_another_shape_stores_nothing(shop: Rest, body: Any) -> None:
    before = await shop.ok("GET", "/api/rooms/lobby/messages?limit=1")
    assert await shop.refused("POST", PUBLISH, body) == "bad_field"
    assert await shop.ok("GET", "/api/rooms/lobby/messages?limit=1") == before


async def test_what_is_wrong_is_named_by_its_place(shop: Rest) -> None:
    wrong = {"messages": [{"room": "lobby", "text": "hello"}, {"room": "lobby", "text": 1}]}
    answer = await shop.call("POST", PUBLISH, wrong)
    assert answer.json()["error"]["message"] == "messages[1].text: a string, not an integer."


async def test_a_body_may_be_large_and_no_larger(shop: Rest) -> None:
    text = "x" * 3900
    fits = {"messages": [{"room": "lobby", "text": text}] * 250}
    assert len(json.dumps(fits)) > 900_000
    assert not any("error" in each for each in (await shop.ok("POST", PUBLISH, fits))["results"])
    try:
        assert await shop.refused("POST", PUBLISH, {"messages": [{"room": "lobby", "text": text}] * 300}) == "too_big"
    except httpx2.TransportError:
        pass  # the server does not read on, and a client that is still writing may not see the answer
    dense = b'{"messages":[' + b",".join([b'{"room":"lobby","data":[' + b"0," * 49 + b"0]}"] * 1000) + b"]}"
    assert len(dense) < MAX_BATCH
    response = await shop.call("POST", PUBLISH, content=dense)
    assert hold_to_the_error_shape(response) == "too_big"


async def test_a_guest_does_not_publish(server: Server, shop: Rest) -> None:
    async with rest(server.url) as anyone:
        mina = await anyone.guest("Mina", "lobby")
        assert await mina.refused("POST", PUBLISH, {"messages": [{"room": "lobby", "text": "x"}]}) == "forbidden"
        assert (
            await mina.refused("POST", PUBLISH, {"messages": [{"room": "lobby", "text": "x" * 60_000}]}) == "forbidden"
        )
        assert await anyone.refused("POST", PUBLISH, {"messages": [{"room": "lobby", "text": "x"}]}) == "bad_token"
