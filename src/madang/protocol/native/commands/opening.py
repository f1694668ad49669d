"""Who is speaking: hello, another token, the user's own profile."""

from typing import Annotated, ClassVar

from msgspec import Meta

from madang.core.bounds import MAX_COMMAND, MAX_TOKEN, Title
from madang.core.profiles import Locale, PictureUrl
from madang.protocol.native.commands.command import VERSION, Command

Token = Annotated[str, Meta(max_length=MAX_TOKEN)]


class Hello(Command):
    """Identify the user: the first command. Exactly one of `guest` (a name), `token` and `ticket`."""

    max_bytes: ClassVar[int] = MAX_COMMAND + MAX_TOKEN

    guest: Title | None = None
    token: Token | None = None
    ticket: Token | None = None
    v: int = VERSION


class Refresh(Command):
    """Show another token of the user, or a ticket made with one, so that the connection lives as long as that."""

    max_bytes: ClassVar[int] = MAX_COMMAND + MAX_TOKEN

    token: Token | None = None
    ticket: Token | None = None


class Profile(Command):
    """Change what is given of the user's own profile, "" for nothing; and ask for it."""

    name: Title | None = None
    picture: PictureUrl | None = None
    locale: Locale | None = None
