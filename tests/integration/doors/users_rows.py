"""Rows of the table of operations (`table.py`) about users themselves: who they are, and how they sign in."""

from typing import Final

from tests.integration.doors.row import ATTEMPT, MUTED, STRANGER, Row

FACE: Final = "https://faces.example/ara.png"
USERS: Final[dict[str, tuple[Row, ...]]] = {
    "hello": (Row("twice", with_={"guest": "Mina"}, code="hello_twice"),),
    "refresh": (
        Row("with what is not a token", with_={"token": "x"}, code="bad_token"),
        Row("with what is not a ticket", with_={"ticket": "x"}, code="bad_token"),
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
    "delete_me": (Row("for good", answers={"deleted": True}, events=("member.left",)),),
    "export": (
        Row("what Ara said", with_={"limit": 100}, cost={"connection": 5}),
        Row("behind a place of their own choice", STRANGER, {"after": "1:~", "limit": 20}, code="bad_field"),
        Row("behind what is not a mark", with_={"after": "x"}, code="bad_field"),
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
}  # fmt: skip
