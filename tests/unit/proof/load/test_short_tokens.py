"""Tokens that end soon: which ends of connections are right, and which are not."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import jwt
import pytest

from madang.testing import VirtualLoop
from madang_proof.history import HistoryWriter
from madang_proof.load.connection import Connection
from madang_proof.load.recorder import Recorder
from madang_proof.load.short_tokens import EXPIRED, LATE_S, LEEWAY_S, LIFE_S, ShortTokens

SECRET = "a secret of the issuer, 32 bytes or more"


class Ended:
    """A connection that is closed or not."""

    closed = False


Story = Callable[[ShortTokens, Connection, Recorder], Coroutine[Any, Any, None]]


async def closed_early(tokens: ShortTokens, connection: Connection, recorder: Recorder) -> None:
    tokens.show(connection, tokens.new())
    tokens.ended(connection, EXPIRED)


async def never_closed(tokens: ShortTokens, connection: Connection, recorder: Recorder) -> None:
    tokens.show(connection, tokens.new())
    await asyncio.sleep(LIFE_S[1] + LATE_S + 1)


async def renewed_again_and_again(tokens: ShortTokens, connection: Connection, recorder: Recorder) -> None:
    for _ in range(20):
        tokens.show(connection, tokens.new())
        await asyncio.sleep(LIFE_S[0])
    connection.closed = True
    tokens.ended(connection, 1000)
    await asyncio.sleep(LIFE_S[1] + LATE_S + 1)


async def closed_in_time(tokens: ShortTokens, connection: Connection, recorder: Recorder) -> None:
    token = tokens.new()
    tokens.show(connection, token)
    await asyncio.sleep(token.until - asyncio.get_running_loop().time() + 1)
    connection.closed = True
    tokens.ended(connection, EXPIRED)
    assert recorder.counted["connections ended with their token"] == 1


@pytest.mark.parametrize(
    ("story", "found"),
    [
        (closed_early, "A connection was closed before its token had ended"),
        (never_closed, f"A connection outlived its token by {LATE_S:.0f} s"),
        (renewed_again_and_again, ""),
        (closed_in_time, ""),
    ],
)
def test_connections_end_with_their_tokens_and_not_before(tmp_path: Path, story: Story, found: str) -> None:
    recorder = Recorder(HistoryWriter(tmp_path / "history.jsonl"))

    async def run() -> None:
        tokens = ShortTokens(SECRET, "Mina", "ws://127.0.0.1:1/ws", random.Random(1), recorder)
        await story(tokens, cast(Connection, Ended()), recorder)
        tokens.cancel()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(run())
    asyncio.run(recorder.close())
    assert dict(recorder.anomalies) == ({found: 1} if found else {})


async def test_a_token_is_one_that_a_server_takes(tmp_path: Path) -> None:
    recorder = Recorder(HistoryWriter(tmp_path / "history.jsonl"))
    token = ShortTokens(SECRET, "Mina", "", random.Random(1), recorder).new()
    claims = jwt.decode(token.text, SECRET, ["HS256"], leeway=LEEWAY_S)
    assert claims["name"] == "Mina" and claims["sub"].startswith("prover-")
    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(token.text, SECRET, ["HS256"])
    await recorder.close()
