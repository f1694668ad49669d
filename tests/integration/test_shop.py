"""`examples/shop`: a shop signs its users in, opens a room for an order, posts, moderates; a customer talks with support."""

import asyncio
import os
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from madang.client import MessageSent, Refused, Room, connect
from tests.http import http_client
from tests.running import Server, madang, running_server

SHOP = Path(__file__).resolve().parents[2] / "examples/shop"
PATIENCE_S = 60.0
SCOPES = ("--scope", "publish", "--scope", "rooms", "--scope", "moderate")


@asynccontextmanager
async def ended(process: Process) -> AsyncIterator[Process]:
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def opened(server: Server, key: str, secret: str) -> AsyncIterator[str]:
    """Run the shop; yield its address."""
    theirs = {"MADANG_URL": server.url, "MADANG_KEY": key, "MADANG_JWT_SECRET": secret}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "uvicorn", "shop:app", "--port", "0"),
        cwd=SHOP, env={**os.environ, **theirs}, stderr=PIPE,
    )  # fmt: skip
    async with ended(process), asyncio.timeout(PATIENCE_S):
        assert process.stderr is not None
        while b"running on" not in (line := await process.stderr.readline()):
            assert line, "the shop has ended"
        yield line.decode().split("running on ")[1].split()[0]


async def said(room: Room, text: str) -> MessageSent:
    """Return the message that says it, heard live or found at the join."""
    for earlier in room.recent:
        if isinstance(earlier, MessageSent) and earlier.text == text:
            return earlier
    async with asyncio.timeout(PATIENCE_S):
        async for event in room:
            if isinstance(event, MessageSent) and event.text == text:
                return event
    raise AssertionError(text)


async def test_a_customer_and_support_talk_about_an_order(tmp_path: Path) -> None:
    secret = secrets.token_hex(32)
    settings = {"jwt_secret": secret, "guests": "off"}
    async with running_server(tmp_path, settings=settings) as server:
        key = (await madang("key", "create", "Shop", *SCOPES, "--data", tmp_path)).out.strip()
        async with opened(server, key, secret) as shop:
            theirs = {"SHOP_URL": shop, "MADANG_URL": server.url}
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, SHOP / "customer.py", "1", "Two cups"),
                env={**os.environ, **theirs},
                stdin=PIPE,
                stdout=PIPE,
            )
            async with ended(process) as customer, http_client(shop) as jun:
                assert customer.stdin is not None and customer.stdout is not None
                assert await customer.stdout.readline() == b"Shop: Mina ordered: Two cups\n"
                assert (await jun.get("/chat-token")).status_code == 401
                await jun.post("/sign-in", json={"number": "100"})
                token = (await jun.get("/chat-token")).json()["token"]
                async with connect(server.url, token=token) as support:
                    room = await support.join("order-1")
                    customer.stdin.write(b"When will it come?\n")
                    assert (await said(room, "When will it come?")).name == "Mina"
                    await room.send("Tomorrow.")
                    while await customer.stdout.readline() != b"Jun (support): Tomorrow.\n":
                        pass
                    for _ in range(2):  # the shop may repeat itself
                        assert (await jun.post("/orders/1/shipped")).status_code == 204
                    assert (await said(room, "Your order is on its way.")).name == "Shop"
                    assert [m.text for m in (await room.history()).messages].count("Your order is on its way.") == 1
                    muted = await jun.post("/orders/1/mute", json={"minutes": 5, "reason": "Rude"})
                    assert muted.status_code == 204
                await nobody_else_comes_in(server, shop)


async def nobody_else_comes_in(server: Server, shop: str) -> None:
    """Another customer neither finds the room nor moderates; the one who was muted only reads."""
    async with http_client(shop) as bora, http_client(shop) as mina:
        await bora.post("/sign-in", json={"number": "2"})
        assert (await bora.post("/orders/1/shipped")).status_code == 403
        async with connect(server.url, token=(await bora.get("/chat-token")).json()["token"]) as client:
            with pytest.raises(Refused, match="does not exist"):
                await client.join("order-1")
        await mina.post("/sign-in", json={"number": "1"})
        async with connect(server.url, token=(await mina.get("/chat-token")).json()["token"]) as client:
            room = await client.join("order-1")
            with pytest.raises(Refused, match="muted"):
                await room.send("What?")
