"""Judging a case: send it, collect what comes, and hold it to what must come."""

import asyncio
import json
import struct
import zlib
from typing import Final

from tests.conformance.cases import Case
from tests.waiting import PATIENCE_S
from tests.wire import CLOSE, GONE, PING, PONG, TEXT, Raw, close, frame

LAST: Final = 999_999  # the number of the command that shows that a connection lives on
OVER: Final = b"that was all"  # and the ping behind it: pongs come in order, and so do answers, but not with each other
NO_CODE: Final = 1005


class Heard:
    """What a server said: answers and pongs in their order, and how it ended."""

    def __init__(self) -> None:
        self.answers: list[int | str] = []
        self.pongs: list[bytes] = []
        self.closed: int | None = None


async def judge(raw: Raw, case: Case, deflated: bool = False) -> None:
    """Try a case on a connection that has said hello."""
    probe = frame(TEXT, json.dumps({"op": "ping", "n": LAST})) + frame(PING, OVER)
    await raw.send(*case.sent, *(() if case.close else (probe,)))
    heard = await listen(raw, deflated)
    codes = case.close if isinstance(case.close, tuple) else (case.close,)
    assert heard.closed in codes
    assert tuple(heard.answers) == (case.answers if case.close else (*case.answers, LAST))
    if case.pongs is not None:
        assert tuple(heard.pongs) == (case.pongs if case.close else (*case.pongs, OVER))
    if case.close:
        await raw.send(close(1000 if heard.closed == NO_CODE else heard.closed or 1000))
        assert await over(raw) == b"", "nothing comes behind a close"


async def listen(raw: Raw, deflated: bool) -> Heard:
    """Take what comes until the close or the last answer."""
    heard = Heard()
    async with asyncio.timeout(PATIENCE_S):
        while LAST not in heard.answers or OVER not in heard.pongs:
            try:
                first, data = await raw.whole_frame()
            except (asyncio.IncompleteReadError, ConnectionError):
                heard.closed = GONE
                return heard
            opcode, reserved = first & 0x0F, first & 0x70
            assert first & 0x80, "this server does not fragment"
            assert reserved in ((0, 0x40) if deflated and opcode == TEXT else (0,))
            if opcode == TEXT:
                if reserved:
                    data = zlib.decompressobj(-12).decompress(data + b"\x00\x00\xff\xff")
                told = json.loads(data)
                heard.answers.append(told["n"] if told["op"] == "ok" else told["code"])
            elif opcode == PONG:
                heard.pongs.append(data)
            elif opcode == CLOSE:
                assert len(data) != 1
                data[2:].decode()
                heard.closed = struct.unpack("!H", data[:2])[0] if data else NO_CODE
                return heard
            else:
                assert opcode == PING
    return heard


async def over(raw: Raw) -> bytes:
    """Wait for the end of the stream; a reset is one, where the server had not read all that came (RFC 6455, 7.1.1)."""
    try:
        return await raw.ended()
    except ConnectionError:
        return b""
