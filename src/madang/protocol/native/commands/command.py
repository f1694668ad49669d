"""A client's command, and the types of fields that only commands have. Bounds that msgspec can check are in `core.bounds`."""

from typing import Annotated, ClassVar, Final

from msgspec import Meta, Struct

from madang.core.bounds import MAX_COMMAND

VERSION: Final = 1

N = Annotated[int, Meta(ge=0, le=2**53)]


class Command(Struct, kw_only=True, tag_field="op", tag=str.lower, gc=False):
    """A client's command; the answer repeats its `n`.

    Attributes:
        max_bytes: what its frame may have. One that carries no message needs few.
    """

    max_bytes: ClassVar[int] = MAX_COMMAND

    n: N = 0
