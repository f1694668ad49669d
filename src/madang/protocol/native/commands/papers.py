"""Papers: what is done with a paper as a whole, and with one that is open on the connection."""

from typing import Annotated, ClassVar

from msgspec import Meta, Raw

from madang.core.bounds import MAX_FRAME, AfterId, PageLimit, PaperId, RoomId, Title
from madang.protocol.native.commands.command import Command

ClientNumber = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Papers(Command):
    """Ask for a page of a room's papers."""

    room: RoomId
    after: AfterId = ""
    limit: PageLimit = 50


class Paper(Command):
    """Ask what a paper is."""

    paper: PaperId


class CreatePaper(Command):
    """Make a paper in a room. Without an id, the server makes one that nobody can guess."""

    room: RoomId
    paper: PaperId | None = None
    title: Title = ""


class ChangePaper(Command):
    """Rename a paper (moderators)."""

    paper: PaperId
    title: Title


class Finish(Command):
    """Let nobody write in a paper any more (moderators)."""

    paper: PaperId


class Reopen(Command):
    """Let a finished paper be written in again (moderators)."""

    paper: PaperId


class DeletePaper(Command):
    """Delete a paper with all that was written in it (moderators)."""

    paper: PaperId


class OpenPaper(Command):
    """Follow a paper on this connection, and get what a document with this state vector lacks."""

    paper: PaperId
    state: bytes = b"\x00"


class WritePaper(Command):
    """Write in a paper that is open on this connection."""

    max_bytes: ClassVar[int] = MAX_FRAME

    paper: PaperId
    update: bytes


class ShowPaper(Command):
    """Show something of a client of a paper to all who have it open. Not answered unless `n` is given."""

    paper: PaperId
    client: ClientNumber
    clock: ClientNumber
    state: dict[str, Raw] | None = None


class ClosePaper(Command):
    """Follow a paper no longer."""

    paper: PaperId
