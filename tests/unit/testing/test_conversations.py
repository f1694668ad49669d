"""The player of recorded conversations notices what a server does wrong."""

import asyncio
import json
from typing import Any

import pytest

from madang.testing.conversations import Broken, Connection, Conversation, differs, fill, play

PONG = {"op": "ok", "n": 2**53, "at": "2026-11-22T09:00:00.000Z"}
EVENT = {"op": "event", "room": "yard", "seq": 1, "text": "hi"}


class Scripted:
    """A server that answers each frame with the frames of its script, and a ping at the end with a pong."""

    def __init__(self, *answers: list[dict[str, Any] | int]) -> None:
        self._answers = list(answers)
        self._out: asyncio.Queue[str | int] = asyncio.Queue()
        self.heard: list[str] = []

    async def send(self, text: str) -> None:
        self.heard.append(text)
        frames = self._answers.pop(0) if self._answers else [PONG]
        for frame in frames:
            self._out.put_nowait(frame if isinstance(frame, int) else json.dumps(frame))

    async def receive(self) -> str | int:
        return await self._out.get()

    async def close(self) -> None:
        self._out.put_nowait(1000)


async def hold(server: Scripted, *steps: list[Any]) -> None:
    async def connect() -> Connection:
        return server

    await play(Conversation(title="Test", steps=list(steps)), connect, timeout=0.2)


SEND = ["mina", "sends", {"op": "send", "n": 1}]
ACK = {"op": "ok", "n": 1}


async def test_what_is_said_is_heard() -> None:
    await hold(Scripted([EVENT, ACK]), SEND, ["mina", "gets", ACK], ["mina", "gets", EVENT])


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ([], "nothing of the kind came"),
        ([{"op": "ok", "n": 2}], "it also got"),
        ([{**ACK, "seq": 1}], "has seq, too"),
        ([{"op": "error", "n": 1, "code": "gone"}], "lacks|has|is"),
        ([ACK, ACK], "more came than was said"),
        ([ACK, EVENT], "more came than was said"),
        ([4400], "the connection was closed .4400"),
    ],
)
async def test_what_is_not_said_breaks_it(told: list[Any], problem: str) -> None:
    with pytest.raises(Broken, match=problem):
        await hold(Scripted(told), SEND, ["mina", "gets", ACK])


async def test_events_of_a_room_have_an_order_and_answers_have_none() -> None:
    two = {**EVENT, "seq": 2}
    steps = [SEND, ["mina", "gets", {"op": "ok", "n": 2}], ["mina", "gets", ACK]]
    steps += [["mina", "gets", EVENT], ["mina", "gets", two]]
    await hold(Scripted([EVENT, ACK, two, {"op": "ok", "n": 2}]), *steps)
    with pytest.raises(Broken, match=r"\$.seq is 2, not 1"):
        await hold(Scripted([two, ACK, EVENT, {"op": "ok", "n": 2}]), *steps)


async def test_events_inside_a_frame_count_as_if_each_had_come_by_itself() -> None:
    joined = {**ACK, "seq": 1}
    steps = [SEND, ["mina", "gets", joined], ["mina", "gets", EVENT]]
    await hold(Scripted([{**joined, "events": [EVENT]}]), *steps)
    with pytest.raises(Broken, match="has events, too"):  # they do not end at seq
        await hold(Scripted([{**joined, "events": [{**EVENT, "seq": 3}]}]), *steps)


async def test_signs_of_life_may_come_or_not_but_the_one_that_is_written_must() -> None:
    lively = {"op": "typing", "room": "yard", "on": {"u1": "Mina"}, "off": []}
    quiet = {"op": "typing", "room": "yard", "on": {}, "off": ["u1"]}
    await hold(Scripted([lively, quiet, lively, ACK]), SEND, ["mina", "gets", quiet], ["mina", "gets", ACK])
    with pytest.raises(Broken, match="nothing of the kind"):
        await hold(Scripted([lively, ACK]), SEND, ["mina", "gets", quiet])


async def test_a_close_by_the_server_has_its_code() -> None:
    await hold(Scripted([4401]), SEND, ["mina", "is closed", 4401])
    with pytest.raises(Broken, match="the close code was 1011"):
        await hold(Scripted([1011]), SEND, ["mina", "is closed", 4401])


async def test_steps_are_repeated_and_raw_text_is_sent_as_it_is() -> None:
    server = Scripted([ACK], [ACK])
    await hold(server, ["mina", "sends", "[nonsense", 2], ["mina", "gets", ACK, 2])
    assert server.heard[:2] == ["[nonsense", "[nonsense"]


async def test_a_step_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="There is no step 'says'"):
        await hold(Scripted(), ["mina", "says", {}])


def test_placeholders_keep_what_they_stood_for() -> None:
    names: dict[str, Any] = {}
    assert differs({"id": "<id:a>", "user": "<user:mina>"}, {"id": "7", "user": "u1"}, names) is None
    assert fill({"target": "<id:a>", "on": {"<user:mina>": 1}}, names) == {"target": "7", "on": {"u1": 1}}
    assert differs({"id": "<id:a>"}, {"id": "8"}, names) == "$.id is '8', not '7'"
    with pytest.raises(ValueError, match="<id:b> is not known yet"):
        fill("<id:b>", names)


def test_a_room_is_made_up_once() -> None:
    names: dict[str, Any] = {}
    room = fill("<room:yard>", names)
    assert fill(["<room:yard>"], names) == [room]
    assert room != fill("<room:yard>", {})


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        ("<id>", 7),
        ("<id>", "7a"),
        ("<seq>", 0),
        ("<seq>", True),
        ("<seq>", "1"),
        ("<at>", "2026-11-22"),
        ("<ack>", "perhaps"),
        ("<user>", ""),
        (1, True),
        (1, 1.0),
        ([1], [1, 2]),
        ({"a": 1}, {}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}),
    ],
)
def test_what_differs(expected: Any, actual: Any) -> None:
    assert differs(expected, actual, {}) is not None


def test_more_fields_where_the_file_says_so() -> None:
    assert differs({"a": "<any>", "...": True}, {"a": None, "b": 2}, {}) is None
