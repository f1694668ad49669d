"""Searching finds what finished papers say, as it finds messages, and no others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.rest import Rest, rest
from tests.running import Server, madang, running_server
from tests.waiting import PATIENCE_S
from tests.wire import upgraded
from tests.yjs import writer

LONG = "가나다라마바사 " * 100


@asynccontextmanager
async def party(data: Path, **settings: str) -> AsyncIterator[tuple[Server, Rest, Rest]]:
    """A server, Ann with a room and a paper, and Ben."""
    async with running_server(data, "--load-test", settings=settings) as server, rest(server.url) as door:
        ann, ben = await door.guest("Ann"), await door.guest("Ben")
        await ann.ok("POST", "/api/rooms", {"id": "party", "title": "Party"})
        await ann.ok("POST", "/api/rooms/party/papers", {"id": "card", "title": "For Bora"})
        yield server, ann, ben


async def write(server: Server, who: Rest, text: str) -> None:
    async with AsyncExitStack() as stack:
        ann = await writer(stack.enter_async_context, server.url, "card", who.token)
        await ann.say(text)
        reading = asyncio.ensure_future(ann.until(lambda: False))  # it is asked again for what was written too early
        stack.callback(reading.cancel)
        reader = await writer(stack.enter_async_context, server.url, "card", who.token)
        await reader.until(lambda: text in str(reader.text))


async def found(who: Rest, q: str, **more: Any) -> list[dict[str, Any]]:
    page = await who.ok("GET", "/api/search", params={"q": q, **more})
    assert page["complete"]
    messages: list[dict[str, Any]] = page["messages"]
    return messages


async def test_a_finished_paper_is_found_by_who_is_in_its_room_until_it_is_open_or_gone(tmp_path: Path) -> None:
    async with party(tmp_path) as (server, ann, ben):
        await write(server, ann, LONG + "보라야 생일 축하해 😀 ")
        said = await ann.ok("POST", "/api/rooms/party/messages", {"text": "생일 모임"})
        assert [m["seq"] for m in await found(ann, "생일")] == [said["seq"]]
        await ann.ok("POST", "/api/papers/card/finish")
        paper, message = await found(ann, "생일")
        assert (paper["paper"], paper["title"], paper["room"], paper["name"]) == ("card", "For Bora", "party", "Ann")
        assert message["id"] == said["id"] and "paper" not in message
        assert len(paper["text"]) <= 400
        start, end = paper["ranges"][0]
        units = paper["text"].encode("utf-16-le")
        assert units[2 * start : 2 * end].decode("utf-16-le") == "생일"
        assert [m["paper"] for m in await found(ann, "ㅂㄹㅇ 축하해")] == ["card"]
        assert [m["seq"] for m in await found(ann, "생일", before=paper["id"])] == [said["seq"]]
        assert [m["seq"] for m in await found(ann, "생일", user=paper["user"])] == [said["seq"]]
        assert await found(ben, "생일") == []
        await ben.ok("PUT", "/api/rooms/party/members/me")
        assert len(await found(ben, "생일")) == 2
        await ben.ok("DELETE", "/api/rooms/party/members/me")
        assert await found(ben, "생일") == []
        await ann.ok("POST", "/api/papers/card/reopen")
        assert [m["seq"] for m in await found(ann, "생일")] == [said["seq"]]
        await write(server, ann, "모두가 ")
        await ann.ok("POST", "/api/papers/card/finish")
        again, _ = await found(ann, "생일")
        assert again["seq"] > paper["seq"] and len(await found(ann, "모두가")) == 1
        await ann.ok("DELETE", "/api/papers/card")
        assert [m["seq"] for m in await found(ann, "생일")] == [said["seq"]]


async def test_the_native_search_finds_it_too(tmp_path: Path) -> None:
    async with party(tmp_path) as (server, ann, _):
        await write(server, ann, "생일 축하해")
        await ann.ok("POST", "/api/papers/card/finish")
        async with upgraded(server.port) as client:
            await client.ask(op="hello", n=1, token=ann.token)
            answer = await client.ask(op="search", n=2, q="생일", room="party")
        (paper,) = answer["messages"]
        assert (paper["paper"], paper["title"], paper["text"], paper["ranges"]) == (
            "card",
            "For Bora",
            "생일 축하해",
            [[0, 2]],
        )


async def test_the_index_has_it_also_when_it_is_made_again(tmp_path: Path) -> None:
    async with party(tmp_path) as (server, ann, _):
        await write(server, ann, "생일 축하해")
        await ann.ok("POST", "/api/papers/card/finish")
        await ann.ok("POST", "/api/rooms/party/messages", {"text": "x"})
        await indexed(tmp_path, 2)
        assert (await madang("search", "rebuild", "--data", tmp_path)).status == 0
        await indexed(tmp_path, 2)
        assert [m["paper"] for m in await found(ann, "생일")] == ["card"]
        await ann.ok("POST", "/api/papers/card/reopen")
        await indexed(tmp_path, 1)
        await ann.ok("POST", "/api/papers/card/finish")
        await indexed(tmp_path, 2)


async def indexed(data: Path, count: int) -> None:
    """Wait until the index has this many messages and papers."""
    async with asyncio.timeout(PATIENCE_S):
        while not (await madang("search", "status", "--data", data)).out.startswith(f"{count} message"):
            await asyncio.sleep(0.05)
