"""The history: what clients of a server asked, were answered and were told, one JSON object per line, in the order of `t`.

A history is written by whatever drives a server (`madang prove`, a test, a program in any language) and judged by
`check`. It knows only what the wire says; nothing in it comes from inside the server.

Words: a `client` is one user, on any number of connections; a `conn` is one connection, with a number that is never used
again; a `call` is one command sent once, and a repeat under the same cid is another call. `t` is microseconds of one
monotonic clock, shared by all clients of the history. A record stands for the moment its client knew of it: `invoke` is
written before the bytes are sent, everything else after they arrived. So "b after a" in the file is "b after a" in real
time.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import msgspec


def now() -> int:
    """Return microseconds of the clock that all records of a history share."""
    return time.monotonic_ns() // 1000


class HistoryError(ValueError):
    """The records are not a history: a line is not a record, or names an unknown connection or call.

    That is not the server's fault. The message names the line.
    """


class _Record(msgspec.Struct, tag_field="is", tag=str.lower, omit_defaults=True, gc=False):
    t: int


class Opened(_Record):
    """The hello of a connection was answered ok.

    It speaks as `user`, also in what it asked before this answer came. `node`: the server that it goes to, where there are
    several and the client knows; nothing is judged by it.
    """

    conn: int
    client: str
    user: str
    node: str = ""


class Closed(_Record):
    """A connection is over. What was not answered on it is unknown from here on. `mine`: its client ended it."""

    conn: int
    code: int = 1006
    mine: bool = False


class Invoke(_Record):
    """A command is about to be sent. `op` is the protocol's: send, edit, delete, join, leave, kick, read and so on.

    `text` and `target` as far as the operation has them; `user` is the subject of a kick, ban or mute.
    """

    call: int
    conn: int
    op: str
    room: str = ""
    cid: str = ""
    text: str = ""
    target: int = 0
    user: str = ""


class Ok(_Record):
    """The command was answered ok; `seq`, `id` and `ack` are of what it appended, if it appends."""

    call: int
    seq: int = 0
    id: str = ""
    ack: str = ""
    duplicate: bool = False


class Fail(_Record):
    """The command was refused, and the code says that nothing was stored."""

    call: int
    code: str


class Unknown(_Record):
    """The command may or may not have been done: there was no answer, or one that says so (storage_failed, internal)."""

    call: int
    code: str = ""


class Joined(_Record):
    """The answer to a join. Its events follow as `event` records of the same conn, `via` join.

    `since` is the position that the join named; None for a first join.
    """

    call: int
    conn: int
    room: str
    epoch: str
    seq: int
    since: int | None = None
    reset: bool = False
    read_seq: int = 0


class Event(_Record):
    """An event reached a connection. `via` is live, join (in the answer to it) or reset.

    `member` is the subject of member.kicked and member.role; `deleted` is set where the content had been erased.
    """

    conn: int
    room: str
    seq: int
    id: str
    type: str
    user: str
    text: str = ""
    target: int = 0
    member: str = ""
    deleted: bool = False
    via: str = "live"


class Skip(_Record):
    """The server left out the events `first` to `last` of a crowded room, and said so."""

    conn: int
    room: str
    first: int
    last: int


class Behind(_Record):
    """The server said that a connection reads too slowly; the log is at `seq`."""

    conn: int
    room: str
    seq: int


class Reset(_Record):
    """The server gave a fresh snapshot up to `seq`. Its events follow, `via` reset."""

    conn: int
    room: str
    epoch: str
    seq: int


class Message(msgspec.Struct, omit_defaults=True, gc=False):
    """A message as history shows it."""

    seq: int
    id: str
    user: str
    text: str = ""
    edited: bool = False
    deleted: bool = False


class Page(_Record):
    """A page of history, asked for at `asked` (same clock as `t`). `final` pages were read when all was quiet."""

    asked: int
    client: str
    room: str
    messages: list[Message]
    before: int = 0
    after: int = 0
    limit: int = 50
    more: bool = False
    final: bool = False


class Found(_Record):
    """What a search of one room found, asked for at `asked`.

    `cid`: of a message of the client's whose text has `q`, if there is one. `complete`: nothing was left out; a search of
    several rooms is a record for each that something was found in, and not complete.
    """

    asked: int
    client: str
    room: str
    q: str
    messages: list[Message]
    cid: str = ""
    more: bool = False
    complete: bool = False


class Wrote(_Record):
    """A client writes a word into a paper, in which no word is written twice; or takes one of its own out again (`gone`)."""

    client: str
    paper: str
    word: str
    gone: bool = False


class Saved(_Record):
    """A client was told that what it wrote is stored: this word, or that it is taken out (`gone`)."""

    client: str
    paper: str
    word: str
    gone: bool = False


class Replica(_Record):
    """What a copy of a paper has: its words in order, and a digest of its bytes.

    It was fetched from the server, asked for at `asked`; or it is one that its client follows and writes in (`followed`),
    which may lag, and have what is not stored yet. `final` ones were read when all was quiet.
    """

    asked: int
    client: str
    paper: str
    words: list[str]
    state: str
    followed: bool = False
    final: bool = False


class Unread(_Record):
    """One room of a client's list of rooms, asked for at `asked` (0: not known, taken as `t`)."""

    client: str
    room: str
    seq: int
    read_seq: int
    unread: int
    asked: int = 0


