"""Frames and answers: what each is on the wire, byte by byte, and that recorded conversations hold nothing else."""

import json
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from madang.core.messages import FoundMessage, Message, Reactor
from madang.core.rooms import Membership
from madang.errors import Limited, Refused
from madang.protocol.native import answers as a
from madang.protocol.native import codec
from madang.protocol.native import frames as f
from madang.protocol.native.commands import COMMANDS

CONVERSATIONS = sorted((Path(__file__).resolve().parents[4] / "protocol/conversations").glob("*.json"))
EVENT = b'{"op":"event","room":"yard","seq":1}'
MESSAGE = Message(seq=2, id="7", user="u1", name="Mina", at="2026-11-22T09:00:00.123Z", text="hi", pinned=True)
SERVER = a.ServerInfo(
    name="madang", version="0.1.0", v=1, ack="stored", max_frame=65_536, max_text=4000, max_rooms=200, max_data=16_384,
    max_mentions=50, resume_events=1000, ping_ms=25_000, window=64, room_window=1, command_ms=20,
    command_burst=200, append_ms=100, append_burst=30,
)  # fmt: skip
SERVER_TEXT = (
    '{"name":"madang","version":"0.1.0","v":1,"ack":"stored","max_frame":65536,"max_text":4000,"max_rooms":200,'
    '"max_data":16384,"max_mentions":50,"resume_events":1000,"ping_ms":25000,"window":64,"room_window":1,"command_ms":20,'
    '"command_burst":200,"append_ms":100,"append_burst":30,'
    '"guests":"open","accounts":"open","create_rooms":true,"features":[]}'
)
FRAMES = [
    (f.SkipFrame(room="yard", from_=50, to=73), '{"op":"skip","room":"yard","from":50,"to":73}'),
    (f.BehindFrame(room="yard", seq=412, from_=161), '{"op":"behind","room":"yard","seq":412,"from":161}'),
    (
        f.ResetFrame(room="yard", epoch="5f", seq=9, events=codec.array([EVENT, EVENT])),
        f'{{"op":"reset","room":"yard","epoch":"5f","seq":9,"events":[{EVENT.decode()},{EVENT.decode()}]}}',
    ),
    (
        f.ResetFrame(room="yard", epoch="5f", seq=9, events=codec.array([])),
        '{"op":"reset","room":"yard","epoch":"5f","seq":9,"events":[]}',
    ),
    (
        f.TypingFrame(room="yard", on={"u1": "Mina"}, off=["u2"]),
        '{"op":"typing","room":"yard","on":{"u1":"Mina"},"off":["u2"]}',
    ),
    (f.TypingFrame(room="yard"), '{"op":"typing","room":"yard","on":{},"off":[]}'),
    (f.ReadFrame(room="yard", readers={"u1": 43}), '{"op":"read","room":"yard","readers":{"u1":43}}'),
    (
        f.PresenceFrame(room="yard", count=2, online={"u1": "Mina"}, offline=[]),
        '{"op":"presence","room":"yard","count":2,"online":{"u1":"Mina"},"offline":[]}',
    ),
    (f.ReportsFrame(room="yard", open=2), '{"op":"reports","room":"yard","open":2}'),
    (f.UnreadFrame(gone=["yard"]), '{"op":"unread","gone":["yard"]}'),
    (
        f.UnreadFrame(
            rooms=[Membership(room="yard", title="Y", access="open", role="owner", seq=4, read_seq=1, unread=3)],
            counts=[f.RoomCount(room="town", seq=9, unread=1)],
        ),
        '{"op":"unread","rooms":[{"room":"yard","title":"Y","access":"open","role":"owner","seq":4,"read_seq":1,"unread":3}],'
        '"counts":[{"room":"town","seq":9,"unread":1}]}',
    ),
    (f.PresenceFrame(room="town", count=1204), '{"op":"presence","room":"town","count":1204}'),
    (f.PaperFrame(paper="card", update=b"\0\0"), '{"op":"paper","paper":"card","update":"AAA="}'),
    (
        f.ShownFrame(paper="card", clients=[f.ClientInfo(client=7, clock=1, user="u1", state=msgspec.Raw(b'{"x":1}'))]),
        '{"op":"shown","paper":"card","clients":[{"client":7,"clock":1,"user":"u1","state":{"x":1}}]}',
    ),
    (f.ClosedFrame(paper="card", code="not_member"), '{"op":"closed","paper":"card","code":"not_member"}'),
    (f.ExpiringFrame(expires_ms=90000), '{"op":"expiring","expires_ms":90000}'),
    (f.ByeFrame(reason="restart", retry_ms=1400), '{"op":"bye","reason":"restart","retry_ms":1400}'),
]
ANSWERS = [
    (a.EmptyAnswer(), '{"op":"ok","n":3}'),
    (
        a.HelloAnswer(user=a.UserInfo(id="u1", name="Mina"), token="t", server=SERVER),
        f'{{"op":"ok","n":3,"user":{{"id":"u1","name":"Mina"}},"token":"t","server":{SERVER_TEXT}}}',
    ),
    (
        a.JoinAnswer(
            room=a.RoomInfo(id="yard", title="The yard", access="open", slow_ms=0), role="member", seq=1, epoch="5f",
            read_seq=1, reset=False, events=codec.array([EVENT]),
        ),
        '{"op":"ok","n":3,"room":{"id":"yard","title":"The yard","access":"open","slow_ms":0},"role":"member","seq":1,'
        f'"epoch":"5f","read_seq":1,"reset":false,"events":[{EVENT.decode()}]}}',
    ),
    (a.AppendAnswer(id="7", seq=4, ack="stored"), '{"op":"ok","n":3,"id":"7","seq":4,"ack":"stored"}'),
    (
        a.AppendAnswer(id="7", seq=4, ack="stored", duplicate=True),
        '{"op":"ok","n":3,"id":"7","seq":4,"ack":"stored","duplicate":true}',
    ),
    (a.UnchangedAnswer(), '{"op":"ok","n":3,"unchanged":true}'),
    (
        a.MessagesAnswer(messages=[MESSAGE], more=False, seq=4),
        '{"op":"ok","n":3,"messages":[{"seq":2,"id":"7","user":"u1","name":"Mina","at":"2026-11-22T09:00:00.123Z",'
        '"text":"hi","pinned":true}],"more":false,"seq":4}',
    ),
    (
        a.SearchAnswer(
            messages=[FoundMessage(room="yard", seq=2, id="7", user="u1", name="Mina", at="now", text="hi", ranges=[(0, 2)])],
            more=False,
            complete=True,
        ),
        '{"op":"ok","n":3,"messages":[{"seq":2,"id":"7","user":"u1","name":"Mina","at":"now","text":"hi","room":"yard",'
        '"ranges":[[0,2]]}],"more":false,"complete":true}',
    ),
    (
        a.MembersAnswer(members=[a.MemberInfo(user="u1", name="Mina", role="owner")], more=True),
        '{"op":"ok","n":3,"members":[{"user":"u1","name":"Mina","role":"owner"}],"more":true}',
    ),
    (
        a.RoomsAnswer(
            rooms=[Membership(room="yard", title="Y", access="open", role="owner", seq=4, read_seq=1, unread=3)],
            more=False,
        ),
        '{"op":"ok","n":3,"rooms":[{"room":"yard","title":"Y","access":"open","role":"owner","seq":4,"read_seq":1,'
        '"unread":3}],"more":false}',
    ),
    (
        a.PresenceAnswer(users={"u1": "Mina"}, count=1, more=False),
        '{"op":"ok","n":3,"users":{"u1":"Mina"},"count":1,"more":false}',
    ),
    (a.InviteAnswer(id="1f", invite="x", expires_ms=604_800_000), '{"op":"ok","n":3,"id":"1f","invite":"x","expires_ms":604800000}'),
    (
        a.InvitesAnswer(invites=[a.InviteInfo(id="1f", user="u1", expires_ms=5, uses=2)]),
        '{"op":"ok","n":3,"invites":[{"id":"1f","user":"u1","expires_ms":5,"uses":2}]}',
    ),
    (
        a.BansAnswer(bans=[a.SanctionInfo(user="u1", by="u2", reason="spam", expires_ms=5)], more=False),
        '{"op":"ok","n":3,"bans":[{"user":"u1","by":"u2","reason":"spam","expires_ms":5}],"more":false}',
    ),
    (
        a.MutesAnswer(mutes=[a.SanctionInfo(user="u1", name="Mina", by="u2")], more=True),
        '{"op":"ok","n":3,"mutes":[{"user":"u1","name":"Mina","by":"u2"}],"more":true}',
    ),
    (
        a.AuditAnswer(
            entries=[
                a.AuditInfo(
                    n=2, at="2026-11-22T09:00:20.001Z", what="mute", by="u2", by_name="Bora", user="u1", name="Mina",
                    reason="spam", details={"for_ms": 5},
                ),
                a.AuditInfo(n=1, at="2026-11-22T09:00:20.001Z", what="change", by="u2"),
            ],
            more=True,
        ),
        '{"op":"ok","n":3,"entries":[{"n":2,"at":"2026-11-22T09:00:20.001Z","what":"mute","by":"u2","by_name":"Bora","user":"u1",'
        '"name":"Mina","reason":"spam","details":{"for_ms":5}},{"n":1,"at":"2026-11-22T09:00:20.001Z","what":"change","by":"u2"}],'
        '"more":true}',
    ),
    (
        a.WordsAnswer(refuse=("bad",), mask=(), flag=("나쁜",)),
        '{"op":"ok","n":3,"refuse":["bad"],"mask":[],"flag":["나쁜"]}',
    ),
    (
        a.ProfileAnswer(user=a.UserInfo(id="u1", name="Mina")),
        '{"op":"ok","n":3,"user":{"id":"u1","name":"Mina"}}',
    ),
    (a.HistoryAnswer(messages=[], more=True, seq=4), '{"op":"ok","n":3,"messages":[],"more":true,"seq":4}'),
    (
        a.HistoryAnswer(messages=[], more=True, seq=4, newer=False),
        '{"op":"ok","n":3,"messages":[],"more":true,"seq":4,"newer":false}',
    ),
    (a.ReportAnswer(), '{"op":"ok","n":3,"reported":true}'),
    (
        a.ReportsAnswer(
            reported=[
                a.ReportedInfo(
                    seq=7, user="u1", name="Mina", count=2,
                    reports=[a.ReportInfo(user="u2", name="Bora", reason="spam", at="2026-11-22T09:00:20.001Z")],
                ),
                a.ReportedInfo(seq=9, user="u1", name="Mina", deleted=True, count=1, reports=[]),
            ],
            more=False,
        ),
        '{"op":"ok","n":3,"reported":[{"seq":7,"user":"u1","name":"Mina","count":2,"reports":[{"user":"u2","name":"Bora",'
        '"reason":"spam","at":"2026-11-22T09:00:20.001Z"}]},{"seq":9,"user":"u1","name":"Mina","deleted":true,"count":1,'
        '"reports":[]}],"more":false}',
    ),
    (a.ResolvedAnswer(open=2), '{"op":"ok","n":3,"resolved":true,"open":2}'),
    (a.RefreshAnswer(token="t", expires_ms=5), '{"op":"ok","n":3,"token":"t","expires_ms":5}'),
    (a.CreateAnswer(id="5", seq=1, ack="stored", room="r-x"), '{"op":"ok","n":3,"id":"5","seq":1,"ack":"stored","room":"r-x"}'),
    (
        a.DirectAnswer(room=a.RoomInfo(id="d-x", title="", access="direct", slow_ms=0, archived=True, write="moderators")),
        '{"op":"ok","n":3,"room":{"id":"d-x","title":"","access":"direct","slow_ms":0,"archived":true,"write":"moderators"}}',
    ),
    (a.RevokedAnswer(), '{"op":"ok","n":3,"revoked":true}'),
    (
        a.ReactorsAnswer(reactors=[Reactor("u1", "Mina")], more=False),
        '{"op":"ok","n":3,"reactors":[{"user":"u1","name":"Mina"}],"more":false}',
    ),
    (a.MembersAnswer(members=[], more=True, next="u1"), '{"op":"ok","n":3,"members":[],"more":true,"next":"u1"}'),
    (
        a.PaperAnswer(
            paper=a.PaperInfo(id="card", room="yard", title="Card", finished=True, user="u1", at="2026-11-22T09:00:20.001Z")
        ),
        '{"op":"ok","n":3,"paper":{"id":"card","room":"yard","title":"Card","finished":true,"user":"u1",'
        '"at":"2026-11-22T09:00:20.001Z"}}',
    ),
    (
        a.OpenPaperAnswer(
            paper=a.PaperInfo(id="card", room="yard", title="Card", finished=True, user="u1", at="2026-11-22T09:00:20.001Z"),
            update=b"\0\0", state=b"\0", clients=[],
        ),
        '{"op":"ok","n":3,"paper":{"id":"card","room":"yard","title":"Card","finished":true,"user":"u1",'
        '"at":"2026-11-22T09:00:20.001Z"},"update":"AAA=","state":"AA==","clients":[]}',
    ),
    (
        a.VersionsAnswer(versions=[a.VersionInfo(version=1, cause="finish", at="2026-11-22T09:00:20.001Z", size=2)]),
        '{"op":"ok","n":3,"versions":[{"version":1,"cause":"finish","at":"2026-11-22T09:00:20.001Z","size":2}]}',
    ),
    (
        a.VersionAnswer(version=a.VersionInfo(version=1, cause="asked", title="T", user="u1", at="2026-11-22T09:00:20.001Z", size=2)),
        '{"op":"ok","n":3,"version":{"version":1,"cause":"asked","title":"T","user":"u1","at":"2026-11-22T09:00:20.001Z","size":2}}',
    ),
    (a.WrittenAnswer(seq=4, ack="stored"), '{"op":"ok","n":3,"seq":4,"ack":"stored"}'),
    (a.PapersAnswer(papers=[], more=False), '{"op":"ok","n":3,"papers":[],"more":false}'),
    (a.PingAnswer(at="2026-11-22T09:00:20.001Z"), '{"op":"ok","n":3,"at":"2026-11-22T09:00:20.001Z"}'),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "text"), FRAMES)
