"""Unsigned numbers as Yjs writes them: LEB128, seven bits in a byte, the lowest first."""

from typing import Final

_BITS: Final = 63


def number(data: bytes, at: int) -> tuple[int, int]:
    """Return the number that begins at a place, and where it ends (IndexError, or ValueError for one of more than 63 bits)."""
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while byte >= 0x80:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        shift += 7
        if shift > _BITS:
            raise ValueError
    return value, at + 1
