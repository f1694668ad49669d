r"""Strict JSON (RFC 8259; I-JSON, RFC 7493, for keys, numbers and Unicode), at a cost per byte that no shape multiplies.

One object, no duplicate keys, no NaN or infinity, at most MAX_DEPTH levels and MAX_VALUES values, valid Unicode. A walk
over each value in Python would cost 80 to 130 ns a byte for `{"":0},` again and again, and 3 for plain text: 8 ms for a
frame. So all of it is done by C over the whole text, and what is dense is refused by counting before it is read. What is
read takes 0.7 ms at most, for 2,048 floats or 64 KB of escapes; `tests/fuzz/cost.py` looks for worse shapes.
"""

import re
from typing import Any, Final

import msgspec

from madang.core.bounds import MAX_COMMAND, MAX_DATA, MAX_DEPTH, MAX_LIST, MAX_TOKEN, MAX_VALUES
from madang.errors import Refused
from madang.protocol.wording import INFINITE, KEY_TWICE, TOO_DEEP, not_json

_SQUARE: Final = bytes.maketrans(b"{}", b"[]")
_NO_MARK: Final = bytes(set(range(256)) - set(b'[]{},"'))
_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_INFINITE: Final = b"0" * 309  # digits of a number that is infinite to whoever reads all numbers as floats
_INFINITE_INTEGER: Final = re.compile(rb"(?<![\d.eE])(?<![eE][+-])\d{309,}+(?![.eE])")
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")


def _finite(number: str) -> None:
    """Refuse an infinite float. Its value is of no interest: msgspec's own reading of one may take 16 µs."""
    value = float(number)
    if value - value != 0:
        raise ValueError("not finite")


_decode: Final = msgspec.json.Decoder(float_hook=_finite).decode
_encode: Final = msgspec.json.Encoder().encode


def check(text: bytes | bytearray, values: int = MAX_VALUES) -> None:
    """Check that a text is one object in strict JSON, with at most some number of values.

    Raises:
        Refused: bad_json; too_big for too many values; bad_text for lone surrogates and NUL, which crash encoders and
            databases later.
    """
    if text.count(b",") + text.count(b"[") + text.count(b"{") > MAX_DEPTH:
        _check_structure(text, values)
    if len(text) >= len(_INFINITE) and _INFINITE in text.translate(_ZEROS) and _INFINITE_INTEGER.search(_bare(text)):
        raise not_json(text, why=INFINITE)
    try:
        value = _decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise (Refused("bad_text") if _is_sound_but_for_surrogates(text) else not_json(text, error)) from None
    if type(value) is not dict:
        raise not_json(text)
    escaped = text.replace(b"\\\\", b"") if b"\\u00" in text else b""
    if b"\\u0000" in escaped:
        raise Refused("bad_text")
    # Of a key that is there twice one is lost, and its colon with it. Colons inside of strings come back as they were.
    if _encode(value).count(b":") != text.count(b":") + escaped.count(b"\\u003a") + escaped.count(b"\\u003A"):
        raise not_json(text, why=KEY_TWICE)


def _bare(text: bytes | bytearray) -> bytes:
    """Return a text without its strings."""
    return b"".join(text.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2])


def _check_structure(text: bytes | bytearray, values: int) -> None:
    """Judge number and nesting of values, by nothing but brackets, commas and quotes."""
    marks = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_SQUARE, _NO_MARK)
    if marks.count(b'"') > 4 * values:  # a key and a value each
        raise Refused("too_big", f"At most {values} values.")
    marks = marks.replace(b'""', b"")
    if b'"' in marks:
        marks = b"".join(marks.split(b'"')[::2])
    if marks.count(b",") + marks.count(b"[") > values:
        raise Refused("too_big", f"At most {values} values.")
    nest = marks.replace(b",", b"")
    for _ in range(MAX_DEPTH):  # the innermost level goes each time
        nest = nest.replace(b"[]", b"")
    if nest:
        raise not_json(text, why=TOO_DEEP if text.lstrip()[:1] in (b"{", b"[") else "")


def _is_sound_but_for_surrogates(text: bytes | bytearray) -> bool:
    r"""Return whether a text that is refused is JSON as soon as its escaped surrogates are something else."""
    if b"\\u" not in text:
        return False
    try:
        _decode(_SURROGATE.sub(b"?", text.replace(b"\\\\", b"//")))
    except (msgspec.DecodeError, ValueError, RecursionError):
        return False
    return True


class Outline(msgspec.Struct):
    """Some fields of an object, as they stand in its text: what is judged by size before anything is walked."""

    op: msgspec.Raw = msgspec.Raw()
    n: msgspec.Raw = msgspec.Raw()
    cid: msgspec.Raw = msgspec.Raw()
    token: msgspec.Raw = msgspec.Raw()
    ticket: msgspec.Raw = msgspec.Raw()
    text: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()
    mentions: msgspec.Raw = msgspec.Raw()


_outline: Final[Any] = msgspec.json.Decoder(Outline).decode


def outline(text: bytes | bytearray) -> Outline:
    """Return where the fields of an object stand, at 0.4 to 3 ns a byte. What is in them may be wrong in any way.

    Raises:
        Refused: bad_json, if it is not an object.
    """
    try:
        return _outline(text)  # type: ignore[no-any-return]
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise not_json(text, None if isinstance(error, msgspec.ValidationError) else error) from None


def check_short(found: Outline) -> None:
    """Refuse what stands for somebody or something, if it is far too long for that (bad_field)."""
    for name in ("cid", "token", "ticket"):
        if len(getattr(found, name)) > MAX_TOKEN + 2:
            raise Refused("bad_field", f"{name}: too long.")


def check_message(text: bytes | bytearray, found: Outline) -> None:
    """Refuse what is too large for a message (too_big): its data, its mentions, or all but these and its text."""
    if len(found.data) > MAX_DATA:
        raise Refused("too_big", f"data: at most {MAX_DATA} bytes.")
    if len(found.mentions) > MAX_LIST:
        raise Refused("too_big", f"mentions: at most {MAX_LIST} bytes.")
    if len(text) - len(found.text) - len(found.data) - len(found.mentions) > MAX_COMMAND:
        raise Refused("too_big", f"Besides text, data and mentions: at most {MAX_COMMAND} bytes.")
