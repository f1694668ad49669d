"""The commands: their names, their defaults and their bounds."""

import json

import msgspec
import pytest

from madang.errors import Refused
from madang.protocol.native.codec import decode
from madang.protocol.native.commands import COMMANDS, Create, Hello, History, Join, Send, Typing


def read(op: str, **fields: object) -> object:
    return decode(json.dumps({"op": op, **fields}).encode())


def test_every_operation_is_known_by_its_name() -> None:
    for op, command in COMMANDS.items():
        assert command.__struct_config__.tag == op
        assert command.__doc__


def test_what_a_command_leaves_out_has_its_default() -> None:
    assert read("hello", guest="Mina") == Hello(guest="Mina", token=None, v=1, n=0)
    assert read("join", room="yard") == Join(room="yard", since=None, epoch=None, limit=50)
    assert read("history", room="yard") == History(room="yard", before=None, after=None, limit=50)
    assert read("create", room="yard") == Create(room="yard", title="", access="open")
    assert read("typing", room="yard") == Typing(room="yard", on=True)
    sent = read("send", room="yard", cid="c")
    assert isinstance(sent, Send)
    assert (sent.text, bytes(sent.data), sent.reply_to, sent.mentions) == ("", b"", None, ())


AT_THE_BOUND = [
    ("send", {"room": "yard", "cid": "c" * 64}),
    ("send", {"room": "yard", "cid": "c", "text": "a" * 4000}),
    ("send", {"room": "yard", "cid": "c", "mentions": ["u"] * 50}),
    ("join", {"room": "yard", "limit": 0}),
    ("join", {"room": "yard", "limit": 200}),
    ("history", {"room": "yard", "limit": 1, "before": 2**53}),
    ("history", {"room": "yard", "limit": 200, "after": 0}),
    ("react", {"room": "yard", "seq": 1, "emoji": "👍" * 32}),
    ("change", {"room": "yard", "slow_ms": 3_600_000}),
    ("ping", {"n": 2**53}),
]
BEYOND = [
    ("send", {"room": "yard", "cid": ""}),
    ("send", {"room": "yard", "cid": "c" * 65}),
    ("send", {"room": "yard", "cid": "c" * 10_000}),
    ("send", {"room": "yard", "cid": 1}),
    ("send", {"room": "yard", "cid": "c", "mentions": ["u"] * 51}),
    ("send", {"room": "yard", "cid": "c", "mentions": [""]}),
    ("send", {"room": "yard", "cid": "c", "mentions": "u"}),
    ("join", {"room": "yard", "limit": -1}),
    ("join", {"room": "yard", "limit": 201}),
    ("join", {"room": "yard", "since": -1}),
    ("history", {"room": "yard", "limit": 0}),
    ("history", {"room": "yard", "limit": -1}),
    ("history", {"room": "yard", "limit": 10**9}),
    ("history", {"room": "yard", "limit": "0x10"}),
    ("history", {"room": "yard", "before": 2**53 + 2}),
    ("react", {"room": "yard", "seq": 1, "emoji": ""}),
    ("react", {"room": "yard", "seq": 1, "emoji": "👍" * 33}),
    ("react", {"room": "yard", "seq": 1, "emoji": "👍", "on": 1}),
    ("change", {"room": "yard", "slow_ms": 3_600_001}),
    ("change", {"room": "yard", "archived": 1}),
    ("change", {"room": "yard", "keep_ms": -1}),
    ("change", {"room": "yard", "keep_messages": 10**9 + 1}),
    ("hello", {"guest": "a" * 401}),
    ("hello", {"token": "a" * 8193}),
    ("members", {"room": "yard", "limit": 201}),
    ("ping", {"n": 2**53 + 2}),
]


@pytest.mark.parametrize(("op", "fields"), AT_THE_BOUND)
def test_at_the_bound(op: str, fields: dict[str, object]) -> None:
    read(op, **fields)


@pytest.mark.parametrize(("op", "fields"), BEYOND)
def test_beyond_the_bound(op: str, fields: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        read(op, **fields)
    assert refused.value.code == "bad_field"


@pytest.mark.parametrize("op", COMMANDS)
def test_identity_and_position_are_never_taken_from_the_client(op: str) -> None:
    names = {field.name for field in msgspec.structs.fields(COMMANDS[op])}
    asked_for = {"history": {"at"}, "profile": {"name"}, "members": {"name"}}  # a time, a name to have, one to look for
    assert not names & {"id", "sender", "name", "at", "ts"} - asked_for.get(op, set())
    assert ("user" in names) == (
        op in {"direct", "kick", "role", "ban", "unban", "mute", "unmute", "search"}
    )  # the subject, not the actor
