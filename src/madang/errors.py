"""Every exception Madang raises on purpose, each bound to a published code.

MadangError                 carries a code of protocol/codes.toml; what a user sees
├── Refused                 the command cannot be carried out; nothing was stored
│   └── Limited             … yet: `retry_ms` says when
└── StorageError            the log could not append
    ├── StorageFull         the disk is full: nothing was stored, reads still work
    └── StorageFailed       unknown whether it was stored: repeating the same cid resolves it
        └── LeaseExceeded   the node's lease does not cover the ids an append needs: nothing was stored
SetupError                  a setting, file or server is wrong at start: one sentence, and one that says what to do
└── Unreachable             a server is not there, which may be over in a moment: a node that starts waits for it
"""

import errno
import re
from typing import Final, TypeVar

from madang.codes import ERRORS

E = TypeVar("E", bound=BaseException)


class MadangError(Exception):
    """An error with a published code; `str()` is the sentence a user reads."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message or ERRORS[code].message
        super().__init__(self.message)


class Refused(MadangError):
    """A command that cannot be carried out. Nothing was stored."""


class Limited(Refused):
    """A command that came too early; the same command succeeds after `retry_ms` milliseconds."""

    def __init__(self, code: str, retry_ms: int, message: str = "") -> None:
        self.retry_ms = retry_ms
        super().__init__(code, message or f"{ERRORS[code].message} Wait {retry_ms} ms.")


class StorageError(MadangError):
    """An append failed; the subclass says whether anything may have been stored."""


class StorageFull(StorageError):
    """The disk is full. Nothing of the batch was stored."""

    def __init__(self, message: str = "") -> None:
        super().__init__("storage_full", message)


class StorageFailed(StorageError):
    """The commit was not confirmed. Repeating it under the same cid stores it once."""

    def __init__(self, message: str = "") -> None:
        super().__init__("storage_failed", message)


class LeaseExceeded(StorageFailed):
    """The lease of this node's id does not cover an id that an append needs. Nothing of the batch was stored."""

    def __init__(self) -> None:
        super().__init__("The lease of this node's id has run out; nothing was stored.")


class SetupError(Exception):
    """Madang cannot start as configured; `hint` says what to do about it."""

    def __init__(self, problem: str, hint: str) -> None:
        self.problem = problem
        self.hint = hint
        super().__init__(f"{problem} {hint}")


class InUse(SetupError):
    """Another process has the data for itself."""


class Unreachable(SetupError):
    """A server does not answer, or not yet. Nothing is wrong with the settings, as far as can be known."""


_NOT_CONNECTED: Final = {
    errno.ECONNREFUSED: "Connection refused",
    errno.ETIMEDOUT: "Connection timed out",
    errno.EHOSTUNREACH: "No route to host",
    errno.ENETUNREACH: "Network is unreachable",
}


def plain_reason(error: OSError) -> str:
    """Return why the system refused, in its words and without its numbers: "No such file or directory"."""
    text = error.strerror or str(error)
    if "Connect call failed" in text:  # asyncio's words, for one address or for all that a name has
        numbers = [error.errno] if error.errno else map(int, re.findall(r"\[Errno (\d+)\]", text))
        return " and ".join(dict.fromkeys(_NOT_CONNECTED.get(number, "no connection") for number in numbers)) or text
    if isinstance(tls := getattr(error, "reason", None), str):  # ssl.SSLError
        return f"TLS: {getattr(error, 'verify_message', '') or tls.lower().replace('_', ' ')}"
    return text or type(error).__name__


def without_frames(error: E) -> E:
    """Return an error without the frames that it came through. Call it where an error is kept, or has been answered.

    Frames hold what was being done, and often the error itself, by a variable or a future: a ring, which would be left
    to the cycle collector with a whole connection in it.
    """
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error
