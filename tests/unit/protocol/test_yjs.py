"""Frames of the Yjs door: any bytes are a message or unreadable, and what is written is read as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madang.protocol import yjs
from tests.yjs import number, sized

NUMBERS = st.integers(0, 2**53 - 1)
TEXT = st.text('abc 가나😀"\\', max_size=12)
OBJECTS = st.dictionaries(TEXT, TEXT | st.integers(0, 9), max_size=3)
STATES = st.builds(
    yjs.ClientState,
    NUMBERS,
    NUMBERS,
    st.none() | OBJECTS.map(lambda each: json.dumps(each, ensure_ascii=False).encode()),
)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_unreadable(data: bytes) -> None:
    try:
        message = yjs.decode(data)
    except yjs.Unreadable:
        return
    assert isinstance(message, yjs.Step1 | yjs.Update | yjs.Awareness | yjs.Query)


@given(st.binary(max_size=300))
def test_what_is_written_is_read_as_it_was(data: bytes) -> None:
    assert yjs.decode(yjs.step1(data)) == yjs.Step1(data)
    assert yjs.decode(yjs.step2(data)) == yjs.Update(data) == yjs.decode(yjs.update(data))


@given(st.lists(STATES, max_size=5, unique_by=lambda each: each.client))
def test_what_is_shown_is_read_as_it_was(states: list[yjs.ClientState]) -> None:
    assert yjs.decode(yjs.awareness(states)) == yjs.Awareness(states)


@given(NUMBERS, st.binary(max_size=40), st.integers(0, 40))
def test_a_message_that_ends_early_is_unreadable(client: int, data: bytes, cut: int) -> None:
    for whole in (yjs.update(data), yjs.awareness([yjs.ClientState(client, 1, None)])):
        with pytest.raises(yjs.Unreadable):
            yjs.decode(whole[: min(cut, len(whole) - 1)])


def test_numbers_are_no_larger_than_javascripts() -> None:
    most = yjs.awareness([yjs.ClientState(2**53 - 1, 1, None)])
    assert isinstance(yjs.decode(most), yjs.Awareness)
    for each in (2**53, 2**56, 2**64):
        with pytest.raises(yjs.Unreadable):
            yjs.decode(b"\x01" + sized(number(1) + number(each) + b"\x01" + sized(b"null")))


@given(
    st.dictionaries(NUMBERS, st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3), max_size=3),
    st.integers(0, 20),
)
def test_deletions_are_ranges_of_each_client(deleted: dict[int, list[tuple[int, int]]], cut: int) -> None:
    written = b"\x00" + number(len(deleted))
    for client, ranges in deleted.items():
        written += number(client) + number(len(ranges))
        written += b"".join(number(clock) + number(size) for clock, size in ranges)
    assert yjs.deletions(written) == deleted
    for wrong in (written[: min(cut, len(written) - 1)], b"\x01" + written[1:]):
        with pytest.raises(yjs.Unreadable):
            yjs.deletions(wrong)


def test_a_reason_in_korean_has_its_length_in_bytes() -> None:
    said = "문서를 다 썼어요"
    assert yjs.denied(said) == b"\x02\x00" + sized(said.encode())


@given(st.dictionaries(st.integers(0, 2**53 - 1), st.integers(0, 2**53 - 1), max_size=5), st.integers(0, 20))
def test_a_state_vector_says_up_to_where_each_client_is_known(clocks: dict[int, int], cut: int) -> None:
    written = number(len(clocks)) + b"".join(number(client) + number(clock) for client, clock in clocks.items())
    assert yjs.clocks(written) == clocks
    if cut < len(written):
        with pytest.raises(yjs.Unreadable):
            yjs.clocks(written[:cut])
