"""Which errors of a connection may be over in a moment. What the servers themselves answer is their adapters' business."""

import ssl
from typing import Final

_TLS: Final = "rejected SSL"  # how asyncpg says that a server has no TLS


def is_passing(error: BaseException) -> bool:
    """Return whether the network is the reason, and not TLS, rights or the address itself.

    A host without an address counts as passing: its name may come to be known when its machine does.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError | PermissionError) or _TLS in str(cause):
            return False
        if isinstance(cause, OSError | TimeoutError) or getattr(cause, "connection_invalidated", False):
            return True
        cause = getattr(cause, "orig", None) or cause.__cause__
    return False
