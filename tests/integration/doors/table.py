"""The table of operations: what each does, refuses, tells others and costs, whichever door it comes through.

Every operation of every door has rows here; `test_doors.py` runs them all. In the room of a row stand, in this order: its
owner Olive, Wendy and Vic, who are members, and Ara, who acts (unless she is a stranger there), in the role of the row;
then a message of Vic's and one of Ara's. Words with a "$" are filled in: $own and $other are the seqs of these messages,
$vic is Vic's id, $ara Ara's, $barred that of somebody who may be banned, $newest the room's newest seq, $invite an invite to
it, of id $invite_id, and $early_invite one of before anybody was kicked.
"""

from dataclasses import dataclass, field
from typing import Any, Final

STRANGER: Final = "stranger"
"""As a role: Ara is not in the room. As a code: the one by which a door refuses strangers."""
MUTED: Final = "muted"
"""As a role: Ara is a member, and was muted for good."""
BANNED: Final = "banned"
"""As a role: Ara was in the room, as a moderator, and was banned."""
KICKED: Final = "kicked"
"""As a role: Ara was in the room, as a moderator, and was kicked."""

APPEND: Final = {"user": 1, "room": 1}
"""What an append costs, beside the command or request."""
ATTEMPT: Final = {"user": 1}
"""What it costs who has nothing to do with the room, whose own rate is for its members."""


@dataclass(frozen=True)
class Row:
    """One way to do an operation, and what comes of it.

    Attributes:
        does: what is tried, in a few words.
        role: Ara's.
        with_: the arguments.
        times: how often it is done; the last time is looked at, and the cost is that of all.
        code: what it is refused with.
        answers: fields of the answer, as far as they are the same on every door.
        events: types of the events that it appends, in all.
        heard: frames that Wendy hears beside events.
        cost: what is charged beside one command or request each time: events of user and room, commands' worth of a page
            ("connection"), milliseconds of slow mode, guests of an address.
        room: settings of the room that are not the usual.
        barred: whether Olive has banned and muted somebody who never was here.
        reported: whether Wendy has reported Vic's message.
        words: the room's word list, set after Vic's and Ara's messages.
    """

    does: str
    role: str = "member"
    with_: dict[str, Any] = field(default_factory=dict)
    times: int = 1
    code: str | None = None
    answers: dict[str, Any] = field(default_factory=dict)
    events: tuple[str, ...] = ()
    heard: tuple[str, ...] = ()
    cost: dict[str, int] = field(default_factory=dict)
    room: dict[str, Any] = field(default_factory=dict)
    barred: bool = False
    reported: bool = False
    words: dict[str, list[str]] = field(default_factory=dict)


def _strangers(**with_: Any) -> Row:
    return Row("by a stranger", STRANGER, with_, code=STRANGER)


def _unspeakable() -> tuple[Row, ...]:
    return tuple(
        Row(f"behind {id!a}", with_={"after": id}, code="bad_field") for id in ("a\n", "\x1b[31m", "\x7f", "x" * 65)
    )


HELLO: Final = {"text": "hello", "cid": "c-1"}
FACE: Final = "https://faces.example/ara.png"

OF_KEYS: Final[dict[str, dict[str, Any]]] = {
    "publish": {"messages": [{"room": "lobby", "text": "hello"}]},
    "add_many": {"members": [{"room": "lobby", "user": "$vic"}]},
    "put_user": {"user": "shop-1", "name": "Mina"},
    "put_users": {"users": [{"id": "shop-1", "name": "Mina"}]},
    "delete_user": {"user": "$vic"},
    "token": {"user": "shop-1"},
    "disconnect": {"user": "$vic"},
}
"""What only server keys may do."""

