"""Scopes: what a server key may be used for, if it may not be used for everything.

`NEEDED` has a row for each operation that a key can ask for, by its name in /openapi.json; code decides by nothing else. It is
judged before anything is looked up, so that a key learns nothing of what it may not see. What a key may do that has the
scope is in `permissions.py`, as for everybody. docs/permissions.md is made from both.
"""

from collections.abc import Collection, Mapping
from typing import Final, Literal

from madang.errors import Refused

Scope = Literal["publish", "read", "rooms", "users", "moderate", "admin"]
SCOPES: Final[Mapping[Scope, str]] = {
    "publish": "send messages, also in the name of the product's users; edit them; react",
    "read": "history, pins, members, who is online, and all rooms there are",
    "rooms": "make, change and delete rooms; their members, roles, invites and papers",
    "users": "guests and the product's own users, their tokens and their connections",
    "moderate": "delete messages, pin, kick, mute and ban; take names and pictures away; reports, word lists and the audit trail",
    "admin": "all of these, and what later versions add",
}
"""Each scope, and what it is for."""
EVERYTHING: Final = "admin"
ANY: Final = ""
"""In place of a scope: any key may."""

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "send": ("publish",),
    "publish": ("publish",),
    "edit": ("publish",),
    "react": ("publish",),
    "unreact": ("publish",),
    "room_events": ("read",),
    "all_events": ("read",),
    "consumers": ("read",),
    "put_consumer": ("read",),
    "drop_consumer": ("read",),
    "acknowledge": ("read",),
    "history": ("read",),
    "pins": ("read",),
    "reactors": ("read",),
    "search": ("read",),
    "members": ("read",),
    "members_of_rooms": ("read",),
    "presence": ("read",),
    "presence_of_rooms": ("read",),
    "open_rooms": ("read",),
    "room": ("read", "rooms"),
    "my_rooms": ("read",),
    "export": ("read",),
    "read_up_to": ("read",),
    "create_room": ("rooms",),
    "direct_room": ("rooms",),
    "change_room": ("rooms",),
    "delete_room": ("rooms",),
    "join": ("rooms",),
    "leave": ("rooms",),
    "change_role": ("rooms",),
    "create_paper": ("rooms",),
    "papers": ("read", "rooms"),
    "paper": ("read", "rooms"),
    "paper_content": ("read", "rooms"),
    "change_paper": ("rooms",),
    "finish_paper": ("rooms",),
    "reopen_paper": ("rooms",),
    "delete_paper": ("rooms",),
    "versions": ("read", "rooms"),
    "version_content": ("read", "rooms"),
    "create_version": ("rooms",),
    "restore": ("rooms",),
    "delete_version": ("rooms",),
    "make_invite": ("rooms",),
    "invites": ("rooms",),
    "revoke_invite": ("rooms",),
    "kick": ("rooms", "moderate"),
    "put_member": ("rooms",),
    "put_members": ("rooms",),
    "welcome_guest": ("users",),
    "sign_up": ("users",),
    "put_user": ("users",),
    "put_users": ("users",),
    "delete_user": ("users",),
    "erasure": ("users",),
    "make_token": ("users",),
    "disconnect_user": ("users",),
    "reset_user": ("moderate", "users"),
    "delete": ("moderate",),
    "pin": ("moderate",),
    "unpin": ("moderate",),
    "words": ("moderate",),
    "set_words": ("moderate",),
    "report": ("moderate",),
    "reports": ("moderate",),
    "resolve": ("moderate",),
    "audit": ("moderate",),
    "bans": ("moderate",),
    "ban": ("moderate",),
    "unban": ("moderate",),
    "mutes": ("moderate",),
    "mute": ("moderate",),
    "unmute": ("moderate",),
    "make_ticket": (ANY,),  # refused: they are for users
    "sessions": (ANY,),  # a key has none
    "end_session": (ANY,),
    "change_password": (ANY,),
    "me": (ANY,),
    "change_me": (ANY,),  # likewise
    "delete_me": (ANY,),
}
"""The scopes of which an operation needs one. One that is not here needs EVERYTHING."""


def need_scope(scopes: Collection[str], operation: str) -> None:
    """Raise Refused (no_scope) unless one of a key's scopes is for an operation."""
    needed = NEEDED.get(operation, ())
    if EVERYTHING in scopes or ANY in needed or any(scope in scopes for scope in needed):
        return
    raise Refused("no_scope", f"The server key needs the scope {' or '.join(needed or (EVERYTHING,))} for this.")


def clean_scopes(scopes: Collection[str]) -> tuple[str, ...]:
    """Return scopes in their order, each once; without any, EVERYTHING. Raise Refused (bad_field) for what is none."""
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise Refused("bad_field", f"scopes: there is no {unknown[0]!r}; there are {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in scopes) or (EVERYTHING,)
