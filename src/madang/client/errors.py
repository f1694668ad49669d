"""What the SDK raises beside `madang.errors`: the connection's own ends. A refusal of the server is a MadangError.

Disconnected    the conversation is over; every later call raises it too
ConnectionLost  the connection broke before the answer to a command that may not be repeated: it was done, or not
"""


class Disconnected(Exception):
    """The client will not connect again: it was closed, refused, or told never to come back.

    Attributes:
        code: close code of protocol/codes.toml; 1000 when the application closed, 1006 when there was none.
    """

    def __init__(self, reason: str, code: int = 1006) -> None:
        self.reason = reason
        self.code = code
        super().__init__(reason)


class ConnectionLost(Exception):
    """Whether the command was done is unknown. Look, then decide; the client goes on reconnecting meanwhile."""