class Presence(_Record):
    """The users that a server says are online in a room: the whole list, asked for at `asked`."""

    asked: int
    room: str
    online: list[str]
    count: int


class Sample(_Record):
    """What the server process held. `phase`: before the storm, storm, or after it, when all is quiet again."""

    phase: str
    rss: int
    fds: int
    threads: int
    queued: int = 0
    node: str = ""  # which of several servers
    tasks: int = 0  # of the event loop


class Fault(_Record):
    """A fault begins, or is `over`: the server answers again, and every client has been back."""

    name: str
    over: bool = False
    note: str = ""


class Setup(_Record):
    """First record: what the store is configured to provide, and how long presence may lag, in microseconds.

    `pointers_unwritten`: for how long a read pointer may be shown before it is written, so that a crash takes it back.
    `papers_lag`: by how much a fetched copy of a paper may lag, in microseconds: nodes tell each other what is written.
    `others`: the rooms are used by other clients, or are older than the history, so that they may contain more than these
    clients asked for.
    """

    ack: str = "stored"
    presence_ttl: int = 60_000_000
    pointers_unwritten: int = 0
    papers_lag: int = 0
    seed: int = 0
    note: str = ""
    others: bool = False


Record = (
    Opened | Closed | Invoke | Ok | Fail | Unknown | Joined | Event | Skip | Behind | Reset | Page | Found | Wrote | Saved | Replica
    | Unread | Presence | Sample | Fault | Setup
)  # fmt: skip

_encoder: Final = msgspec.json.Encoder()
_decoder: Final = msgspec.json.Decoder(Record)


class HistoryWriter:
    """Writes a history, in the order of the calls. Not thread-safe."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("wb", buffering=1 << 20)
        self.count = 0

    def write(self, record: Record) -> None:
        """Write one record. It is buffered, and certainly in the file after `close`."""
        self._file.write(_encoder.encode(record) + b"\n")
        self.count += 1

    def close(self) -> None:
        """Write what is buffered and close."""
        self._file.close()


def read(path: Path) -> Iterator[Record]:
    """Read a history, record by record.

    Raises:
        HistoryError: a line is not a record; the message names the line and the field.
    """
    decode = _decoder.decode
    with path.open("rb", buffering=1 << 20) as file:
        number = 1
        try:
            for line in file:
                yield decode(line)
                number += 1
        except msgspec.MsgspecError as error:
            raise HistoryError(f"line {number}: {error}") from error