def test_a_frame_is_these_bytes_and_is_read_again(frame: f.Frame, text: str) -> None:
    assert codec.frame(frame) == text.encode()
    again = msgspec.json.decode(text, type=type(frame))
    assert codec.frame(again) == text.encode()


@pytest.mark.parametrize(("answer", "text"), ANSWERS)
def test_an_answer_is_these_bytes_and_is_read_again(answer: a.Answer, text: str) -> None:
    assert codec.answer(3, answer) == text.encode()
    again = msgspec.json.decode(text, type=type(answer))
    assert codec.answer(3, again) == text.encode()


def test_errors_are_these_bytes() -> None:
    gone = b'"code":"gone","message":"This message has been deleted."}'
    assert codec.error(5, Refused("gone")) == b'{"op":"error","n":5,' + gone
    assert codec.error(None, Refused("gone")) == b'{"op":"error",' + gone
    limited = b'"code":"rate_limited","message":"Too many requests in a short time. Wait 800 ms.","retry_ms":800}'
    assert codec.error(0, Limited("rate_limited", 800)) == b'{"op":"error","n":0,' + limited


def test_every_frame_and_answer_is_tried() -> None:
    assert {type(frame) for frame, _ in FRAMES} == set(f.FRAMES.values()) - {f.EventFrame}  # test_codec has events
    assert {type(answer) for answer, _ in ANSWERS} == {kind for op in a.ANSWERS for kind in kinds(op)}


