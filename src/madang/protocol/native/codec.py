r"""Text of the native protocol: commands in, frames out. Bytes and structs only; transports do the framing.

Decoding is strict (`protocol.strict_json`), and a frame is held to the size its operation may have before it is walked.
The strict check costs 2 µs and more, so a plain send skips it: if all five fields are present and the frame has five
":", it cannot hold a duplicate key, a nested value or anything else that the typed decoder has not seen. Characters
written as \u are the exception: only the strict check sees them.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from madang.core.bounds import MAX_COMMAND
from madang.core.events import Event
from madang.core.timestamps import moment
from madang.errors import Limited, MadangError, Refused
from madang.protocol import strict_json
from madang.protocol.native.answers import Answer, ErrorAnswer
from madang.protocol.native.commands import COMMANDS, AnyCommand, Command, Edit, Send
from madang.protocol.native.frames import EventFrame, Frame
from madang.protocol.wording import bad_field, not_json

_decode = msgspec.json.Decoder(AnyCommand).decode
_encode = msgspec.json.Encoder().encode
_PLAIN_SEND: Final = 5  # op, n, room, cid, text
_LONGEST_N: Final = 16  # digits


def decode(text: bytes | bytearray) -> AnyCommand:
    """Decode one text frame.

    Raises:
        Refused: too_big, bad_json, bad_text, unknown_op, or bad_field with the field's name in the message.
        UnicodeDecodeError: the frame is not UTF-8, which is an error of the frame (RFC 6455, 8.1), not of the command.
    """
    if len(text) > MAX_COMMAND:
        _check_size(text)
    if text.count(b":") == _PLAIN_SEND and b"\\u" not in text and (send := _plain_send(text)) is not None:
        return send
    str(text, "utf-8")
    strict_json.check(text)  # bad_json comes first, whatever else is wrong
    try:
        return _decode(text)  # type: ignore[no-any-return]
    except msgspec.ValidationError as error:
        if _operation(strict_json.outline(text)) is None:
            raise Refused("unknown_op") from None
        raise bad_field(error) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise not_json(text, error) from None


def _plain_send(text: bytes | bytearray) -> Send | None:
    try:
        command = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return command if type(command) is Send and _is_plain(command) else None


def _is_plain(send: Send) -> bool:
    return bool(send.n and send.text and not send.data and send.reply_to is None and not send.mentions)


def _check_size(text: bytes | bytearray) -> None:
    """Refuse a large frame whose operation needs none, by nothing but its outline."""
    str(text, "utf-8")
    found = strict_json.outline(text)
    operation = _operation(found)
    if operation is None:
        raise Refused("unknown_op")
    strict_json.check_short(found)
    if len(text) > operation.max_bytes:
        raise Refused("too_big", f"{operation.__name__.lower()}: at most {operation.max_bytes} bytes.")
    if operation is Send or operation is Edit:
        strict_json.check_message(text, found)


def _operation(found: strict_json.Outline) -> type[Command] | None:
    if len(found.op) > MAX_COMMAND:
        return None
    try:
        return COMMANDS.get(msgspec.json.decode(found.op, type=str))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def number(text: bytes | bytearray) -> int | None:
    """Return the `n` of a frame that could not be decoded, so that its error can be matched; None if it has none."""
    try:
        n = bytes(strict_json.outline(text).n)
    except Refused:
        return None
    if not n:
        return 0
    return int(n) if len(n) <= _LONGEST_N and n.isdigit() and int(n) <= 2**53 else None


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


def shared_answer(n: int, text: bytes, more: bool, seq: int, newer: bool | None = None) -> tuple[bytes, bytes, bytes]:
    """Return the pieces of a page of messages whose middle, a JSON array, is the same object for all who asked for it."""
    head, middle, tail = shared_body(text, more, seq, newer)
    return b'{"op":"ok","n":%d,' % n + head, middle, tail


def shared_body(text: bytes, more: bool, seq: int, newer: bool | None = None) -> tuple[bytes, bytes, bytes]:
    """Return the same from its first field on, for wires that match answers to commands otherwise."""
    end = b',"more":%b,"seq":%d' % (b"true" if more else b"false", seq)
    if newer is not None:
        end += b',"newer":true' if newer else b',"newer":false'
    return b'"messages":', text, end + b"}"


def error(n: int | None, problem: MadangError) -> bytes:
    """Encode an error; without `n` if the command's could not be read."""
    retry_ms = problem.retry_ms if isinstance(problem, Limited) else None
    body = _encode(ErrorAnswer(code=problem.code, message=problem.message, retry_ms=retry_ms))
    return (b'{"op":"error",' if n is None else b'{"op":"error","n":%d,' % n) + body[1:]
