"""What is wrong with a command or body, in Madang's own words: what a JSON library says helps nobody who does not know it.

Nothing of what was sent is repeated but names of fields and positions. All of it is cheap, however large the text.
"""

import re
from typing import Final

import msgspec

from madang.codes import ERRORS
from madang.core.bounds import MAX_DEPTH
from madang.errors import Refused

TOO_DEEP: Final = f"it has more than {MAX_DEPTH} levels, or a bracket without the other"
KEY_TWICE: Final = "a key is there twice"
INFINITE: Final = "a number is infinite"

_BEGINNINGS: Final = (
    (b"\xef\xbb\xbf", "it begins with a byte order mark"),
    (b"\xff\xfe", "it is UTF-16, not UTF-8"),
    (b"\xfe\xff", "it is UTF-16, not UTF-8"),
    (b"\x1f\x8b", "it is compressed"),  # gzip, zstd, and what "deflate" is mostly
    (b"\x28\xb5\x2f\xfd", "it is compressed"),
    (b"\x78\x01", "it is compressed"),
    (b"\x78\x9c", "it is compressed"),
    (b"\x78\xda", "it is compressed"),
)
_KINDS: Final = {b"[": "an array", b'"': "a string", b"t": "true", b"f": "false", b"n": "null"}
_BYTE: Final = re.compile(r"\(byte (\d+)\)")
_NO_NUMBERS: Final = (b"NaN", b"Infinity")


def not_json(text: bytes | bytearray, error: Exception | None = None, *, why: str = "") -> Refused:
    """Return the refusal of a text that is not one JSON object (bad_json), with the reason in its message.

    Args:
        error: what the decoder raised.
        why: the reason, where it is known.
    """
    why = why or _reason(text, error)
    return Refused("bad_json", f"{ERRORS['bad_json'].message} {why[0].upper()}{why[1:]}.")


def _reason(text: bytes | bytearray, error: Exception | None) -> str:
    for beginning, what in _BEGINNINGS:
        if text.startswith(beginning):
            return what
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return TOO_DEEP
    first = text[:1] if text[:1].strip() else text.lstrip()[:1]
    if not first:
        return "it is empty"
    if isinstance(error, msgspec.ValidationError) or (error is not None and not isinstance(error, msgspec.DecodeError)):
        return INFINITE
    if error is None or first != b"{":
        return f"it is {_KINDS.get(bytes(first), 'a number' if first.isdigit() or first == b'-' else 'something else')}"
    place = _BYTE.search(str(error))
    if place is None:
        return "it ends too soon"
    at = int(place[1])
    if text.startswith(_NO_NUMBERS, at):
        return "NaN and Infinity are not JSON"
    if "trailing characters" in str(error):
        return "it goes on behind the object"
    return f"it is malformed at byte {at}"


_TYPES: Final = {
    "str": "a string", "int": "an integer", "float": "a number", "bool": "true or false", "array": "an array",
    "object": "an object", "null": "null",
}  # fmt: skip
_GOT: Final = {**_TYPES, "float": "a number with a point or exponent", "bool": "true or false"}
_AT: Final = re.compile(r" - at `\$\.?([^`]*)`$")
_TYPE: Final = re.compile(r"Expected `([a-z]+)(?: \| null)?`(?:, got `([a-z]+)`)?")
_RANGE: Final = re.compile(r"Expected `(int|float)` (>=|<=) (\d+)")
_LENGTH: Final = re.compile(r"Expected `(str|array)` of length (>=|<=) (\d+)")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `([^`]*)`")


def bad_field(error: msgspec.ValidationError) -> Refused:
    """Return the refusal of a field that does not decode (bad_field), which names the field and what it must be."""
    said = str(error)
    place = _AT.search(said)
    field = place[1] if place else ""
    if found := _MISSING.match(said) or _UNKNOWN.match(said):
        field = f"{field}.{found[1]}" if field else found[1]
    return Refused("bad_field", f"{field or 'The object'}: {_wanted(said)}.")


def _wanted(said: str) -> str:
    if _MISSING.match(said):
        return "missing"
    if _UNKNOWN.match(said):
        return "there is no such field"
    if found := _RANGE.match(said):
        return f"{'at least' if found[2] == '>=' else 'at most'} {found[3]}"
    if found := _LENGTH.match(said):
        return length(found[2] == ">=", int(found[3]), "character" if found[1] == "str" else "item")
    if said.startswith("Invalid enum value"):
        return "not one of the words that it may be"
    if (found := _TYPE.match(said)) and found[1] in _TYPES and "matching" not in said:
        got = f", not {_GOT[found[2]]}" if found[2] in _GOT else ""
        return f"{_TYPES[found[1]]}{got}"
    return "not of the form that it must have"


def length(least: bool, n: int, what: str) -> str:
    """Return how long something must be."""
    return f"{'at least' if least else 'at most'} {n} {what}{'' if n == 1 else 's'}"