def test_every_operation_has_its_answer() -> None:
    assert list(a.ANSWERS) == list(COMMANDS)


@pytest.mark.parametrize("file", CONVERSATIONS, ids=lambda file: file.stem)
def test_recorded_conversations_hold_frames_of_these_types(file: Path) -> None:
    asked: dict[tuple[str, int], Any] = {}
    for who, verb, what, *_ in json.loads(file.read_bytes())["steps"]:
        if verb == "sends" and isinstance(what, dict):
            asked[who, what.get("n", 0)] = what.get("op")
        elif verb == "gets" and what["op"] == "ok":
            assert any(fits(kind, what) for kind in kinds(asked[who, what["n"]])), what
        elif verb == "gets" and what["op"] == "error":
            assert fits(a.ErrorAnswer, what), what
        elif verb == "gets" and what["op"] != "event":
            assert fits(f.FRAMES[what["op"]], what), what


def kinds(op: str) -> tuple[type[a.Answer], ...]:
    answer: Any = a.ANSWERS[op]
    return get_args(answer) or (answer,)


def fits(kind: type[msgspec.Struct], frame: dict[str, Any]) -> bool:
    """Whether a recorded frame has the fields of its type; `events` and what stands for "..." are not recorded."""
    fields = msgspec.structs.fields(kind)
    given = frame.keys() - {"op", "n", "..."}
    needed = {field.encode_name for field in fields if field.required} - {"events"}
    return given <= {field.encode_name for field in fields} and ("..." in frame or needed <= given)
