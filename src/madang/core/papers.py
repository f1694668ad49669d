"""Papers: documents of a room that many write at once. What their bytes mean is known to `documents` alone.

A paper's log is its own: its updates are numbered for it, and none is among the events of the room.
"""

import re
from hashlib import blake2b
from typing import Final

import msgspec

from madang.core.permissions import MUTED, Action, acting_role, refusal
from madang.errors import Refused

MAX_PAPERS: Final = 200
"""Papers of one room."""
MAX_UPDATE: Final = 1 << 20
"""Bytes of one message of a client, and so of an update."""
MAX_PAPER: Final = 4 << 20
"""Bytes of a paper: its snapshot, and what was written since."""
_PAPER_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


SEARCHED: Final = 32_768
"""How many characters of a finished paper searches look at: its first."""


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A paper as the store keeps it.

    Attributes:
        id: unique on the server; free again once the paper is deleted.
        key: of this paper and of none that had the id before.
        user: who made it, at `at_ms`.
        seq: the number of its newest update; 0 for none.
        size: bytes of its snapshot and of all updates behind it.
        finished_seq: the seq of the event that finished it, in the room's log; 0 while it is open.
        went_back: the number of its newest update that goes back to a version; 0 for none.
    """

    id: str
    room: str
    title: str
    finished: bool
    key: int
    user: str
    at_ms: int
    seq: int = 0
    size: int = 0
    finished_seq: int = 0
    went_back: int = 0


class Update(msgspec.Struct, frozen=True):
    """What will be appended to a paper's log: bytes as Yjs has them.

    Attributes:
        writers: whose it is: all of them are judged. A server key is judged by its rights alone.
        back_from: of one that goes back to a version, the number up to which it takes back what was written; else None.
    """

    paper: str
    key: int
    writers: tuple[tuple[str, bool], ...]
    data: bytes
    back_from: int | None = None


class Standing(msgspec.Struct, frozen=True):
    """What a user may be and do in a room, as far as papers ask.

    Attributes:
        role: None for whoever is not a member, and in a room that there is not.
        state: of the room, as `permissions.state_of` has it.
        muted: a mute holds them now.
    """

    role: str | None = None
    state: str = ""
    muted: bool = False

    def reads(self, *, server: bool) -> bool:
        """Return whether they may open papers of the room."""
        return not refusal(acting_role(self.role, server=server), Action.READ)

    def held(self, *, server: bool) -> str:
        """Return the code by which they may not write in papers of the room; empty where they may."""
        role = acting_role(self.role, server=server)
        code = refusal(role, Action.WRITE, state=self.state)
        return code or (refusal(role, Action.WRITE, state=MUTED) if self.muted and not server else "")


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """What a paper says, for those who have no Yjs: its roots as JSON, plain text, and HTML that can be put into any page."""

    json: str
    text: str
    html: str


class FinishedPaper(msgspec.Struct, frozen=True, kw_only=True):
    """A finished paper as searches find it.

    Attributes:
        seq, id, user, name: of the event that finished it, and of whoever did.
        text: the first SEARCHED characters of what it says.
    """

    room: str
    seq: int
    id: int
    user: str
    name: str
    paper: str
    title: str
    text: str


BLANK: Final = Rendering(json="{}", text="", html="")
"""What a paper says in which nothing was written."""


def stamped(state: bytes, id: str, name: str) -> bytes:
    """Return what a client shows, a JSON object, with its user's own id and name where it names a user."""
    if b'"user"' not in state and b"\\u" not in state:  # a key may be spelt with escapes
        return state
    shown = msgspec.json.decode(state)
    if not (isinstance(shown, dict) and isinstance(shown.get("user"), dict)):
        return state
    shown["user"] |= {"id": id, "name": name}
    return msgspec.json.encode(shown)


def indexed_as(id: str) -> str:
    """Return as whose document a paper is in the search index: that of a user whom there cannot be."""
    return f"paper/{blake2b(id.encode(), digest_size=16).hexdigest()}"


def paper_id(id: str) -> str:
    """Return an id for a paper, checked (bad_field)."""
    if _PAPER_ID.fullmatch(id) is None:
        raise Refused("bad_field", "A paper's id has 1 to 64 of a-z, 0-9, - and _, and begins with a letter or digit.")
    return id


def made_paper_id(random: str) -> str:
    """Return an id for a paper that was given none, from random characters of a-z and 2-7."""
    return f"p-{random}"
