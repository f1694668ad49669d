"""An open paper, step by step: what goes out when, what is tried again, and what a closed one comes back for."""

import asyncio
from base64 import b64decode, b64encode
from typing import Any

import pytest
from pycrdt import Doc, Text

from madang.client import Limited, OpenPaper
from tests.unit.client.fakes import FakeSocket, World, settle

PAPER = {
    "id": "card",
    "room": "yard",
    "title": "Card",
    "finished": False,
    "user": "u2",
    "at": "2026-11-22T09:00:00.000Z",
}


def text64(data: bytes) -> str:
    return b64encode(data).decode()


class Desk:
    """A world with a paper, and what the server has of it."""

    def __init__(self) -> None:
        self.world = World()
        self.doc: Doc[Any] = Doc()
        self.text = self.doc.get("text", type=Text)

    async def begin(self) -> tuple[FakeSocket, OpenPaper]:
        socket = await self.world.enter()
        opening = asyncio.ensure_future(self.world.client.papers.open("card"))
        await self.open(socket)
        return socket, await opening

    async def open(self, socket: FakeSocket) -> None:
        frame = await socket.got()
        assert frame["op"] == "openpaper", frame
        update = text64(self.doc.get_update(b64decode(frame.get("state", "AA=="))))
        state = text64(self.doc.get_state())
        socket.say({"op": "ok", "n": frame["n"], "paper": PAPER, "update": update, "state": state, "clients": []})

    async def written(self, socket: FakeSocket, *, stored: bool = True) -> dict[str, Any]:
        frame = await socket.got()
        assert frame["op"] == "writepaper", frame
        if stored:
            self.doc.apply_update(b64decode(frame["update"]))
            socket.say({"op": "ok", "n": frame["n"], "seq": 1, "ack": "stored"})
        return frame


def own(paper: OpenPaper) -> Text:
    return paper.doc.get("text", type=Text)


async def test_what_is_written_while_an_update_is_on_its_way_goes_out_as_one_behind_it() -> None:
    desk = Desk()
    socket, paper = await desk.begin()
    own(paper).insert(0, "a")
    first = await desk.written(socket, stored=False)
    for letter in "bcd":
        own(paper).insert(0, letter)
    await socket.nothing()
    socket.say({"op": "ok", "n": first["n"], "seq": 1, "ack": "stored"})
    desk.doc.apply_update(b64decode(first["update"]))
    await desk.written(socket)
    assert str(desk.text) == "dcba"
    await paper.saved()
    await socket.nothing()
    await desk.world.client.close()


async def test_what_was_in_the_air_is_written_again_and_what_had_arrived_is_not() -> None:
    desk = Desk()
    socket, paper = await desk.begin()
    own(paper).insert(0, "a" * 100)
    arrived = await desk.written(socket, stored=False)
    desk.doc.apply_update(b64decode(arrived["update"]))  # its answer is lost
    socket.end()
    own(paper).insert(0, "b")
    socket = await desk.world.back()
    await socket.welcome()
    assert not paper.is_saved
    await desk.open(socket)
    again = await desk.written(socket)
    assert len(again["update"]) < 100
    await paper.saved()
    assert str(desk.text) == str(own(paper)) == "b" + "a" * 100
    await desk.world.client.close()


async def test_a_quota_is_waited_out() -> None:
    desk = Desk()
    socket, paper = await desk.begin()
    own(paper).insert(0, "a")
    saving = asyncio.ensure_future(paper.saved())
    await socket.refuse("quota", retry_ms=60_000)
    with pytest.raises(Limited):
        await saving
    await desk.world.clock.advance(59.0)
    await socket.nothing()
    assert isinstance(paper.refused, Limited)
    await desk.world.clock.advance(2.0)
    await desk.written(socket)
    await paper.saved()
    assert paper.refused is None
    await desk.world.client.close()


async def test_a_paper_that_the_server_let_go_of_is_opened_again_in_a_moment() -> None:
    desk = Desk()
    socket, paper = await desk.begin()
    socket.say({"op": "closed", "paper": "card", "code": "storage_failed"})
    own(paper).insert(0, "a")
    await socket.nothing()
    await desk.world.clock.advance(0.3)
    await desk.open(socket)
    await desk.written(socket)
    await paper.saved()
    assert not paper.ended
    await desk.world.client.close()


async def test_what_is_shown_is_shown_again_before_it_is_forgotten() -> None:
    desk = Desk()
    socket, paper = await desk.begin()
    paper.show({"cursor": 1})
    paper.show({"cursor": 2})
    shown = await socket.got()
    assert (shown["op"], shown["state"], shown["client"]) == ("showpaper", {"cursor": 2}, paper.doc.client_id)
    await desk.world.clock.advance(14.0)
    await socket.nothing()
    await desk.world.clock.advance(2.0)
    again = await socket.got()
    assert again["state"] == shown["state"] and again["clock"] > shown["clock"]
    paper.show(None)
    gone = await socket.got()
    assert gone.get("state") is None and gone["clock"] > again["clock"]
    await desk.world.clock.advance(40.0)
    await settle()
    assert socket.heard.empty()
    await desk.world.client.close()


async def test_a_paper_that_is_closed_while_it_is_opened_again_is_closed_at_the_server_too() -> None:
    desk = Desk()
    socket, paper = await desk.begin()
    socket.end()
    socket = await desk.world.back()
    await socket.welcome()
    assert (await socket.got())["op"] == "openpaper"
    closing = asyncio.ensure_future(paper.close())
    frame = await socket.got()
    assert (frame["op"], frame["paper"]) == ("closepaper", "card")
    socket.say({"op": "ok", "n": frame["n"]})
    await closing
    await socket.nothing()
    await desk.world.client.close()


async def test_a_paper_that_was_closed_without_a_connection_is_opened_anew() -> None:
    desk = Desk()
    socket, paper = await desk.begin()
    socket.end()
    await settle()
    await paper.close()
    opening = asyncio.ensure_future(desk.world.client.papers.open("card"))
    socket = await desk.world.back()
    await socket.welcome()
    await desk.open(socket)
    again = await opening
    assert again.doc is not paper.doc and (paper.ended, again.ended) == ("closed", "")
    await desk.world.client.close()
