"""The application gets every seq once and in order, or a Reset, whatever the link drops, doubles or delays."""

from hypothesis import given
from hypothesis import strategies as st

from madang.client.cursor import Cursor
from madang.client.events import Event, Reset
from tests.unit.client.fakes import sent


def started(seq: int = 0, bound: int = 10) -> Cursor:
    cursor = Cursor(bound)
    cursor.asked()
    cursor.start("e1", seq)
    return cursor


def taken(cursor: Cursor) -> list[int | str]:
    items: list[int | str] = []
    while (item := cursor.next()) is not None:
        items.append(f"reset {item.seq}" if isinstance(item, Reset) else item.seq)
    return items


def test_events_in_order_are_given_once() -> None:
    cursor = started(5)
    for seq in (6, 6, 7, 5, 7, 8):
        cursor.take(sent(seq))
    assert taken(cursor) == [6, 7, 8]
    assert cursor.following and not cursor.wants_join


def test_a_hole_is_mended_by_joining_again() -> None:
    cursor = started()
    cursor.take(sent(1))
    cursor.take(sent(3))
    assert cursor.wants_join and not cursor.following
    cursor.asked()
    cursor.take(sent(4))  # in the answer, too
    assert not cursor.wants_join
    cursor.resume("e1", [sent(2), sent(3), sent(4)])
    cursor.take(sent(5))
    assert taken(cursor) == [1, 2, 3, 4, 5]


def test_a_skip_moves_the_position_and_a_skip_beyond_it_is_a_hole() -> None:
    cursor = started()
    cursor.take(sent(1))
    cursor.skip(2, 4)
    cursor.skip(2, 4)
    cursor.take(sent(5))
    cursor.skip(2, 4)
    assert taken(cursor) == [1, 5] and cursor.seq == 5
    cursor.skip(7, 8)
    assert cursor.wants_join


def test_a_full_cursor_drops_and_joins_again_when_half_is_taken() -> None:
    cursor = started(bound=4)
    for seq in range(1, 8):
        cursor.take(sent(seq))
    assert len(cursor) == 4 and cursor.seq == 4
    assert cursor.following and not cursor.wants_join  # commands may go out; events need room first
    cursor.next()
    assert not cursor.wants_join
    cursor.next()
    assert cursor.wants_join
    cursor.asked()
    cursor.resume("e1", [sent(5), sent(6), sent(7)])
    assert taken(cursor) == [3, 4, 5, 6]  # 7 found no room …
    cursor.asked()
    cursor.resume("e1", [sent(7)])
    assert taken(cursor) == [7]  # … and came again


def test_a_reset_throws_away_what_waits_and_says_so() -> None:
    cursor = started()
    cursor.take(sent(1))
    cursor.reset("yard", "e2", 30, [sent(29), sent(30)])
    assert cursor.epoch == "e2"
    assert taken(cursor) == ["reset 28", 29, 30]
    cursor.reset("yard", "e3", 7, [])
    assert taken(cursor) == ["reset 7"] and cursor.seq == 7


def test_a_hole_in_an_answer_is_no_silent_one() -> None:
    cursor = started(3)
    cursor.resume("e1", [sent(6), sent(7)])
    assert taken(cursor) == ["reset 5", 6, 7]


class Server:
    """A log, and a connection that drops and doubles; joins are answered as PROTOCOL.md says."""

    RESUME = 12

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.head = 0
        self.frames: list[int] = []  # on the wire; 0 is the answer to a join

    def append(self) -> None:
        self.head += 1
        self.frames.append(self.head)

    def ask(self) -> None:
        if self.cursor.wants_join:
            self.cursor.asked()
            self.frames.append(0)

    def arrive(self) -> None:
        frame = self.frames.pop(0)
        if frame:
            self.cursor.take(sent(frame))
        elif not self.cursor.epoch:
            self.cursor.start("e1", self.head)
        elif self.head - self.cursor.seq > self.RESUME:
            self.cursor.reset("yard", "e1", self.head, [sent(s) for s in range(self.head - 2, self.head + 1)])
        else:
            # As of now; what is on the wire between is doubled, which must do no harm.
            self.cursor.resume("e1", [sent(s) for s in range(self.cursor.seq + 1, self.head + 1)])


steps = st.lists(st.sampled_from(["append", "arrive", "drop", "double", "lose", "take"]), max_size=120)


@given(steps, st.integers(1, 6))
def test_every_seq_once_and_in_order_or_a_reset(names: list[str], bound: int) -> None:
    cursor = Cursor(bound)
    server = Server(cursor)
    given_items: list[Event | Reset] = []
    server.ask()
    server.arrive()
    for name in names:
        server.ask()
        match name:
            case "append":
                server.append()
            case "arrive" if server.frames:
                server.arrive()
            case "drop" if server.frames and server.frames[0]:
                server.frames.pop(0)
            case "double" if server.frames and server.frames[0]:
                server.frames.insert(0, server.frames[0])
            case "lose":
                server.frames.clear()
                cursor.lost()
            case "take" if (item := cursor.next()) is not None:
                given_items.append(item)
        assert len(cursor) <= bound + 1  # the Reset itself
    cursor.lost()  # in the end a good connection and a diligent application
    server.frames.clear()
    for _ in range(1000):
        server.ask()
        if server.frames:
            server.arrive()
        elif (item := cursor.next()) is not None:
            given_items.append(item)
        else:
            break
    position = 0
    for item in given_items:
        if isinstance(item, Reset):
            assert item.seq >= position
        else:
            assert item.seq == position + 1
        position = item.seq
    assert position == server.head and cursor.following
