"""Every exception Madang raises on purpose, each bound to a published code.

MadangError                 carries a code of protocol/codes.toml; what a user sees
├── Refused                 this command cannot be done; nothing was stored
│   └── Limited             … yet: `retry_ms` says when
└── StorageError            the log could not take an append
    ├── StorageFull         the disk is full: nothing was stored, reading goes on
    └── StorageFailed       unknown whether it was stored: the same cid resolves it
        └── Uncovered       the lease of the node's number does not cover the ids it takes: nothing was stored
SetupError                  a setting, file or server is wrong at start: one sentence and how to mend it
"""

from madang.codes import ERRORS


class MadangError(Exception):
    """An error with a published code; `str()` is the sentence a user reads."""

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        self.message = message or ERRORS[code].message
        super().__init__(self.message)


class Refused(MadangError):
    """A command that cannot be done. Nothing was stored."""


class Limited(Refused):
    """A command that came too early; the same command succeeds after `retry_ms` milliseconds."""

    def __init__(self, code: str, retry_ms: int, message: str = "") -> None:
        self.retry_ms = retry_ms
        super().__init__(code, message or f"{ERRORS[code].message} Wait {retry_ms} ms.")


class StorageError(MadangError):
    """The log did not take an append; the subclass says whether anything may be stored."""


class StorageFull(StorageError):
    """The disk is full. Nothing of the batch was stored."""

    def __init__(self, message: str = "") -> None:
        super().__init__("storage_full", message)


class StorageFailed(StorageError):
    """The commit was not confirmed. A repeat under the same cid is stored once."""

    def __init__(self, message: str = "") -> None:
        super().__init__("storage_failed", message)


class Uncovered(StorageFailed):
    """The lease of this node's number does not cover an id that an append needs. Nothing of the batch was stored."""

    def __init__(self) -> None:
        super().__init__("The lease of this node's number has run out; nothing was stored.")


class SetupError(Exception):
    """Madang cannot start as configured; `mend` says what to do about it."""

    def __init__(self, problem: str, mend: str) -> None:
        self.problem = problem
        self.mend = mend
        super().__init__(f"{problem} {mend}")
