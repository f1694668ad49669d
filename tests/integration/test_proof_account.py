"""The accounts of `madang prove` are real ones: their sessions begin and end."""

import asyncio
from pathlib import Path

from madang_proof.load.account import Account
from tests import wire
from tests.running import running_server


async def test_a_session_ends_and_the_next_goes_on(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        account = Account(f"ws://127.0.0.1:{server.port}/ws", "Prover 5")
        first = await asyncio.to_thread(account.sign_up)
        second = await asyncio.to_thread(account.sign_in)
        assert first and second and first != second
        async with wire.upgraded(server.port) as former, wire.upgraded(server.port) as later:
            assert (await former.ask(op="hello", n=1, token=first))["op"] == "ok"
            assert await asyncio.to_thread(account.end_former)
            assert (await later.ask(op="hello", n=1, token=second))["user"]["name"] == "Prover 5"
        assert not await asyncio.to_thread(account.end_former), "it is over"


async def test_a_server_without_accounts_has_none(tmp_path: Path) -> None:
    async with running_server(tmp_path, settings={"accounts": "off"}) as server:
        assert await asyncio.to_thread(Account(f"ws://127.0.0.1:{server.port}/ws", "Prover 5").sign_up) == ""
