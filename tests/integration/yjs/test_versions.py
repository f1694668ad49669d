"""Versions of a paper while people write in it: they see it go back, on every node, and lose nothing by it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pycrdt import Map, Text

from madang.core.versions import MAX_VERSIONS
from madang.protocol import yjs
from tests.rest import Rest, rest
from tests.running import Server, running_server
from tests.yjs import Writer, writer

CARD = "/api/papers/card"


@pytest.fixture
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("versions"), "--load-test") as server:
        yield server


async def paper_of(stack: AsyncExitStack, server: Server) -> tuple[Rest, Writer]:
    """Mina, who owns a room with a paper, and her document of it."""
    mina = await (await stack.enter_async_context(rest(server.url))).guest("Mina")
    await mina.ok("POST", "/api/rooms", {"id": "yard", "title": "Yard", "access": "open"})
    await mina.ok("POST", "/api/rooms/yard/papers", {"id": "card", "title": "Card"})
    return mina, await writer(stack.enter_async_context, server.url, "card", mina.token)


async def stored(of: Writer, by: Rest, says: Any) -> None:
    """Send all that a document has until it is stored: where a paper was reopened a moment ago, the first may be refused."""
    while await by.ok("GET", f"{CARD}/content") != says:
        await of.socket.send(yjs.update(of.doc.get_update()))


async def test_all_see_a_paper_go_back_and_forth_again(server: Server) -> None:
    async with AsyncExitStack() as stack:
        mina, typing = await paper_of(stack, server)
        bora = await writer(stack.enter_async_context, server.url, "card", mina.token)
        notes = typing.doc.get("notes", type=Map)
        notes["a"] = Map({"text": Text("생일 축하해 😀"), "x": 24})
        typing.text += "처음 👩‍👩‍👧"
        first = {"notes": {"a": {"text": "생일 축하해 😀", "x": 24}}, "text": "처음 👩‍👩‍👧"}
        await stored(typing, mina, first)
        made = await mina.ok("POST", f"{CARD}/versions", {"title": "초안 😀"})
        assert (made["version"], made["title"], made["cause"]) == (1, "초안 😀", "asked")

        del notes["a"]
        notes["b"] = Map({"text": Text("late"), "x": 48})
        typing.text += " 나중"
        later = {"notes": {"b": {"text": "late", "x": 48}}, "text": "처음 👩‍👩‍👧 나중"}
        await stored(typing, mina, later)
        assert await mina.ok("GET", f"{CARD}/versions/1/content") == first

        restored = await mina.ok("POST", f"{CARD}/versions/1/restore")
        assert restored["ack"] == "stored" and restored["seq"] > 0
        assert await mina.ok("GET", f"{CARD}/content") == first
        for each in (typing, bora):
            await each.until(lambda each=each: str(each.text) == "처음 👩‍👩‍👧")  # type: ignore[misc]
            assert each.doc.get("notes", type=Map).to_py() == first["notes"]
        assert await mina.ok("POST", f"{CARD}/versions/1/restore") == {"unchanged": True}

        await server.kill()
        await server.restart()
        versions = (await mina.ok("GET", f"{CARD}/versions"))["versions"]
        assert [(each["version"], each["cause"], each.get("title")) for each in versions] == [
            (2, "restore", None),
            (1, "asked", "초안 😀"),
        ]
        assert await mina.ok("GET", f"{CARD}/versions/2/content") == later
        await mina.ok("POST", f"{CARD}/versions/2/restore")
        assert await mina.ok("GET", f"{CARD}/content") == later
        come = await writer(stack.enter_async_context, server.url, "card", mina.token)
        assert come.doc.get("notes", type=Map).to_py() == later["notes"]


async def test_who_goes_on_writing_while_it_goes_back_is_kept(server: Server) -> None:
    async with AsyncExitStack() as stack:
        mina, typing = await paper_of(stack, server)
        typing.text += "first"
        await stored(typing, mina, {"text": "first"})
        await mina.ok("POST", f"{CARD}/versions", {"title": "v"})
        typing.text += " second"
        await stored(typing, mina, {"text": "first second"})
        ahead = await writer(stack.enter_async_context, server.url, "card", mina.token)
        ahead.text.insert(0, "한 ")  # and has not sent it yet
        await mina.ok("POST", f"{CARD}/versions/1/restore")
        await ahead.socket.send(yjs.update(ahead.doc.get_update()))
        await typing.until(lambda: str(typing.text) == "한 first")
        await ahead.until(lambda: str(ahead.text) == "한 first")


async def test_a_finished_paper_has_a_version_and_is_not_gone_back_in(server: Server) -> None:
    async with AsyncExitStack() as stack:
        mina, typing = await paper_of(stack, server)
        typing.text += "끝"
        await stored(typing, mina, {"text": "끝"})
        await mina.ok("POST", f"{CARD}/finish")
        (version,) = (await mina.ok("GET", f"{CARD}/versions"))["versions"]
        assert (version["cause"], "title" in version, "user" in version) == ("finish", False, False)
        assert await mina.refused("POST", f"{CARD}/versions/1/restore") == "finished"
        await mina.ok("POST", f"{CARD}/reopen")
        typing.text += " 아니"
        await stored(typing, mina, {"text": "끝 아니"})
        await mina.ok("POST", f"{CARD}/versions/1/restore")
        await typing.until(lambda: str(typing.text) == "끝")


async def test_versions_have_bounds_and_go_with_their_paper(server: Server) -> None:
    async with AsyncExitStack() as stack:
        mina, _ = await paper_of(stack, server)
        for n in range(MAX_VERSIONS):
            await mina.ok("POST", f"{CARD}/versions", {"title": f"v{n}"})
        assert await mina.refused("POST", f"{CARD}/versions", {"title": "one more"}) == "too_many"
        await mina.ok("DELETE", f"{CARD}/versions/1")
        assert (await mina.ok("POST", f"{CARD}/versions", {"title": "one more"}))["version"] == MAX_VERSIONS + 1
        await mina.ok("DELETE", CARD)
        await mina.ok("POST", "/api/rooms/yard/papers", {"id": "card", "title": "Another"})
        assert (await mina.ok("GET", f"{CARD}/versions"))["versions"] == []
        assert await mina.refused("GET", f"{CARD}/versions/2/content") == "not_found"
