"""The SDK writes what the server takes, and understands all that a server may say: every frame of the recordings."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

import madang.client
from madang.client import frames
from madang.client.conversation import _NOTICES
from madang.client.events import KNOWN
from madang.core import events
from madang.protocol.native import codec
from madang.protocol.native import commands as c
from madang.protocol.native.answers import ErrorAnswer
from madang.protocol.native.frames import ByeFrame, ResetFrame, UnreadFrame

RECORDINGS = sorted((Path(__file__).parents[3] / "protocol" / "conversations").glob("*.json"))
SAMPLES: dict[str, Any] = {"seq": 3, "at": "2026-11-22T09:00:00.000Z", "id": "123", "ack": "stored"}


def filled(value: Any) -> Any:
    """Put a sample in place of every placeholder of a recording."""
    match value:
        case str() if hole := re.fullmatch(r"<([a-z]+)(?::[\w-]+)?>", value):
            return SAMPLES.get(hole[1], "sample")
        case dict():
            return {filled(k): filled(v) for k, v in value.items() if k != "..."}  # "and more"
        case list():
            return [filled(v) for v in value]
    return value


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_every_frame_of_the_recordings_is_understood(path: Path) -> None:
    for _, verb, frame, *_ in json.loads(path.read_text())["steps"]:
        if verb != "gets":
            continue
        frame = filled(frame)
        text = json.dumps(frame).encode()
        head = frames.head(text)
        match head.op:
            case "event":
                assert type(frames.event(text, head.type)) is KNOWN[head.type]
            case "error":
                assert frames.decode(text, ErrorAnswer).code == frame["code"]
            case "reset":
                frames.decode(json.dumps({"events": [], **frame}).encode(), ResetFrame)
            case "bye":
                frames.decode(text, ByeFrame)
            case "ok":
                assert head.n == frame["n"]
            case "unread":
                frames.decode(text, UnreadFrame)
            case "paper" | "shown" | "closed":
                assert head.op not in _NOTICES  # only whoever opens a paper is sent them, and the SDK opens none
            case op:
                frames.decode(text, _NOTICES[op])


def test_every_type_of_event_has_a_class() -> None:
    assert KNOWN.keys() == events.TYPES.keys()


def test_an_event_of_the_codec_is_read_as_it_was_stored() -> None:
    body = events.encode_body(events.MessageSent(text="안녕", data=msgspec.Raw(b'{"a":[1]}'), mentions=("u1",)))
    stored = events.Event(
        room="yard", seq=3, id=7, type=events.MessageSent.type, user="u2", name="Bora", at=0, body=body
    )
    read = frames.event(codec.event(stored), events.MessageSent.type)
    assert isinstance(read, madang.client.MessageSent)
    assert (read.seq, read.id, read.text, read.data, read.mentions) == (3, "7", "안녕", {"a": [1]}, ("u1",))
    assert read.at.timestamp() == 0


@pytest.mark.parametrize(
    "command",
    [
        c.Hello(guest="Mina", n=1),
        c.Join(room="yard", n=2),
        c.Join(room="yard", since=0, epoch="e", limit=0, n=2),
        c.Send(room="yard", cid="a", text="안녕", n=3),
        c.Send(room="yard", cid="a", data=msgspec.Raw(b"[null]"), mentions=("u",), reply_to=0, n=3),
        c.React(room="yard", seq=0, emoji="👍", on=False, n=4),
        c.Change(room="yard", slow_ms=0),
        c.Ping(),
    ],
    ids=lambda command: type(command).__name__,
)
def test_the_server_reads_what_was_meant(command: c.Command) -> None:
    assert codec.decode(frames.encode(command)) == command


def test_the_public_names_are_all_there() -> None:
    assert {name for name in madang.client.__all__ if not hasattr(madang.client, name)} == set()
    public = {"connect", "Client", "Room", "State", "Reset", "Sent", "Disconnected", "ConnectionLost", "Refused"}
    assert public | {kind.__name__ for kind in KNOWN.values()} <= set(madang.client.__all__)
