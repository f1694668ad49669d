"""The checker from outside: what it takes, what it says, and histories of a few lines that need a fine distinction."""

from pathlib import Path

import pytest

from madang_proof.history import TITLES, Checker, HistoryError, Record, check
from madang_proof.history import records as r
from madang_proof.history.log import FarError, RoomLog
from tests.unit.proof.history.samples import mutated, write


class Story:
    """Writes a history by hand: one room, one record after the other, a microsecond apart."""

    def __init__(self, *, others: bool = False) -> None:
        self.records: list[Record] = [r.Setup(0, others=others)]
        self.calls = 0

    def add(self, record: Record) -> Record:
        record.t = len(self.records)
        self.records.append(record)
        return record

    def open(self, conn: int, user: str) -> None:
        self.add(r.Opened(0, conn, user, user))

    def ask(self, conn: int, op: str, text: str = "", cid: str = "", user: str = "", target: int = 0) -> int:
        self.calls += 1
        self.add(r.Invoke(0, self.calls, conn, op, "yard", cid, text, target, user))
        return self.calls

    def join(self, conn: int, seq: int, since: int | None = None, read_seq: int = 0) -> None:
        call = self.ask(conn, "join")
        self.add(r.Joined(0, call, conn, "yard", "e", seq, since, read_seq=read_seq))

    def event(
        self, conn: int, seq: int, type: str, user: str, text: str = "", *, member: str = "", via: str = "live"
    ) -> None:
        self.add(r.Event(0, conn, "yard", seq, str(1000 + seq), type, user, text, member=member, via=via))

    def broken(self) -> list[str]:
        return [name for name, result in check(self.records).results.items() if result.violation]


# -- what it takes and says --------------------------------------------------------------------------------------------


def test_a_file_is_judged_as_its_records_are(tmp_path: Path) -> None:
    records = mutated()
    counts: list[int] = []
    from_file = check(write(tmp_path / "history.jsonl", records), counts.append)
    assert from_file == check(records)
    assert not from_file.held
    assert counts == [len(records)] == [from_file.records]


def test_the_violation_is_the_one_that_shows_first_with_its_records() -> None:
    records = mutated()
    verdict = check(records)
    shown = {name: result.violation for name, result in verdict.results.items() if result.violation}
    first = min(shown.values(), key=lambda violation: violation.records[-1][0])
    assert verdict.violation is not None
    assert verdict.violation.records[-1][0] == first.records[-1][0]
    for line, record in verdict.violation.records:
        assert records[line - 1] is record
    assert str(verdict.violation).splitlines()[0] == f"{verdict.violation.invariant}: {verdict.violation.message}"
    assert len(str(verdict.violation).splitlines()) == 1 + len(verdict.violation.records)


def test_nothing_is_judged_of_nothing() -> None:
    verdict = check([])
    assert verdict.held
    assert list(verdict.results) == list(TITLES)
    assert not any(result.checked for result in verdict.results.values())


@pytest.mark.parametrize(
    ("records", "says"),
    [
        ([r.Event(0, 7, "yard", 1, "1", "message.sent", "u")], "connection 7 has not been opened"),
        ([r.Opened(0, 7, "a", "a"), r.Closed(0, 7), r.Skip(0, 7, "yard", 1, 2)], "connection 7 is over"),
        ([r.Opened(0, 7, "a", "a"), r.Opened(0, 7, "a", "a")], "connection 7 has been opened already"),
        ([r.Closed(0, 7)], "connection 7 is not open"),
        ([r.Ok(0, 1)], "call 1 was not made"),
        ([r.Invoke(0, 1, 7, "send"), r.Invoke(0, 1, 7, "send")], "call 1 has been made already"),
        ([r.Fault(0, "kill", over=True)], "fault kill has not begun"),
    ],
)
def test_what_is_no_history_is_said_with_its_line(records: list[Record], says: str) -> None:
    with pytest.raises(HistoryError, match=rf"^line {len(records)}: .*{says}"):
        check(records)


def test_records_are_fed_one_by_one() -> None:
    checker = Checker()
    for record in mutated():
        checker.feed(record)
    assert checker.finish() == check(mutated())


# -- fine distinctions -------------------------------------------------------------------------------------------------


def test_an_end_up_to_the_read_pointer_is_of_a_former_membership() -> None:
    """A user comes back through another node; a node that is behind sends them the old end, and then the new beginning."""
    for read_seq, broken in ((4, []), (0, ["I11"])):
        story = Story(others=True)
        story.open(1, "mina")
        story.join(1, 2, read_seq=read_seq)
        story.ask(1, "leave")
        story.ask(1, "join")
        story.event(1, 3, "member.left", "mina")
        story.event(1, 4, "member.joined", "mina")
        story.event(1, 5, "message.sent", "bora", "hello")
        assert story.broken() == broken


