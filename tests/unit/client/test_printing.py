"""What others wrote cannot steer a terminal."""

from madang.client import printable


def test_what_a_terminal_obeys_is_replaced() -> None:
    assert printable("\x1b[2J안녕\x07\x9b1m\u202e\n끝\t!") == "\ufffd[2J안녕\ufffd\ufffd1m\ufffd\n끝 !"
    obeyed = [*range(32), *range(127, 160), 0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
    assert {printable(chr(point)) for point in obeyed} == {"\ufffd", "\n", " "}


def test_what_people_write_stays() -> None:
    for text in ("안녕 👩‍👩‍👧", "می‌خواهم", "e\u0301 ❤️", "a\nb"):
        assert printable(text) == text
