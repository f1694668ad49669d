"""Tokens of an outside issuer, which end within seconds, and what becomes of the connections that speak by them.

A server takes such a token until LEEWAY_S after its end, so those made here have ended already when they are shown. A connection is
to end with its token, unless it has shown a newer one; and not before. What has ended lets nobody in.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import random
import secrets
import time
from typing import Final

import msgspec

from madang_proof.load import frames
from madang_proof.load.command import Command, encode
from madang_proof.load.connection import Connection, dial
from madang_proof.load.recorder import Recorder

LEEWAY_S: Final = 60.0
LIFE_S: Final = (3.0, 12.0)
LATE_S: Final = 30.0  # for the end of a connection that does not read, and during faults
EARLY_S: Final = 1.0
ANSWER_S: Final = 10.0
EXPIRED: Final = 4401


class Token(msgspec.Struct, frozen=True):
    """A token, and the loop time at which connections end that speak by it."""

    text: str
    until: float


class ShortTokens:
    """The tokens of one user, and the connections that speak by them.

    Args:
        secret: what the server takes for its issuer's (HS256).
        url: where tokens are tried that have ended.
    """

    def __init__(self, secret: str, name: str, url: str, dice: random.Random, recorder: Recorder) -> None:
        self._secret = secret.encode()
        self._subject = f"prover-{secrets.token_hex(6)}"
        self._name = name
        self._url = url
        self._dice = dice
        self._recorder = recorder
        self._shown: dict[Connection, Token] = {}
        self._timers: dict[Connection, asyncio.TimerHandle] = {}
        self._tries: set[asyncio.Task[None]] = set()

    def new(self) -> Token:
        """Return a new token."""
        life_s = self._dice.uniform(*LIFE_S)
        claims = {"sub": self._subject, "name": self._name, "exp": round(time.time() + life_s - LEEWAY_S, 3)}
        signed = b".".join(_part(json.dumps(each).encode()) for each in ({"alg": "HS256", "typ": "JWT"}, claims))
        signature = _part(hmac.digest(self._secret, signed, hashlib.sha256))
        return Token((signed + b"." + signature).decode(), asyncio.get_running_loop().time() + life_s)

    def show(self, connection: Connection, token: Token) -> None:
        """Note that a connection speaks by a token from now on; the end of it is waited for."""
        before = self._shown.get(connection)
        if before is None or before.until < token.until:
            self._shown[connection] = token
        if before is None:
            self._look(connection)

    def _look(self, connection: Connection) -> None:
        token, loop = self._shown[connection], asyncio.get_running_loop()
        if loop.time() < token.until + LATE_S:
            self._timers[connection] = loop.call_at(token.until + LATE_S, self._look, connection)
        elif not connection.closed:
            self._recorder.anomalies[f"A connection outlived its token by {LATE_S:.0f} s"] += 1

    def ended(self, connection: Connection, code: int) -> None:
        """Judge the end of a connection."""
        token = self._shown.pop(connection, None)
        if (timer := self._timers.pop(connection, None)) is not None:
            timer.cancel()
        if token is None or code != EXPIRED:
            return
        self._recorder.counted["closes by sign-out, at most"] += 1
        self._recorder.counted["connections ended with their token"] += 1
        if asyncio.get_running_loop().time() < token.until - EARLY_S:
            self._recorder.anomalies["A connection was closed before its token had ended"] += 1
        else:
            trying = asyncio.create_task(self._try(token))
            self._tries.add(trying)
            trying.add_done_callback(self._tries.discard)

    async def _try(self, token: Token) -> None:
        """Say hello with a token that has ended."""
        answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()

        def take(text: bytes | None) -> None:
            if not answer.done():
                answer.set_result(text)

        connection = await dial(self._url, take, lambda _: take(None))
        if connection is None:
            return
        try:
            connection.send([encode(Command(op="hello", more={"token": token.text}), 1)])
            async with asyncio.timeout(ANSWER_S):
                text = await answer
        except TimeoutError:
            return
        finally:
            connection.close()
        frame = None if text is None else frames.decode(text)
        if isinstance(frame, frames.Frame) and frame.op == "ok":
            self._recorder.anomalies["A token let somebody in after its end"] += 1
        elif frame is not None:
            self._recorder.counted["ended tokens refused"] += 1

    def cancel(self) -> None:
        """Wait for nothing any longer."""
        for timer in self._timers.values():
            timer.cancel()
        for trying in self._tries:
            trying.cancel()


def _part(text: bytes) -> bytes:
    return base64.urlsafe_b64encode(text).rstrip(b"=")
