"""What is done with documents, in their thread: they are kept here, by number, and nothing else ever holds one."""

from collections.abc import Sequence

import msgspec

from madang.core.documents import Document, Undecodable, loaded


class Job(msgspec.Struct):
    """What waits for a document.

    Attributes:
        number: of the document.
        asks: state vectors of those who want what they lack, of what is stored.
        stored: updates that are stored already, by other nodes.
        written: updates that are not.
    """

    number: int
    asks: list[bytes]
    stored: list[bytes]
    written: list[bytes]


class Done(msgspec.Struct):
    """What came of a job.

    Attributes:
        answers: to those who asked; None for whoever asked with what cannot be decoded.
        change: what was written, as one update; empty for nothing new.
        wrong: which of what was written cannot be decoded.
        broken: the document cannot be used any more.
    """

    answers: list[bytes | None]
    change: bytes = b""
    wrong: Sequence[int] = ()
    broken: bool = False


class Desk:
    """The documents of a node. Every method is called in their thread."""

    def __init__(self) -> None:
        self._documents: dict[int, Document] = {}

    def load(self, number: int, snapshot: bytes, updates: Sequence[bytes]) -> None:
        """Keep the document that was stored so (Undecodable)."""
        self._documents.pop(number, None)
        self._documents[number] = loaded(snapshot, updates)

    def forget(self, number: int) -> None:
        """Let go of a document."""
        self._documents.pop(number, None)

    def state(self, number: int) -> bytes:
        """Return the state vector of a document."""
        return self._documents[number].state()

    def work(self, jobs: Sequence[Job]) -> list[Done]:
        """Do jobs, one document after the other; what happens to one leaves the others alone."""
        return [self._do(job) for job in jobs]

    def _do(self, job: Job) -> Done:
        document = self._documents.get(job.number)
        done = Done([])
        if document is None:
            done.broken = True
            return done
        try:
            for state in job.asks:
                done.answers.append(_lacking(document, state))
            if job.stored:
                document.load(job.stored)
            if job.written:
                done.change, done.wrong = document.apply(job.written)
        except BaseException:  # a panic of the library is not an Exception; it says so itself, on stderr
            del self._documents[job.number]
            done.broken = True
        return done


def _lacking(document: Document, state: bytes) -> bytes | None:
    try:
        return document.lacking(state)
    except Undecodable:
        return None
