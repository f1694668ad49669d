"""A client that a library makes from /openapi.json alone talks with the server: its models take every answer, and errors have their code.

It knows nothing of Madang but that document: operations, bodies and answers are classes that it makes of the schemas.
"""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from aiopenapi3 import OpenAPI
from aiopenapi3.errors import HTTPClientError

from tests.http import http_client
from tests.rest import server_key
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S


def session(**options: Any) -> httpx2.AsyncClient:
    return http_client(**{**options, "trust_env": False, "timeout": PATIENCE_S, "verify": False})


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("made")) as server:
        yield server


@pytest.fixture
async def api(server: Server) -> Any:
    async with session() as http:
        document = (await http.get(f"{server.url}/openapi.json")).text
    return OpenAPI.loads(f"{server.url}/openapi.json", document, session_factory=session)


async def test_a_guest_joins_sends_and_reads(api: Any) -> None:
    welcome = await api._.welcome_guest(data={"name": "Mina"})
    api.authenticate(token=welcome.token)
    assert (await api._.join(parameters={"id": "lobby"}, data={})).role == "member"
    sent = await api._.send(parameters={"id": "lobby"}, data={"text": "hello", "cid": "c-1", "data": {"a": [1]}})
    again = await api._.send(parameters={"id": "lobby"}, data={"text": "hello", "cid": "c-1", "data": {"a": [1]}})
    assert (sent.id, again.duplicate) == (again.id, True)
    page = await api._.history(parameters={"id": "lobby", "around": sent.seq, "limit": 1})
    assert [(m.id, m.user, m.text, m.data.root.a) for m in page.messages] == [(sent.id, welcome.user.id, "hello", [1])]
    assert (await api._.my_rooms()).rooms[0].room == "lobby"


async def test_a_backend_names_its_users_and_publishes(server: Server, api: Any) -> None:
    api.authenticate(token=await server_key(server))
    await api._.create_room(data={"id": "order-17", "access": "invite"})
    assert (await api._.put_user(parameters={"user": "shop-17"}, data={"name": "Sora"})).name == "Sora"
    token = (await api._.make_token(parameters={"user": "shop-17"}, data={})).token
    assert (await api._.put_member(parameters={"id": "order-17", "user": "shop-17"}, data={})).name == "Sora"
    messages = [{"room": "order-17", "text": "hello", "as": {"id": "shop-17"}}, {"room": "nowhere", "text": "hello"}]
    stored, refused = (await api._.publish(data={"messages": messages})).results
    assert (stored.ack, stored.error, refused.id, refused.error.code) == ("stored", None, None, "not_found")
    api.authenticate(token=token)
    (message,) = (await api._.history(parameters={"id": "order-17"})).messages
    assert (message.id, message.user, message.name) == (stored.id, "shop-17", "Sora")


async def test_an_error_has_its_code(api: Any) -> None:
    api.authenticate(token="x.y.z")
    with pytest.raises(HTTPClientError) as refused:
        await api._.open_rooms()
    assert refused.value.data.error.code == "bad_token"
