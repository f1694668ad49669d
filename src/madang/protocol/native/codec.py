r"""Text of the native protocol: commands in, frames out. Bytes and structs only; transports do the framing.

Decoding is strict: one object, no duplicate keys, no NaN or infinity, at most MAX_DEPTH levels, valid Unicode.
The strict walk costs 5-10 µs, so a plain send skips it: if all five fields are present and the frame has five ":", it
cannot hold a duplicate key, a nested value or anything else that the typed decoder has not seen. Characters written as
\u are the exception: only the strict walk checks them.
"""

import json
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from madang.core.events import Event
from madang.core.timestamps import moment
from madang.errors import Limited, MadangError, Refused
from madang.protocol.native.commands import COMMANDS, AnyCommand, Send
from madang.protocol.native.frames import Answer, ErrorAnswer, EventFrame, Frame

MAX_DEPTH: Final = 16
_decode = msgspec.json.Decoder(AnyCommand).decode
_encode = msgspec.json.Encoder().encode
_PLAIN_SEND: Final = 5  # op, n, room, cid, text


class _Number(msgspec.Struct):
    n: Any = 0


def decode(text: bytes | bytearray) -> AnyCommand:
    """Decode one text frame.

    Raises:
        Refused: bad_json, unknown_op, or bad_field with the field's name in the message.
        UnicodeDecodeError: the frame is not UTF-8, which is an error of the frame (RFC 6455, 8.1), not of the command.
    """
    try:
        command = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _explain(text, error) from None
    if not (type(command) is Send and _is_plain(command) and text.count(b":") == _PLAIN_SEND and b"\\u" not in text):
        str(text, "utf-8")
        strict(text)
    return command  # type: ignore[no-any-return]


def _is_plain(send: Send) -> bool:
    return bool(send.n and send.text and not send.data and send.reply_to is None and not send.mentions)


def number(text: bytes | bytearray) -> int | None:
    """Return the `n` of a frame that could not be decoded, so that its error can be matched; None if it has none."""
    try:
        n = msgspec.json.decode(text, type=_Number).n
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return n if type(n) is int and 0 <= n <= 2**53 else None


def _explain(text: bytes | bytearray, error: Exception) -> Refused:
    str(text, "utf-8")
    strict(text)  # bad_json comes first, whatever else is wrong
    if not isinstance(error, msgspec.ValidationError):
        return Refused("bad_json")
    try:
        op = json.loads(text).get("op")
    except AttributeError:
        return Refused("bad_json")
    if not isinstance(op, str) or op not in COMMANDS:
        return Refused("unknown_op")
    return Refused("bad_field", f"{error}.")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key")
    return found


def _number(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise ValueError("not finite")
    return value


def _not_json(constant: str) -> float:
    raise ValueError(constant)


_STRING: Final = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL
)  # never fails once it has begun, so it stays linear
_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET: Final = bytes(set(range(256)) - set(b"[]{}"))
_strict_decoder: Final = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_number, parse_constant=_not_json)


def strict(text: bytes | bytearray) -> Any:
    """Decode strict JSON (RFC 8259, and I-JSON, RFC 7493, for keys, numbers and Unicode).

    Raises:
        Refused: bad_json; bad_text for lone surrogates and NUL, which crash encoders and databases later.
    """
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and _too_deep(text):
        raise Refused("bad_json")
    try:
        decoded = str(text, "utf-8")
        value = _strict_decoder.decode(decoded)
    except (ValueError, RecursionError):
        raise Refused("bad_json") from None
    if b"\\u" in text and not _sound(value):
        raise Refused("bad_text")
    return value


def _too_deep(text: bytes | bytearray) -> bool:
    """Remove the innermost level MAX_DEPTH times and return whether any is left. All of it runs in C."""
    nest = _STRING.sub(b"", text).translate(_SQUARE, _NO_BRACKET)
    for _ in range(MAX_DEPTH):
        nest = nest.replace(b"[]", b"")
    return bool(nest)


def _sound(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, dict):
        return all(_sound(k) and _sound(v) for k, v in value.items())
    if isinstance(value, list):
        return all(_sound(v) for v in value)
    return True


def event(event: Event) -> bytes:
    """Encode an event; its body is spliced in as stored."""
    id, at = str(event.id), moment(event.at)
    head = _encode(EventFrame(event.room, event.seq, event.type, id, event.user, event.name, at))
    return head if event.body == b"{}" else head[:-1] + b"," + event.body[1:]


def array(texts: Iterable[bytes]) -> msgspec.Raw:
    """Return encoded event frames as a JSON array, for answers to join and resets."""
    return msgspec.Raw(b"[" + b",".join(texts) + b"]")


def frame(frame: Frame) -> bytes:
    """Encode a frame that answers no command."""
    return _encode(frame)


def answer(n: int, answer: Answer) -> bytes:
    """Encode an answer to the command numbered `n`."""
    body = _encode(answer)
    return b'{"op":"ok","n":%d}' % n if body == b"{}" else b'{"op":"ok","n":%d,' % n + body[1:]


def error(n: int | None, problem: MadangError) -> bytes:
    """Encode an error; without `n` if the command's could not be read."""
    retry_ms = problem.retry_ms if isinstance(problem, Limited) else None
    body = _encode(ErrorAnswer(code=problem.code, message=problem.message, retry_ms=retry_ms))
    return (b'{"op":"error",' if n is None else b'{"op":"error","n":%d,' % n) + body[1:]