def test_a_recovered_session_goes_on_from_before_an_end_if_a_new_membership_is_in_force() -> None:
    for back, broken in ((True, []), (False, ["I11"])):
        story = Story()
        for conn, user in ((1, "mina"), (2, "bora")):
            story.open(conn, user)
            story.join(conn, 2)
        story.ask(1, "leave")
        story.ask(2, "send", "meanwhile", "c-1")
        if back:
            story.open(3, "mina")
            story.join(3, 5)
        story.open(4, "mina")
        story.join(4, 2, since=2)
        story.event(4, 3, "member.left", "mina")
        story.event(4, 4, "message.sent", "bora", "meanwhile")
        if not back:
            story.ask(1, "join")
        story.event(4, 5, "member.joined", "mina")
        assert story.broken() == broken


def test_an_end_that_is_seen_later_and_elsewhere_counts() -> None:
    for op in ("kick", "ban"):
        story = Story(others=True)
        for conn in (1, 2):
            story.open(conn, "mina" if conn == 1 else "bora")
            story.join(conn, 2)
        story.ask(2, op, user="mina")
        story.ask(2, "send", "not for mina", "c-1")
        story.event(1, 4, "message.sent", "bora", "not for mina")  # 3 was left out on the way to her
        story.event(2, 3, "member.kicked", "bora", member="mina")
        assert story.broken() == ["I8", "I11"]


def test_what_stands_above_an_end_is_of_a_member() -> None:
    """Of what is not known, one event may have been a new membership; a user who has joined again may speak."""
    for between, others, broken in (
        ((), False, ["I11"]),
        ((), True, ["I11"]),
        (("reaction.added",), False, ["I11"]),
        (("member.joined",), False, []),
        ((None,), True, []),
    ):
        story = Story(others=others)
        for conn, user in ((1, "mina"), (2, "bora")):
            story.open(conn, user)
            story.join(conn, 2)
        call = story.ask(1, "send", "hello", "c-1")
        story.ask(2, "kick", user="mina")
        story.event(2, 3, "member.kicked", "bora", member="mina")
        for type in between:
            if type:
                story.ask(1, "join")
                story.ask(2, "react", target=1)
                story.event(2, 4, type, "mina" if type == "member.joined" else "bora")
            else:
                story.add(r.Skip(0, 2, "yard", 4, 4))
        seq = 4 + len(between)
        story.event(2, seq, "message.sent", "mina", "hello")
        story.add(r.Ok(0, call, seq, str(1000 + seq), "stored"))
        assert story.broken() == broken, (between, others)


def test_what_is_asked_before_the_answer_to_hello_is_the_users() -> None:
    for user, broken in (("mina", []), ("bora", ["I4"])):
        story = Story()
        story.open(2, "seri")
        story.join(2, 1)
        story.ask(1, "send", "hello", "c-1")
        story.event(2, 2, "message.sent", "mina", "hello")
        story.open(1, user)
        assert story.broken() == broken


def test_what_was_asked_on_a_connection_that_never_opened_may_be_anybodys() -> None:
    for text, broken in (("hello", []), ("hullo", ["I4"])):
        story = Story()
        story.open(2, "seri")
        story.join(2, 1)
        story.ask(1, "send", text, "c-1")
        story.add(r.Closed(0, 1, mine=True))
        story.event(2, 2, "message.sent", "mina", "hello")
        assert story.broken() == broken


def test_rooms_that_others_use_have_more_in_them() -> None:
    for others, broken in ((True, []), (False, ["I4"])):
        story = Story(others=others)
        story.open(1, "mina")
        story.join(1, 70)
        story.event(1, 71, "message.sent", "a stranger", "hello")
        assert story.broken() == broken


def test_text_may_come_back_in_another_form() -> None:
    story = Story()
    story.open(1, "mina")
    story.join(1, 1)
    call = story.ask(1, "send", "cafe\u0301", "c-1")
    story.add(r.Ok(0, call, 2, "1002", "stored"))
    story.event(1, 2, "message.sent", "mina", "caf\u00e9")
    assert story.broken() == []


def test_a_seq_from_nowhere_costs_no_memory() -> None:
    story = Story(others=True)
    story.open(1, "mina")
    story.join(1, 1)
    story.event(1, 2, "message.sent", "bora", "hello")
    story.event(1, 1 << 50, "message.sent", "bora", "hello?")
    assert story.broken() == ["I5", "I8"]


def test_columns_grow_in_both_directions() -> None:
    log = RoomLog("yard")
    for seq in (5_000, 5_001, 4_000, 1, 20_000):
        i = log.place(seq)
        log.ids[i] = seq
        log.known(i, seq, seq)
    assert [log.base + i for i, id in enumerate(log.ids) if id] == [1, 4_000, 5_000, 5_001, 20_000]
    assert all(len(column) == log.size for column in (log.kinds, log.ids, log.acks, log.texts, log.shown))
    assert log.head == 20_000
    assert log.head_at(20_000) == 5_001
    for seq in (0, -1, 1 << 40):
        with pytest.raises(FarError):
            log.place(seq)
