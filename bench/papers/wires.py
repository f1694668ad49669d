"""How servers of papers are spoken to: by y-websocket's wire, and by that of Hocuspocus, which names the document in each frame."""

from collections.abc import Sequence
from typing import Any, Protocol

from madang.core.varints import number
from madang.protocol import yjs
from madang.protocol.yjs import Message


class Wire(Protocol):
    """One way to speak."""

    def address(self, paper: str) -> tuple[str, dict[str, Any]]:
        """Return where a paper is, and what else a connection needs."""

    def begin(self, paper: str, state: bytes) -> Sequence[bytes]:
        """Return the first frames of a client that has this state vector."""

    def frame(self, paper: str, message: bytes) -> bytes:
        """Return a message as a frame."""

    def read(self, paper: str, frame: bytes) -> Message | None:
        """Return what a frame says; None for what papers do not need."""


class Plain:
    """y-websocket's, with a token as Madang wants it, where there is one."""

    def __init__(self, port: int, path: str, token: str = "") -> None:
        self._at = f"ws://127.0.0.1:{port}{path}"
        self._options: dict[str, Any] = {"subprotocols": ["yjs", f"bearer.{token}"]} if token else {}

    def address(self, paper: str) -> tuple[str, dict[str, Any]]:
        return f"{self._at}/{paper}", self._options

    def begin(self, paper: str, state: bytes) -> Sequence[bytes]:
        return [yjs.step1(state)]

    def frame(self, paper: str, message: bytes) -> bytes:
        return message

    def read(self, paper: str, frame: bytes) -> Message | None:
        return yjs.decode(frame) if frame[0] == 0 else None


_AUTH, _REPLY = 2, 4
_TOKEN = 0


class Hocuspocus:
    """That of Hocuspocus 4: the document's name, then the message; a token first, even if nobody asks what it is."""

    def __init__(self, port: int) -> None:
        self._at = f"ws://127.0.0.1:{port}"

    def address(self, paper: str) -> tuple[str, dict[str, Any]]:
        return self._at, {}

    def begin(self, paper: str, state: bytes) -> Sequence[bytes]:
        token = bytes([_AUTH, _TOKEN, 0])
        return [self.frame(paper, token), self.frame(paper, yjs.step1(state))]

    def frame(self, paper: str, message: bytes) -> bytes:
        name = paper.encode()
        return bytes([len(name)]) + name + message

    def read(self, paper: str, frame: bytes) -> Message | None:
        size, at = number(frame, 0)
        message = frame[at + size :]
        return yjs.decode(b"\0" + message[1:]) if message[0] in (0, _REPLY) else None
