"""Rows of the table of operations (`table.py`) about papers."""

from typing import Final

from tests.integration.doors.row import APPEND, ATTEMPT, MUTED, STRANGER, Row, unspeakable

CARD: Final = {"paper": "$paper"}
OLD: Final = {**CARD, "version": "$version"}
OWN: Final = {**CARD, "version": "$own_version"}
DRAFT: Final = {**CARD, "title": "Draft"}
SHOWN: Final = {"title": "Draft", "cause": "asked"}
MADE: Final = {**APPEND, "connection": 10}
PAPERS: Final[dict[str, tuple[Row, ...]]] = {
    "createpaper": (
        Row(
            "as a plain member",
            with_={"title": "Card"},
            answers={"title": "Card", "finished": False, "user": "ara"},
            events=("paper.created",),
            cost=APPEND,
        ),
        Row("as a viewer", "viewer", {"title": "Card"}, code="forbidden", cost=APPEND),
        Row("while muted", MUTED, {"title": "Card"}, code="muted", cost=APPEND),
        Row("in an archived room", with_={"title": "Card"}, room={"archived": True}, code="archived", cost=APPEND),
        Row("with what cannot be an id", with_={"paper": "A card", "title": "Card"}, code="bad_field"),
        Row("with a title that is too long", with_={"title": "x" * 41}, code="bad_name"),
        Row("by a stranger", STRANGER, {"title": "Card"}, code="not_found", cost=ATTEMPT),
    ),
    "papers": (
        Row("as a viewer", "viewer", {"limit": 200}, answers={"papers": [], "more": False}, cost={"connection": 10}),
        *unspeakable(),
        Row("by a stranger", STRANGER, code="not_found"),
    ),
    "paper": (
        Row("as a viewer", "viewer", CARD, answers={"title": "Card", "finished": False}),
        Row("that there is not", with_={"paper": "no-paper"}, code="not_found"),
        Row("by a stranger", STRANGER, CARD, code="not_found"),
    ),
    "paper_content": (
        Row("as a viewer", "viewer", CARD, answers={}, cost={"connection": 10}),
        Row("of one that is finished", with_=CARD, answers={}, cost={"connection": 10}, finished=True),
        Row("that there is not", with_={"paper": "no-paper"}, code="not_found"),
        Row("by a stranger", STRANGER, CARD, code="not_found"),
    ),
    "changepaper": (
        Row(
            "as a moderator",
            "moderator",
            {**CARD, "title": "New"},
            answers={"title": "New"},
            events=("paper.changed",),
            cost=APPEND,
        ),
        Row("to what it is called", "owner", {**CARD, "title": "Card"}, answers={"title": "Card"}, cost=APPEND),
        Row("as a plain member", with_={**CARD, "title": "New"}, code="forbidden", cost=APPEND),
        Row("to nothing that can be seen", "owner", {**CARD, "title": "\u200b"}, code="bad_name"),
        Row(
            "in an archived room",
            "owner",
            {**CARD, "title": "New"},
            room={"archived": True},
            code="archived",
            cost=APPEND,
        ),
        Row("by a stranger", STRANGER, {**CARD, "title": "New"}, code="not_found", cost=ATTEMPT),
    ),
    "finish": (
        Row("as a moderator", "moderator", CARD, answers={"finished": True}, events=("paper.changed",), cost=APPEND),
        Row("again", "owner", CARD, answers={"finished": True}, cost=APPEND, finished=True),
        Row("as a plain member", with_=CARD, code="forbidden", cost=APPEND),
        Row("by a stranger", STRANGER, CARD, code="not_found", cost=ATTEMPT),
    ),
    "reopen": (
        Row(
            "as a moderator",
            "moderator",
            CARD,
            answers={"finished": False},
            events=("paper.changed",),
            cost=APPEND,
            finished=True,
        ),
        Row("one that is open", "owner", CARD, answers={"finished": False}, cost=APPEND),
        Row("as a plain member", with_=CARD, code="forbidden", cost=APPEND, finished=True),
        Row("by a stranger", STRANGER, CARD, code="not_found", cost=ATTEMPT),
    ),
    "openpaper": (
        Row("as a viewer", "viewer", CARD, answers={"update": "AAA=", "state": "AA=="}),
        Row("that there is not", with_={"paper": "no-paper"}, code="not_found"),
        Row("with a state vector that cannot be read", with_={**CARD, "state": "/w=="}, code="bad_field"),
        Row("by a stranger", STRANGER, CARD, code="not_found"),
    ),
    "writepaper": (Row("that is not open here", with_={**CARD, "update": "AAA="}, code="not_member"),),
    "showpaper": (Row("of one that is not open here", with_={**CARD, "client": 1, "clock": 1}, code="not_member"),),
    "closepaper": (Row("that is not open here", with_=CARD, code="not_member"),),
    "versions": (
        Row("as a viewer", "viewer", CARD, answers={"versions": []}, cost={"connection": 3}),
        Row("of one that there is not", with_={"paper": "no-paper"}, code="not_found"),
        Row("by a stranger", STRANGER, CARD, code="not_found"),
    ),
    "version_content": (
        Row("as a viewer", "viewer", OLD, answers={}, cost={"connection": 10}),
        Row("that there is not", with_={**CARD, "version": 9}, code="not_found", cost={"connection": 10}),
        Row("by a stranger", STRANGER, OLD, code="not_found"),
    ),
    "createversion": (
        Row("as a plain member", with_=DRAFT, answers={**SHOWN, "user": "ara"}, cost=MADE),
        Row("of a finished paper", with_=DRAFT, answers=SHOWN, cost=MADE, finished=True),
        Row("with a title that is too long", with_={**CARD, "title": "x" * 41}, code="bad_name"),
        Row("as a viewer", "viewer", DRAFT, code="forbidden", cost=APPEND),
        Row("while muted", MUTED, DRAFT, code="muted", cost=APPEND),
        Row("in an archived room", with_=DRAFT, room={"archived": True}, code="archived", cost=APPEND),
        Row("by a stranger", STRANGER, DRAFT, code="not_found", cost=ATTEMPT),
    ),
    "restore": (
        Row("as a plain member", with_=OLD, answers={"unchanged": True}, cost=MADE),
        Row("of a finished paper", with_=OLD, code="finished", cost=MADE, finished=True),
        Row("that there is not", with_={**CARD, "version": 9}, code="not_found", cost=MADE),
        Row("as a viewer", "viewer", OLD, code="forbidden", cost=APPEND),
        Row("while muted", MUTED, OLD, code="muted", cost=APPEND),
        Row("by a stranger", STRANGER, OLD, code="not_found", cost=ATTEMPT),
    ),
    "deleteversion": (
        Row("as a moderator", "moderator", OLD, answers={**SHOWN, "user": "vic"}, cost=APPEND),
        Row("that Ara has made, as a plain member", with_=OWN, answers={**SHOWN, "user": "ara"}, cost=APPEND),
        Row("that Ara has made, while muted", MUTED, OWN, code="muted", cost=APPEND),
        Row("another's, as a plain member", with_=OLD, code="forbidden", cost=APPEND),
        Row("that there is not", "owner", {**CARD, "version": 9}, code="not_found", cost=APPEND),
        Row("by a stranger", STRANGER, OLD, code="not_found", cost=ATTEMPT),
    ),
    "deletepaper": (
        Row("as a moderator", "moderator", CARD, answers={"title": "Card"}, events=("paper.deleted",), cost=APPEND),
        Row("as a plain member", with_=CARD, code="forbidden", cost=APPEND),
        Row("that there is not", "owner", {"paper": "no-paper"}, code="not_found", cost=ATTEMPT),
        Row("by a stranger", STRANGER, CARD, code="not_found", cost=ATTEMPT),
    ),
}
