"""From events that clients emit to commands of the native protocol: the name is the operation, the only argument its fields.

The text of a command is put together from the texts of both, so what is allowed in it is judged in one place, `native.codec`.
A number that the client knows nothing of says how it is answered: an ack by its id and one, others by what they were named.
"""

from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Raw

from madang.errors import Refused
from madang.protocol import strict_json
from madang.protocol.native.commands import COMMANDS
from madang.protocol.socketio.packets import Event

NAMES: Final = tuple(name for name in COMMANDS if name != "hello")
"""The operations. Who somebody is they say when they connect."""
HELLO: Final = 0
"""The number of what is said then."""
UNACKED: Final = 1 << 52
"""From here on: of commands whose client waits for no ack. That of an operation is its index in NAMES more."""
REJECTED: Final = UNACKED + len(NAMES)
"""The number of an event that is refused as soon as it is read, and that nobody waits for."""
_NUMBERS: Final = {name: UNACKED + i for i, name in enumerate(NAMES)}


class Auth(msgspec.Struct):
    """What a client says of itself when it connects: who it is, and which session it comes back to."""

    token: Raw = Raw()
    guest: Raw = Raw()
    ticket: Raw = Raw()
    pid: Raw = Raw()
    offset: Raw = Raw()


_auth: Final = msgspec.json.Decoder(Auth).decode
_text: Final = msgspec.json.Decoder(str).decode


def number(event: Event) -> int:
    """Return the number of an event's command."""
    return _NUMBERS.get(event.name, REJECTED) if event.id is None else event.id + 1


def command(event: Event, new_cid: Callable[[], str]) -> bytes:
    """Return the text of the command that an event is.

    Args:
        new_cid: names a message that its client has no name for.

    Raises:
        Refused: unknown_op, bad_field.
    """
    if event.name not in _NUMBERS:
        raise Refused("unknown_op")
    if event.binary:
        raise Refused("bad_field", "Binary arguments are not taken.")
    if len(event.arguments) > 1:
        raise Refused("bad_field", "One argument, an object, holds all fields.")
    fields = bytes(event.arguments[0]) if event.arguments else b"{}"
    if fields[:1] != b"{":
        raise Refused("bad_field", "The argument is not an object.")
    head = b'{"op":"%s","n":%d' % (event.name.encode(), number(event))
    if event.name == "send" or b'"op"' in fields or b'"n"' in fields:
        found = strict_json.outline(fields)
        if len(found.op) or len(found.n):
            raise Refused("bad_field", "op, n: not among the fields.")
        if event.name == "send" and not len(found.cid):
            head += b',"cid":"%s"' % new_cid().encode()
    rest = fields[1:].lstrip()
    return head + (rest if rest == b"}" else b"," + rest)


def hello(auth: str) -> tuple[bytes, tuple[str, str] | None]:
    """Return the text of the hello in what a client connects with, and the session and offset that it wants back, if it does.

    Raises:
        Refused: bad_field, bad_json.
    """
    try:
        said = _auth(auth or "{}")
    except msgspec.ValidationError:
        raise Refused("bad_field", "auth: not an object.") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Refused("bad_json") from None
    fields = [(name, getattr(said, name)) for name in ("token", "guest", "ticket")]
    given = b"".join(b',"%s":%s' % (name.encode(), bytes(value)) for name, value in fields if len(value))
    return b'{"op":"hello","n":%d%s}' % (HELLO, given), _wanted(said)


def _wanted(said: Auth) -> tuple[str, str] | None:
    try:
        return _text(said.pid), _text(said.offset)
    except (msgspec.DecodeError, UnicodeError):
        return None