OPERATIONS: Final[dict[str, tuple[Row, ...]]] = {
    "hello": (Row("twice", with_={"guest": "Mina"}, code="hello_twice"),),
    "refresh": (
        Row("with what is no token", with_={"token": "x"}, code="bad_token"),
        Row("with what is no ticket", with_={"ticket": "x"}, code="bad_token"),
        Row("with both", with_={"token": "x", "ticket": "x"}, code="bad_field"),
    ),
    "ping": (Row("ping"),),
    "guest": (
        Row("a new one", with_={"name": "Mina"}, answers={"user": {"name": "Mina"}}, cost={"address": 1}),
        Row("of a bad name", with_={"name": "admin"}, code="bad_name", cost={"address": 1}),
    ),
    "ticket": (Row("a ticket"),),
    "sign_up": (
        Row("with an account already", with_={"login": "mina", "name": "Mina", "password": "correct horse"},
            answers={"user": {"name": "Mina"}}, cost={"address": 1}),
        Row("of a login that is taken", with_={"login": "mina", "name": "Mina", "password": "correct horse"},
            code="login_taken", cost={"address": 1}),
        Row("of a login there cannot be", with_={"login": "mi na", "name": "Mina", "password": "correct horse"},
            code="bad_field", cost={"address": 1}),
        Row("of a bad name", with_={"login": "bora", "name": "admin", "password": "correct horse"}, code="bad_name",
            cost={"address": 1}),
        Row("by a short password", with_={"login": "bora", "name": "Bora", "password": "short"}, code="bad_password",
            cost={"address": 1}),
    ),
    "sign_in": (
        Row("of nobody's login", with_={"login": "nobody", "password": "correct horse"}, code="wrong_password"),
        Row("by what cannot be a password", with_={"login": "nobody", "password": ""}, code="bad_password"),
    ),
    "sessions": (Row("without an account", answers={"sessions": []}),),
    "end_session": (Row("that there is not", with_={"session": "0123456789abcdef"}, code="not_found"),),
    "password": (
        Row("without an account", with_={"current": "correct horse", "password": "battery staple"}, code="forbidden"),
        Row("by a code that there is not", with_={"login": "nobody", "code": "x", "password": "battery staple"},
            code="wrong_password"),
        Row("both ways", with_={"current": "x", "login": "nobody", "code": "x", "password": "battery staple"},
            code="bad_field"),
    ),
    "me": (Row("me"),),
    "export": (
        Row("what Ara said", with_={"limit": 100}, cost={"connection": 5}),
        Row("where nothing is, behind all rooms", STRANGER, {"after": "1:~", "limit": 20}, answers={"messages": []},
            cost={"connection": 1}),
        Row("behind what is no mark", with_={"after": "x"}, code="bad_field"),
    ),
    "profile": (
        Row("a look"),
        Row("another name", with_={"name": "Aram"}, answers={"user": {"name": "Aram"}}, events=("member.changed",), cost=ATTEMPT),
        Row("a picture", with_={"picture": FACE}, events=("member.changed",), cost=ATTEMPT),
        Row("another name, while muted", MUTED, {"name": "Aram"}, events=("member.changed",), cost=ATTEMPT),
        Row("the same picture again", with_={"picture": FACE}, times=2, events=("member.changed",), cost={"user": 2}),
        Row("a locale, which no room is told", with_={"locale": "ko-KR"}, cost=ATTEMPT),
        Row("of a user who is in no room", STRANGER, {"name": "Aram", "picture": FACE}, cost=ATTEMPT),
        Row("a reserved name", with_={"name": "admin"}, code="bad_name", cost=ATTEMPT),
        Row("a picture without TLS", with_={"picture": "http://faces.example/a.png"}, code="bad_field", cost=ATTEMPT),
        Row("a picture with a password", with_={"picture": "https://a:b@faces.example/a.png"}, code="bad_field", cost=ATTEMPT),
        Row("a locale that is none", with_={"locale": "Korean, please"}, code="bad_field", cost=ATTEMPT),
    ),
    "room": (
        Row("an open room", STRANGER),
        Row("an unlisted room", STRANGER, room={"access": "unlisted"}),
        Row("an invite-only room", STRANGER, room={"access": "invite"}, code="not_found"),
        Row("one's own invite-only room", room={"access": "invite"}),
    ),
    "open_rooms": (Row("a page", with_={"limit": 100}, cost={"connection": 5}),),
    "rooms": (Row("a page", with_={"limit": 100}, cost={"connection": 5}), *_unspeakable()),
    "send": (
        Row("a message", with_=HELLO, events=("message.sent",), cost=APPEND),
        Row("with data and a reply", with_={**HELLO, "data": {"a": [1]}, "reply_to": "$other", "mentions": ["$vic"]},
            events=("message.sent",), cost=APPEND),
        Row("the same again", with_=HELLO, times=2, answers={"duplicate": True}, events=("message.sent",),
            cost=APPEND),
        Row("another under its cid", with_={"text": "other", "cid": "c-own"}, code="conflict", cost=APPEND),
        Row("a reply to what is no message", with_={**HELLO, "reply_to": 1}, code="not_found", cost=APPEND),
        Row("a reply to what is not there", with_={**HELLO, "reply_to": 10**6}, code="not_found", cost=APPEND),
        Row("a reply to nothing", with_={**HELLO, "reply_to": 0}, code="not_found", cost=APPEND),
        Row("a reply to what is no message, in slow mode", with_={**HELLO, "reply_to": 1}, room={"slow_ms": 60_000},
            code="not_found", cost=APPEND),
        Row("while muted", MUTED, HELLO, code="muted", cost=APPEND),
        Row("where few write", with_=HELLO, room={"write": "moderators"}, code="forbidden", cost=APPEND),
        Row("where few write, as a moderator", "moderator", HELLO, room={"write": "moderators"}, events=("message.sent",), cost=APPEND),
        Row("in an archived room", "owner", HELLO, room={"archived": True}, code="archived", cost=APPEND),
        Row("as a viewer", "viewer", HELLO, code="forbidden"),
        Row("an empty one", with_={"text": "", "cid": "c-1"}, code="empty"),
        Row("too long", with_={"text": "x" * 4001, "cid": "c-1"}, code="too_big"),
        Row("the same again in slow mode", with_=HELLO, times=2, room={"slow_ms": 60_000}, answers={"duplicate": True},
            events=("message.sent",), cost={**APPEND, "slow": 60_000}),
        Row("in slow mode, as a moderator", "moderator", HELLO, times=2, room={"slow_ms": 60_000},
            answers={"duplicate": True}, events=("message.sent",), cost=APPEND),
        Row("twice in slow mode", with_={"text": "hello", "cid": "$fresh"}, times=2, room={"slow_ms": 60_000},
            code="slow_mode", events=("message.sent",), cost={**APPEND, "slow": 60_000}),
        Row("a refused word", with_={"text": "hello, BAD!", "cid": "c-1"}, words={"refuse": ["bad"]}, code="bad_words"),
        Row("a refused word that is in the log", with_={"text": "I am ara.", "cid": "c-own"}, words={"refuse": ["ara"]},
            answers={"duplicate": True}),
        Row("a masked word", with_=HELLO, words={"mask": ["hello"]}, events=("message.sent",), cost=APPEND),
        Row("a masked word again", with_=HELLO, times=2, words={"mask": ["hello"]}, answers={"duplicate": True},
            events=("message.sent",), cost=APPEND),
        Row("a masked word that is in the log", with_={"text": "I am ara.", "cid": "c-own"}, words={"mask": ["ara"]},
            answers={"duplicate": True}),
        Row("a flagged word", with_=HELLO, words={"flag": ["hello"]}, events=("message.sent",), cost=APPEND),
        Row("too many", with_={"text": "hello", "cid": "$fresh"}, times=29, code="rate_limited",
            events=("message.sent",) * 28, cost={"user": 28, "room": 28}),  # of 30: there was a join and a message before
        _strangers(**HELLO),
    ),
    "edit": (
        Row("one's own", with_={"seq": "$own", "text": "new"}, events=("message.edited",), cost=APPEND),
        Row("another's", "owner", {"seq": "$other", "text": "new"}, code="forbidden", cost=APPEND),
        Row("one's own, while muted", MUTED, {"seq": "$own", "text": "new"}, code="muted", cost=APPEND),
        Row("where few write", with_={"seq": "$own", "text": "new"}, room={"write": "moderators"}, code="forbidden", cost=APPEND),
        Row("in an archived room", with_={"seq": "$own", "text": "new"}, room={"archived": True}, code="archived", cost=APPEND),
        Row("one's own, as a viewer", "viewer", {"seq": "$own", "text": "new"}, code="forbidden"),
        Row("what is no message", with_={"seq": 1, "text": "new"}, code="not_found", cost=APPEND),
        Row("what is no message, in slow mode", with_={"seq": 1, "text": "new"}, room={"slow_ms": 60_000}, code="not_found",
            cost=APPEND),
        Row("into nothing", with_={"seq": "$own", "text": ""}, code="empty"),
        Row("into a refused word", with_={"seq": "$own", "text": "b.a.d"}, words={"refuse": ["bad"]}, code="bad_words"),
        Row("into a masked word", with_={"seq": "$own", "text": "bad"}, words={"mask": ["bad"]}, events=("message.edited",),
            cost=APPEND),
        Row("twice in slow mode", with_={"seq": "$own", "text": "new"}, times=2, room={"slow_ms": 60_000}, code="slow_mode",
            events=("message.edited",), cost={**APPEND, "slow": 60_000}),
        _strangers(seq="$other", text="new"),
    ),
    "delete": (
        Row("one's own", with_={"seq": "$own"}, events=("message.deleted",), cost=APPEND),
        Row("one's own, in an archived room", with_={"seq": "$own"}, room={"archived": True}, events=("message.deleted",),
            cost=APPEND),
        Row("one's own, while muted", MUTED, {"seq": "$own"}, events=("message.deleted",), cost=APPEND),
        Row("one's own, as a viewer", "viewer", {"seq": "$own"}, events=("message.deleted",), cost=APPEND),
        Row("another's", with_={"seq": "$other"}, code="forbidden", cost=APPEND),
        Row("another's, as a moderator", "moderator", {"seq": "$other"}, events=("message.deleted",), cost=APPEND),
        Row("what is no message", "owner", {"seq": 1}, code="not_found", cost=APPEND),
        Row("twice", with_={"seq": "$own"}, times=2, code="gone", events=("message.deleted",), cost={"user": 2, "room": 2}),
        _strangers(seq="$other"),
    ),
    "react": (
        Row("on", with_={"seq": "$other", "emoji": "👍"}, events=("reaction.added",), cost=APPEND),
        Row("on twice", with_={"seq": "$other", "emoji": "👍"}, times=2, answers={"unchanged": True},
            events=("reaction.added",), cost={"user": 2, "room": 2}),
        Row("off what is not on", with_={"seq": "$other", "emoji": "👍", "on": False}, answers={"unchanged": True},
            cost=APPEND),
        Row("in slow mode", with_={"seq": "$other", "emoji": "👍"}, room={"slow_ms": 60_000}, events=("reaction.added",),
            cost=APPEND),
        Row("with a word in slow mode", with_={"seq": "$other", "emoji": "lgtm"}, room={"slow_ms": 60_000},
            events=("reaction.added",), cost={**APPEND, "slow": 60_000}),
        Row("with a word on what is no message, in slow mode", with_={"seq": 1, "emoji": "lgtm"}, room={"slow_ms": 60_000},
            code="not_found", cost=APPEND),
        Row("while muted", MUTED, {"seq": "$other", "emoji": "👍"}, code="muted", cost=APPEND),
        Row("where few write", with_={"seq": "$other", "emoji": "👍"}, room={"write": "moderators"}, code="forbidden", cost=APPEND),
        Row("in an archived room", with_={"seq": "$other", "emoji": "👍"}, room={"archived": True}, code="archived", cost=APPEND),
        Row("as a viewer", "viewer", {"seq": "$other", "emoji": "👍"}, code="forbidden"),
        Row("off what is no message", with_={"seq": 1, "emoji": "👍", "on": False}, code="not_found", cost=APPEND),
        Row("with two words", with_={"seq": "$other", "emoji": "a b"}, code="bad_field"),
        Row("with a refused word", with_={"seq": "$other", "emoji": "BAD"}, words={"refuse": ["bad"]}, code="bad_words"),
        Row("with a masked word", with_={"seq": "$other", "emoji": "bad"}, words={"mask": ["bad"]}, code="bad_words"),
        _strangers(seq="$other", emoji="👍"),
    ),
    "pin": (
        Row("as a moderator", "moderator", {"seq": "$other"}, events=("message.pinned",), cost=APPEND),
        Row("in an archived room", "owner", {"seq": "$other"}, room={"archived": True}, code="archived", cost=APPEND),
        Row("as a plain member", with_={"seq": "$own"}, code="forbidden"),
        Row("off what is no message", "owner", {"seq": 1, "on": False}, code="not_found", cost=APPEND),
        Row("off what is not pinned", "owner", {"seq": "$own", "on": False}, answers={"unchanged": True}, cost=APPEND),
        _strangers(seq="$other"),
    ),
    "history": (
        Row("a page", with_={"limit": 200}, answers={"more": False}, cost={"connection": 10}),
        Row("a small one", with_={"limit": 1}, answers={"more": True}),
        Row("around a message", with_={"around": "$own", "limit": 2}, answers={"newer": False}),
        Row("around a time", with_={"at": "2020-01-01T00:00:00Z", "limit": 1}, answers={"more": False, "newer": True}),
        Row("around no time", with_={"at": "2020-13-01T00:00:00Z", "limit": 1}, code="bad_field"),
        Row("around and before", with_={"around": 2, "before": 5, "limit": 1}, code="bad_field"),
        Row("both ways", with_={"before": 5, "after": 2, "limit": 20}, code="bad_field", cost={"connection": 1}),
        _strangers(limit=200),
    ),
    "pins": (
        Row("all", answers={"messages": [], "more": False}, cost={"connection": 2}),
        _strangers(),
    ),
    "members": (
        *_unspeakable(),
        Row("a page", with_={"limit": 200}, answers={"more": False}, cost={"connection": 10}),
        _strangers(limit=200),
    ),
    "presence": (
        *_unspeakable(),
        Row("a page", with_={"limit": 200}, cost={"connection": 10}),
        _strangers(limit=200),
    ),
    "members_of_rooms": (
        Row("two", with_={"rooms": ["$room", "$room"], "limit": 100}, cost={"connection": 10}),
        Row("one that there is not, and one of others", STRANGER, {"rooms": ["nowhere", "$room"]}),
        Row("too many rows", with_={"rooms": ["$room"] * 100, "limit": 100}, code="bad_field"),
    ),
    "presence_of_rooms": (
        Row("two", with_={"rooms": ["$room", "$room"], "limit": 100}, cost={"connection": 10}),
        Row("one that there is not, and one of others", STRANGER, {"rooms": ["nowhere", "$room"]}),
        Row("too many rows", with_={"rooms": ["$room"] * 100, "limit": 100}, code="bad_field"),
    ),
    "join": (
        Row("an open room", STRANGER, answers={"role": "member"}, events=("member.joined",), cost=APPEND),
        Row("an unlisted room", STRANGER, room={"access": "unlisted"}, answers={"role": "member"},
            events=("member.joined",), cost=APPEND),
        Row("an open room, after a kick", KICKED, code="kicked", cost=ATTEMPT),
        Row("an unlisted room, after a kick", KICKED, room={"access": "unlisted"}, code="kicked", cost=ATTEMPT),
        Row("an invite-only room, after a kick", KICKED, room={"access": "invite"}, code="not_found", cost=ATTEMPT),
        Row("an open room, by an invite of after the kick", KICKED, {"invite": "$invite"}, answers={"role": "member"},
            events=("member.joined",), cost=APPEND),
        Row("an invite-only room, by an invite of before the kick", KICKED, {"invite": "$early_invite"},
            room={"access": "invite"}, code="not_found", cost=ATTEMPT),
        Row("an open room, by an invite of before the kick", KICKED, {"invite": "$early_invite"}, code="kicked",
            cost=ATTEMPT),
        Row("an open room, after a ban", BANNED, code="banned", cost=ATTEMPT),
        Row("an open room, after a ban, by an invite", BANNED, {"invite": "$invite"}, code="banned", cost=ATTEMPT),
        Row("an invite-only room, after a ban, by an invite", BANNED, {"invite": "$invite"}, room={"access": "invite"},
            code="not_found", cost=ATTEMPT),
        Row("an archived room", STRANGER, room={"archived": True}, answers={"role": "member"}, events=("member.joined",),
            cost=APPEND),
        Row("again", answers={"role": "member"}, times=3),
        Row("again, as the owner", "owner", answers={"role": "owner"}),
        Row("an invite-only room", STRANGER, room={"access": "invite"}, code="not_found", cost=ATTEMPT),
        Row("with an invite", STRANGER, {"invite": "$invite"}, room={"access": "invite"}, answers={"role": "member"},
            events=("member.joined",), cost=APPEND),
        Row("with what is no invite", STRANGER, {"invite": "x"}, room={"access": "invite"}, code="not_found", cost=ATTEMPT),
        Row("too often where they may not", STRANGER, room={"access": "invite"}, times=31, code="rate_limited",
            cost={"user": 30}),
    ),
    "leave": (
        Row("as a member", events=("member.left",), cost=APPEND),
        Row("as the last owner", "last owner", code="last_owner", cost=APPEND),
        Row("by a stranger", STRANGER, code="not_member", cost=ATTEMPT),
    ),
    "create": (
        Row("unlisted, where there is one", with_={"title": "Mine", "access": "unlisted"}, code="room_exists", cost=ATTEMPT),
        Row("a room that there is", with_={"title": "Mine"}, code="room_exists", cost=ATTEMPT),
        Row("with a bad title", with_={"title": "\u202e"}, code="bad_name", cost=ATTEMPT),
        Row("open to whom nobody knows", with_={"title": "Mine", "access": "secret"}, code="bad_field"),
    ),
    "direct": (
        Row("with somebody", with_={"user": "$vic"}, answers={"title": "", "access": "direct", "slow_ms": 0}, cost=ATTEMPT),
        Row("again", with_={"user": "$vic"}, times=3, answers={"title": "", "access": "direct", "slow_ms": 0}, cost=ATTEMPT),
        Row("with who is not there", with_={"user": "u-nobody"}, answers={"title": "", "access": "direct", "slow_ms": 0},
            cost=ATTEMPT),
        Row("with oneself", with_={"user": "$ara"}, code="bad_field"),
        Row("with whom no id is of", with_={"user": "x" * 65}, code="bad_field"),
    ),
    "change": (
        Row("the title, as a moderator", "moderator", {"title": "New"}, events=("room.changed",), cost=APPEND),
        Row("slow mode, as the owner", "owner", {"slow_ms": 500}, events=("room.changed",), cost=APPEND),
        Row("nothing", "owner", cost=APPEND),
        Row("what it is already", "owner", {"access": "open"}, cost=APPEND),
        Row("whether it is archived, as the owner", "owner", {"archived": True}, events=("room.changed",), cost=APPEND),
        Row("whether it is archived, as a moderator", "moderator", {"archived": True}, code="forbidden", cost=APPEND),
        Row("that it is archived no more", "owner", {"archived": False}, room={"archived": True}, events=("room.changed",),
            cost=APPEND),
        Row("the title of an archived room", "moderator", {"title": "New"}, room={"archived": True}, events=("room.changed",),
            cost=APPEND),
        Row("who may write", "moderator", {"write": "moderators"}, events=("room.changed",), cost=APPEND),
        Row("which history is shown", "owner", {"history": "joined"}, events=("room.changed",), cost=APPEND),
        Row("which history is shown, as a moderator", "moderator", {"history": "joined"}, code="forbidden", cost=APPEND),
        Row("which history is shown, to what there is not", "owner", {"history": "some"}, code="bad_field"),
        Row("how much is kept", "owner", {"keep_ms": 60_000, "keep_messages": 10}, events=("room.changed",), cost=APPEND),
        Row("how much is kept, as a moderator", "moderator", {"keep_messages": 10}, code="forbidden", cost=APPEND),
        Row("how much is kept, which is too little", "owner", {"keep_messages": 9}, code="bad_field"),
        Row("for how long, which is too short", "owner", {"keep_ms": 59_999}, code="bad_field"),
        Row("who may write, to whom there is not", "owner", {"write": "nobody"}, code="bad_field"),
        Row("to archived by a word", "owner", {"archived": "yes"}, code="bad_field"),
        Row("to an access there is not", "owner", {"access": ""}, code="bad_field"),
        Row("as a plain member", with_={"title": "New"}, code="forbidden", cost=APPEND),
        Row("by a stranger", STRANGER, {"title": "New"}, code="not_found", cost=ATTEMPT),
    ),
    "delete_room": (
        Row("as the owner", "owner", events=("room.deleted",), cost=APPEND),
        Row("as a moderator", "moderator", code="forbidden", cost=ATTEMPT),
        Row("as a plain member", code="forbidden", cost=ATTEMPT),
        Row("by a stranger", STRANGER, code="not_found", cost=ATTEMPT),
        Row("twice", "owner", times=2, code="not_found", events=("room.deleted",), cost={"user": 2, "room": 1}),
    ),
    "kick": (
        Row("as a moderator", "moderator", {"user": "$vic"}, events=("member.kicked",), cost=APPEND),
        Row("as a plain member", with_={"user": "$vic"}, code="forbidden", cost=APPEND),
        Row("nobody", "owner", {"user": "u-nobody"}, code="not_found", cost=APPEND),
        Row("what is nobody's id", "owner", {"user": "u\n"}, code="bad_field"),
        Row("by a stranger", STRANGER, {"user": "$vic"}, code="not_found", cost=ATTEMPT),
    ),
    "add": (
        Row("as the owner", "owner", {"user": "u-nobody", "name": "Nobody"}, code="forbidden", cost=APPEND),
        Row("as a plain member", with_={"user": "$vic"}, code="forbidden", cost=APPEND),
        Row("in a role there is not", "owner", {"user": "$vic", "role": "king"}, code="bad_field"),
        Row("by a stranger", STRANGER, {"user": "$vic"}, code="not_found", cost=ATTEMPT),
    ),
    **{op: (Row("without a server key", "owner", with_, code="forbidden"),) for op, with_ in OF_KEYS.items()},
    "ban": (
        Row("as a moderator", "moderator", {"user": "$vic", "reason": "spam", "for_ms": 60_000},
            events=("member.kicked",), cost=APPEND),
        Row("for good, for no reason", "owner", {"user": "$vic"}, events=("member.kicked",), cost=APPEND),
        Row("who is no member", "moderator", {"user": "u-nobody"}, events=("member.kicked",), cost=APPEND),
        Row("as a plain member", with_={"user": "$vic"}, code="forbidden", cost=APPEND),
        Row("oneself", "moderator", {"user": "$ara"}, code="forbidden", cost=APPEND),
        Row("for no time", "moderator", {"user": "$vic", "for_ms": 0}, code="bad_field"),
        Row("for a long reason", "moderator", {"user": "$vic", "reason": "x" * 201}, code="too_big"),
        Row("for an unseen reason", "moderator", {"user": "$vic", "reason": "\u200b"}, code="empty"),
        Row("by a stranger", STRANGER, {"user": "$vic"}, code="not_found", cost=ATTEMPT),
    ),
    "unban": (
        Row("as a moderator", "moderator", {"user": "$barred"}, events=("member.unbanned",), cost=APPEND, barred=True),
        Row("who is not banned", "owner", {"user": "$vic"}, answers={"unchanged": True}, cost=APPEND),
        Row("as a plain member", with_={"user": "$barred"}, code="forbidden", cost=APPEND),
        Row("by a stranger", STRANGER, {"user": "$barred"}, code="not_found", cost=ATTEMPT),
    ),
    "bans": (
        Row("as a moderator", "moderator", {"limit": 200}, answers={"bans": [{"user": "barred", "by": "olive", "reason": "spam"}],
            "more": False}, cost={"connection": 10}, barred=True),
        Row("as a plain member", code="forbidden"),
        *_unspeakable(),
        _strangers(),
    ),
    "mute": (
        Row("as a moderator", "moderator", {"user": "$vic", "reason": "spam", "for_ms": 60_000},
            events=("member.muted",), cost=APPEND),
        Row("who is no member", "owner", {"user": "u-nobody"}, events=("member.muted",), cost=APPEND),
        Row("as a plain member", with_={"user": "$vic"}, code="forbidden", cost=APPEND),
        Row("oneself", "moderator", {"user": "$ara"}, code="forbidden", cost=APPEND),
        Row("for no time", "moderator", {"user": "$vic", "for_ms": 0}, code="bad_field"),
        Row("for a long reason", "moderator", {"user": "$vic", "reason": "x" * 201}, code="too_big"),
        Row("by a stranger", STRANGER, {"user": "$vic"}, code="not_found", cost=ATTEMPT),
    ),
    "unmute": (
        Row("as a moderator", "moderator", {"user": "$barred"}, events=("member.unmuted",), cost=APPEND, barred=True),
        Row("who is not muted", "owner", {"user": "$vic"}, answers={"unchanged": True}, cost=APPEND),
        Row("oneself", MUTED, {"user": "$ara"}, code="forbidden", cost=APPEND),
        Row("by a stranger", STRANGER, {"user": "$barred"}, code="not_found", cost=ATTEMPT),
    ),
    "mutes": (
        Row("as a moderator", "moderator", {"limit": 200}, answers={"mutes": [{"user": "barred", "by": "olive", "reason": "spam"}],
            "more": False}, cost={"connection": 10}, barred=True),
        Row("as a plain member", code="forbidden"),
        *_unspeakable(),
        _strangers(),
    ),
    "words": (
        Row("as a moderator", "moderator", answers={"refuse": ["bad"], "mask": [], "flag": ["나쁜"]},
            words={"refuse": ["bad"], "flag": ["나쁜"]}),
        Row("as a plain member", code="forbidden"),
        Row("by a stranger", STRANGER, code="not_found"),
    ),
    "setwords": (
        Row("as a moderator", "moderator", {"refuse": ["bad", "bad"], "flag": ["나쁜"]},
            answers={"refuse": ["bad"], "mask": [], "flag": ["나쁜"]}, cost=APPEND),
        Row("none", "owner", {"refuse": []}, answers={"refuse": [], "mask": [], "flag": []}, cost=APPEND, words={"refuse": ["bad"]}),
        Row("too many", "owner", {"mask": [f"w{n}" for n in range(101)]}, code="too_many"),
        Row("what is no word", "owner", {"mask": ["two words"]}, code="bad_field"),
        Row("what is no list", "owner", {"mask": "bad"}, code="bad_field"),
        Row("as a plain member", with_={"refuse": ["bad"]}, code="forbidden", cost=APPEND),
        Row("by a stranger", STRANGER, {"refuse": ["bad"]}, code="not_found", cost=ATTEMPT),
    ),
    "report": (
        Row("another's message", with_={"seq": "$other", "reason": "spam"}, answers={"reported": True}, cost=APPEND),
        Row("for no reason, as a viewer", "viewer", {"seq": "$other"}, answers={"reported": True}, cost=APPEND),
        Row("while muted", MUTED, {"seq": "$other"}, answers={"reported": True}, cost=APPEND),
        Row("twice", with_={"seq": "$other"}, times=2, answers={"unchanged": True}, cost={"user": 2, "room": 2}),
        Row("what is no message", with_={"seq": 1}, code="not_found", cost=APPEND),
        Row("what is not there", with_={"seq": 10**6}, code="not_found", cost=APPEND),
        Row("for a long reason", with_={"seq": "$other", "reason": "x" * 201}, code="too_big"),
        Row("for an unseen reason", with_={"seq": "$other", "reason": "\u200b"}, code="empty"),
        Row("by a stranger", STRANGER, {"seq": "$other"}, code="not_found", cost=ATTEMPT),
    ),
    "reports": (
        Row("as a moderator", "moderator", {"limit": 200}, answers={"reported": [{"seq": 6, "user": "vic", "name": "Vic", "count": 1,
            "reports": [{"user": "wendy", "name": "Wendy", "reason": "spam"}]}], "more": False}, cost={"connection": 10}, reported=True),
        Row("with too much on a page", "moderator", {"limit": 201}, code="bad_field"),
        Row("as a plain member", code="forbidden", reported=True),
        _strangers(),
    ),
    "resolve": (
        Row("as a moderator", "moderator", {"seq": "$other"}, answers={"resolved": True, "open": 0}, cost=APPEND, reported=True),
        Row("twice", "owner", {"seq": "$other"}, times=2, code="not_found", cost={"user": 2, "room": 2}, reported=True),
        Row("as a plain member", with_={"seq": "$other"}, code="forbidden", cost=APPEND, reported=True),
        Row("by a stranger", STRANGER, {"seq": "$other"}, code="not_found", cost=ATTEMPT),
    ),
    "audit": (
        Row("as the owner", "owner", {"limit": 200}, answers={"entries": [
            {"n": 4, "what": "invite", "by": "olive", "by_name": "Olive", "details": {"for_ms": 604_800_000}},
            {"n": 3, "what": "mute", "by": "olive", "by_name": "Olive", "user": "barred", "reason": "spam"},
            {"n": 2, "what": "ban", "by": "olive", "by_name": "Olive", "user": "barred", "reason": "spam"},
            {"n": 1, "what": "role", "by": "olive", "by_name": "Olive", "user": "ara", "name": "Ara",
             "details": {"role": "owner", "was": "member"}},
        ], "more": False}, cost={"connection": 10}, barred=True),
        Row("the oldest", "owner", {"before": 2}, answers={"more": False}, cost={"connection": 2}),
        Row("with too much on a page", "owner", {"limit": 201}, code="bad_field"),
        Row("as a moderator", "moderator", code="forbidden"),
        Row("as a plain member", code="forbidden"),
        _strangers(),
    ),
    "role": (
        Row("as an owner", "owner", {"user": "$vic", "role": "moderator"}, events=("member.role",), cost=APPEND),
        Row("the same", "owner", {"user": "$vic", "role": "member"}, answers={"unchanged": True}, cost=APPEND),
        Row("viewer", "owner", {"user": "$vic", "role": "viewer"}, events=("member.role",), cost=APPEND),
        Row("viewer, as a moderator", "moderator", {"user": "$vic", "role": "viewer"}, events=("member.role",), cost=APPEND),
        Row("moderator, as a moderator", "moderator", {"user": "$vic", "role": "moderator"}, code="forbidden", cost=APPEND),
        Row("one's own, as a moderator", "moderator", {"user": "$ara", "role": "member"}, code="forbidden", cost=APPEND),
        Row("as a plain member", with_={"user": "$vic", "role": "viewer"}, code="forbidden", cost=APPEND),
        Row("a role there is not", "owner", {"user": "$vic", "role": "Owner"}, code="bad_field"),
        Row("by a stranger", STRANGER, {"user": "$vic", "role": "member"}, code="not_found", cost=ATTEMPT),
    ),
    "invite": (
        Row("as a moderator", "moderator", cost=APPEND),
        Row("for some", "moderator", {"uses": 3, "for_ms": 60_000}, answers={"uses": 3}, cost=APPEND),
        Row("for none", "moderator", {"uses": 0}, code="bad_field"),
        Row("for no time", "moderator", {"for_ms": 999}, code="bad_field"),
        Row("forever", "moderator", {"for_ms": 10**12}, code="bad_field"),
        Row("as a plain member", code="forbidden"),
        _strangers(),
    ),
    "invites": (
        Row("as a moderator", "moderator", answers={"invites": [{"user": "olive"}]}, cost={"connection": 5}),
        Row("as a plain member", code="forbidden"),
        _strangers(),
    ),
    "revoke": (
        Row("as a moderator", "moderator", {"invite": "$invite_id"}, cost=APPEND),
        Row("twice", "moderator", {"invite": "$invite_id"}, times=2, code="not_found", cost={"user": 2, "room": 2}),
        Row("as a plain member", with_={"invite": "$invite_id"}, code="forbidden"),
        _strangers(invite="$invite_id"),
    ),
    "typing": (
        Row("on", heard=("typing",)),
        Row("as a viewer", "viewer", code="forbidden"),
        Row("where few write", room={"write": "moderators"}, code="forbidden"),
        Row("in an archived room", "owner", room={"archived": True}, code="archived"),
        _strangers(),
    ),
    "read": (
        Row("up to the newest", with_={"seq": "$newest"}, heard=("read",)),
        Row("beyond the newest", with_={"seq": 10**6}, heard=("read",)),
        Row("what was read", with_={"seq": 1}),
        Row("as a viewer", "viewer", {"seq": "$newest"}, heard=("read",)),
        Row("twice", with_={"seq": "$newest"}, times=2, heard=("read",)),
        _strangers(seq=1),
    ),
}  # fmt: skip


def missing(offered: set[str], rows: set[str]) -> set[str]:
    """Return the operations that doors offer and no row tries, and rows that try what no door offers."""
    return offered ^ rows
