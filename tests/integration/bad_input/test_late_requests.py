"""Requests under way when what they showed ends: neither does what comes late count, nor is what was read slowly answered."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from madang.config import Settings
from madang.node.run import RunningNode, run_node
from madang.transports.http import lateness
from tests.rest import Rest, rest
from tests.wire import dialled

PASSWORD = "correct horse"
End = Callable[[], Awaitable[object]]


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNode]:
    data: Path = tmp_path_factory.mktemp("late")
    async with run_node(Settings(port=0, admin_port=0, data=data, load_test=True)) as node:
        yield node


@pytest.fixture
async def anyone(node: RunningNode, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rest]:
    monkeypatch.setattr(lateness, "LATE_S", 0.0)
    async with rest(f"http://127.0.0.1:{node.port}") as client:
        yield client


async def signed_in(node: RunningNode, anyone: Rest) -> tuple[str, End]:
    """A user with an account, who is signed out elsewhere."""
    login = f"mina-{len(await node.store.accounts(limit=1000))}"
    up = await anyone.ok("POST", "/api/accounts", {"login": login, "name": "Mina", "password": PASSWORD})
    other = await anyone.ok("POST", "/api/sessions", {"login": login, "password": PASSWORD})
    elsewhere = anyone.server(other["token"])
    await elsewhere.ok("PUT", "/api/rooms/lobby/members/me")
    return up["token"], lambda: elsewhere.ok("DELETE", f"/api/sessions/{up['session']}")


async def deleted(node: RunningNode, anyone: Rest) -> tuple[str, End]:
    guest = await anyone.guest("Bora", "lobby")
    return guest.token, lambda: guest.ok("DELETE", "/api/me")


async def key(node: RunningNode, anyone: Rest) -> tuple[str, End]:
    made, text = await node.node.identity.add_key("Shop", node.node.now())
    return text, lambda: node.node.identity.drop_key(made.id)


async def user_of_a_key(node: RunningNode, anyone: Rest) -> tuple[str, End]:
    """A product's user, whose token ends with the key that made it."""
    made, text = await node.node.identity.add_key("Shop", node.node.now())
    shop = anyone.server(text)
    await shop.ok("PUT", "/api/users/sora-1", {"name": "Sora"})
    await shop.ok("PUT", "/api/rooms/lobby/members/sora-1")
    token = (await shop.ok("POST", "/api/users/sora-1/tokens"))["token"]
    return token, lambda: node.node.identity.drop_key(made.id)


ENDS = [signed_in, deleted, key, user_of_a_key]


@pytest.mark.parametrize(("who", "many"), [*((who, False) for who in ENDS), (key, True)])
async def test_a_body_that_comes_after_the_end_does_nothing(
    node: RunningNode, anyone: Rest, who: Callable[..., Any], many: bool
) -> None:
    token, end = await who(node, anyone)
    text = f"late {who.__name__} {many}"
    path = "/api/publish" if many else "/api/rooms/lobby/messages"
    body = {"messages": [{"room": "lobby", "text": text}]} if many else {"text": text}
    assert await answered(node, token, path, body, end) == 401
    assert text not in await said(node)


@pytest.mark.parametrize(("passed_s", "status"), [(0.499, 201), (0.5, 401)])
async def test_half_a_second_is_late(
    node: RunningNode, monkeypatch: pytest.MonkeyPatch, passed_s: float, status: int
) -> None:
    """At the limit that serves, by a clock that goes on while the body is held back."""
    now_s = float(int(node.node.turns.time()))
    monkeypatch.setattr(node.node.turns, "time", lambda: now_s)
    made, token = await node.node.identity.add_key("Shop", node.node.now())

    async def end() -> None:
        nonlocal now_s
        await node.node.identity.drop_key(made.id)
        now_s += passed_s

    text = f"after {passed_s} s"
    assert await answered(node, token, "/api/rooms/lobby/messages", {"text": text}, end) == status
    assert (text in await said(node)) == (status == 201)


async def said(node: RunningNode) -> list[str]:
    page = await node.store.messages("lobby", "", before=None, after=None, limit=50)
    return [message.text for message in page.messages]


async def answered(node: RunningNode, token: str, path: str, content: Any, end: End) -> int:
    """Return the status of a request whose body comes after `end`, which follows once its head has been judged."""
    body = json.dumps(content).encode()
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {token}"]
    head += ["Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]
    judged = asyncio.Event()
    arrived = node.node.identity.caller

    async def caller(*args: Any) -> Any:
        try:
            return await arrived(*args)
        finally:
            judged.set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(node.node.identity, "caller", caller)
        async with dialled(node.port) as raw:
            await raw.send("\r\n".join(head).encode())
            await judged.wait()
            await end()
            await raw.send(body)
            return await raw.status()


HISTORY = ("GET", "/api/rooms/lobby/messages")


@pytest.mark.parametrize(
    ("who", "asked"),
    [
        *((who, HISTORY) for who in ENDS),
        (signed_in, ("GET", "/api/search?q=hello&room=lobby")),
        (key, ("POST", "/api/members/query")),
    ],
)
async def test_what_was_read_before_the_end_is_not_answered_after_it(
    node: RunningNode, anyone: Rest, monkeypatch: pytest.MonkeyPatch, who: Callable[..., Any], asked: tuple[str, str]
) -> None:
    method, path = asked
    token, end = await who(node, anyone)
    reading, go_on = asyncio.Event(), asyncio.Event()
    for name in ("messages", "members", "heads"):
        read = getattr(node.store, name)

        async def late(*args: Any, _read: Callable[..., Awaitable[Any]] = read, **named: Any) -> Any:
            found = await _read(*args, **named)
            if asyncio.current_task() not in loops:
                reading.set()
                await go_on.wait()
            return found

        monkeypatch.setattr(node.store, name, late)
    loops = asyncio.all_tasks() - {asyncio.current_task()}
    body = {"rooms": ["lobby"]} if method == "POST" else None
    answer = asyncio.create_task(anyone.server(token).call(method, path, body))
    await reading.wait()
    await end()
    go_on.set()
    response = await answer
    # A deleted user is no longer a member either, which a read may notice first.
    assert response.status_code in ((401, 404) if who is deleted else (401,)), response.text
