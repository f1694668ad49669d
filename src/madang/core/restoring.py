"""How a paper goes back to a version of it: by an edit like any other, which takes back what was written since.

The library's undo does it, on a document that has the version and then all that came later. So what both have stays what it is:
a note is the same note, and whoever writes in it at that moment goes on in it. As with renderings, whoever calls is a process of
its own that may be killed.
"""

from typing import Any

from madang.core.documents import EMPTY, Undecodable, loaded
from madang.core.renderings import plain, roots_of


def change_back(whole: bytes, version: bytes) -> bytes:
    """Return the update by which a document says again what a version of it said; empty where it does.

    Raises:
        Undecodable: one of both is too deep, or cannot be reached by that.
    """
    from pycrdt import Doc, Text, UndoManager

    past: Doc[Any] = Doc()
    past.apply_update(version or EMPTY)
    now: Doc[Any] = Doc()
    now.apply_update(whole or EMPTY)
    wanted = _said(past)
    if _said(now) == wanted:
        return b""
    scopes = [past.get(name, type=Text) for name in {*past.keys(), *now.keys()}]  # an undo looks at no kind
    undo = UndoManager(scopes=scopes)
    with past.transaction():
        past.apply_update(now.get_update(past.get_state()))
    undo.undo()
    change, wrong = loaded(whole, ()).apply([past.get_update(now.get_state())])
    now.apply_update(change or EMPTY)
    if wrong or _said(now) != wanted:
        raise Undecodable
    return change


def _said(document: Any) -> dict[str, Any]:
    """Return what a document says: a root in which nothing is left is like none."""
    return {name: root for name, root in roots_of(document, _formatted).items() if root}


def _formatted(text: Any, depth: int) -> list[Any]:
    return [
        (piece if isinstance(piece, str) else plain(piece, depth + 1, _formatted), formats)
        for piece, formats in text.diff()
    ]
