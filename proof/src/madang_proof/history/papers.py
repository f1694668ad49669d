"""I24: what copies of a paper have, while it is written and when all is quiet."""

from madang_proof.history import records as r
from madang_proof.history.state import State


class _Word:
    """One word of a paper: lines and times of what was known of it, 0 for nothing."""

    __slots__ = ("known", "known_t", "leaving", "left", "left_t", "saved", "writer")

    def __init__(self, writer: str) -> None:
        self.writer = writer
        self.saved = False
        self.known = self.known_t = 0  # it is stored: its writer was told so, or somebody else had it
        self.leaving = 0  # its writer is taking it out
        self.left = self.left_t = 0  # which is stored


class _Paper:
    __slots__ = ("final", "final_line", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Word] = {}
        self.final: r.Replica | None = None
        self.final_line = 0


class Papers:
    """Judges copies of papers by the words in them, none of which is ever written twice.

    I24: a copy that was fetched has every word that was known to be stored before it was asked for, unless its writer was taking it out,
    and none whose taking out was known to be stored. Copies but final ones may lag by `Setup.papers_lag`. None has a word twice, or one
    that nobody wrote. When all is quiet, all copies of a paper are the same, to the byte. A word is known once its writer was told that
    it is saved, or anybody else had it.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._found = state.findings
        self._checked = state.findings.checked
        self._papers: dict[str, _Paper] = {}
        self._lag = 0

    def _paper(self, name: str) -> _Paper:
        return self._papers.setdefault(name, _Paper())

    def on_setup(self, record: r.Setup) -> None:
        """Learn what is promised."""
        self._lag = record.papers_lag

    def on_wrote(self, record: r.Wrote) -> None:
        """Learn of a word that is written or taken out."""
        words = self._paper(record.paper).words
        if not record.gone:
            words.setdefault(record.word, _Word(record.client))
        elif (word := words.get(record.word)) is not None:
            word.leaving = word.leaving or self._state.line

    def on_saved(self, record: r.Saved) -> None:
        """Learn that the server called it saved."""
        word = self._paper(record.paper).words.get(record.word)
        if word is None:
            return
        if record.gone:
            word.left, word.left_t = word.left or self._state.line, word.left_t or record.t
        else:
            word.saved = True
            self._know(word, record.t)

    def _know(self, word: _Word, t: int) -> None:
        if not word.known:
            word.known, word.known_t = self._state.line, t

    def on_replica(self, record: r.Replica) -> None:
        """Judge a copy."""
        paper = self._paper(record.paper)
        self._checked["I24"] += 1
        has = set(record.words)
        if len(has) < len(record.words):
            twice = next(word for word in has if record.words.count(word) > 1)
            self._violated(record, f"has {twice!r} twice")
        for name in record.words:
            if name not in paper.words:
                self._violated(record, f"has {name!r}, which nobody wrote")
        if not record.followed:
            self._fetched(record, paper, has)
        for name in has & paper.words.keys():
            word = paper.words[name]
            if word.saved or word.writer != record.client:
                self._know(word, record.t)
        if record.final:
            self._same(record, paper)

    def _fetched(self, record: r.Replica, paper: _Paper, has: set[str]) -> None:
        self._checked["I24"] += len(paper.words)
        before = record.asked - (0 if record.final else self._lag)
        for name, word in paper.words.items():
            if name not in has and word.known and word.known_t < before and not word.leaving:
                self._violated(
                    record, f"lacks {name!r}, which was known to be stored before it was asked for", word.known
                )
            elif name in has and word.left and word.left_t < before:
                self._violated(record, f"has {name!r}, whose taking out was saved before it was asked for", word.left)

    def _same(self, record: r.Replica, paper: _Paper) -> None:
        if paper.final is None:
            paper.final, paper.final_line = record, self._state.line
        elif (paper.final.words, paper.final.state) != (record.words, record.state):
            self._violated(record, f"is not that of {paper.final.client}, when all is quiet", paper.final_line)

    def _violated(self, record: r.Replica, what: str, *lines: int) -> None:
        message = f"{record.client}'s copy of {record.paper} {what}."
        self._found.violated("I24", message, *lines, self._state.line)
