"""What a client writes into the history: everything, as it arrived, in order."""

from pathlib import Path

from madang_proof.history import HistoryWriter, read
from madang_proof.history import records as r
from madang_proof.load import frames
from madang_proof.load.command import Asked, Command
from madang_proof.load.connection_log import ConnectionLog
from madang_proof.load.recorder import Recorder

EVENT = (
    b'{"op":"event","room":"a","seq":3,"type":"message.sent","id":"12","user":"u1","name":"Mina","at":"x","text":"hi"}'
)


async def noted(folder: Path, *steps: str) -> list[r.Record]:
    """Return what is in a history after frames that answer one command each."""
    recorder = Recorder(HistoryWriter(folder / "h.jsonl"))
    log = ConnectionLog(recorder, "Mina")
    log.begin()
    log.opened(1, "u1", 0)
    for step in steps:
        frame = frames.decode(step.encode())
        assert isinstance(frame, frames.Frame)
        asked = Asked(Command(op="send", room="a", cid="c", text="hi"), 1)
        if frame.op == "error":
            log.refused(2, frame, "send")
        else:
            log.done(2, frame, asked, final=False)
    await recorder.close()
    return list(read(folder / "h.jsonl"))


def test_frames_are_read_whatever_the_order_of_their_fields() -> None:
    event = frames.decode(EVENT)
    assert event == frames.EventFrame("a", 3, "message.sent", "12", "u1", "hi")
    assert frames.decode(EVENT.replace(b'{"op":"event",', b"{").replace(b"}", b',"op":"event"}')) == event
    skip = frames.decode(b'{"op":"skip","room":"a","from":5,"to":9,"unheard of":{}}')
    assert isinstance(skip, frames.Frame) and (skip.first, skip.last) == (5, 9)


async def test_refusals_say_whether_anything_may_be_stored(tmp_path: Path) -> None:
    codes = ("rate_limited", "conflict", "storage_full", "storage_failed", "internal")
    records = await noted(tmp_path, *(f'{{"op":"error","n":{n},"code":"{code}"}}' for n, code in enumerate(codes)))
    kinds = [type(record) for record in records[1:]]
    assert kinds == [r.Fail, r.Fail, r.Fail, r.Unknown, r.Unknown]


async def test_an_ack_is_noted_as_it_came(tmp_path: Path) -> None:
    records = await noted(tmp_path, '{"op":"ok","n":9,"id":"77","seq":4,"ack":"stored","duplicate":true}')
    assert records[1] == r.Ok(2, 9, 4, "77", "stored", True)


async def test_a_connection_that_no_record_names_needs_no_end(tmp_path: Path) -> None:
    recorder = Recorder(HistoryWriter(tmp_path / "h.jsonl"))
    log = ConnectionLog(recorder, "Mina")
    log.begin()
    log.closed(1006, mine=True, unanswered=0)
    log.begin()
    log.invoke(1, 1, Command(op="join", room="a"))
    log.closed(1006, mine=False, unanswered=0)
    await recorder.close()
    assert [type(record) for record in read(tmp_path / "h.jsonl")] == [r.Invoke, r.Closed]
    assert recorder.closes[1006] == 2
