"""Searching through a real server: what is acked is found, what is deleted is not, nobody finds what they may not read."""

import asyncio
import json
import os
import random
import re
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from madang.core.folding import fold
from madang.core.search import parsed
from tests.rest import Rest, rest
from tests.running import Server, madang, running_server

PAGE: Final = (Path(__file__).parents[2] / "docs/reference/search.md").read_text()
TEXTS: Final = (
    "회의 시작합니다", "주간회의록을 올렸어요", "오늘 일정 정리", "ㅎㅇ 하이", "😂 주간회의록을", "할 일 정리", "review notes", "STRASSE",
    "\u1112\u116c의 자료", "50% 할인", "https://madang.example/a?b=1", "ㄱㅅ", "하루 회의",
)  # fmt: skip
QUERIES: Final = (
    "회의",
    "회의록을",
    "의",
    "ㅎㅇ",
    '"ㅎㅇ"',
    "일정",
    "\u1112\u116c의",
    "ß",
    "50%",
    "://",
    "정리 일",
    "없는말",
    "ㄳ",
    "REVIEW",
)


@asynccontextmanager
async def two(data: Path, **settings: str) -> AsyncIterator[tuple[Server, Rest, Rest]]:
    """A server, and Ann and Ben."""
    async with running_server(data, "--load-test", settings=settings) as server, rest(server.url) as door:
        yield server, await door.guest("Ann"), await door.guest("Ben")


async def search(who: Rest, q: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = await who.ok("GET", "/api/search", params={"q": q, **more})
    return found


async def all_of(who: Rest, q: str, limit: int = 50, **more: Any) -> list[dict[str, Any]]:
    """Every message found, page by page."""
    found: list[dict[str, Any]] = []
    before: dict[str, str] = {}
    while True:
        page = await search(who, q, limit=limit, **before, **more)
        assert page["complete"] and len(page["messages"]) <= limit
        found += page["messages"]
        if not page["more"]:
            return found
        before = {"before": page["messages"][-1]["id"]}


async def test_finds_what_a_scan_finds_while_much_is_said_changed_and_deleted(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, ann, ben):
        await is_what_a_scan_finds(ann, ben, 90)


async def is_what_a_scan_finds(ann: Rest, ben: Rest, steps: int) -> None:
    """Let Ann say, change and delete things in rooms of which Ben is in one, and both look for them."""
    chance = random.Random(11)
    said: dict[tuple[str, int], tuple[int, str]] = {}
    rooms = ["one", "two", "three"]
    for room in rooms:
        await ann.ok("POST", "/api/rooms", {"id": room, "title": room})
    await ben.ok("PUT", "/api/rooms/one/members/me")
    for n in range(steps):
        room = chance.choice(rooms)
        known = [seq for where, seq in said if where == room]
        kind = chance.choice(["send", "send", "send", "edit", "delete"]) if known else "send"
        if kind == "send":
            text = chance.choice(TEXTS)
            stored = await ann.ok("POST", f"/api/rooms/{room}/messages", {"text": text})
            said[room, stored["seq"]] = int(stored["id"]), text
        elif kind == "edit":
            seq, text = chance.choice(known), chance.choice(TEXTS)
            await ann.ok("PATCH", f"/api/rooms/{room}/messages/{seq}", {"text": text})
            said[room, seq] = said[room, seq][0], text
        else:
            seq = chance.choice(known)
            await ann.ok("DELETE", f"/api/rooms/{room}/messages/{seq}")
            del said[room, seq]
        if n % 3:
            continue
        q = chance.choice(QUERIES)
        where = chance.choice([{}, {"room": chance.choice(rooms)}])
        scope = [where["room"]] if where else rooms
        expected = scan(said, q, scope)
        told = [(m["room"], m["seq"]) for m in await all_of(ann, q, chance.choice([1, 3, 50]), **where)]
        assert told == expected, q
        assert [(m["room"], m["seq"]) for m in await all_of(ben, q)] == scan(said, q, ["one"])


def scan(said: dict[tuple[str, int], tuple[int, str]], q: str, rooms: list[str]) -> list[tuple[str, int]]:
    query = parsed(q)
    found = [(id, place) for place, (id, text) in said.items() if place[0] in rooms and query.matches(fold(text))]
    return [place for _, place in sorted(found, reverse=True)]


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[tuple[Server, Rest, Rest]]:
    """Ann's room, in which she said a few things, and Ben is."""
    async with two(tmp_path) as (server, ann, ben):
        await ann.ok("POST", "/api/rooms", {"id": "yard", "title": "Yard"})
        await ben.ok("PUT", "/api/rooms/yard/members/me")
        for text in TEXTS:
            await ann.ok("POST", "/api/rooms/yard/messages", {"text": text})
        yield server, ann, ben


async def test_shows_messages_as_history_does_and_narrows(yard: tuple[Server, Rest, Rest]) -> None:
    _, ann, ben = yard
    (message,) = (await search(ann, "50%"))["messages"]
    assert message["room"] == "yard" and message["ranges"] == [[0, 3]]
    shown = (await ann.ok("GET", "/api/rooms/yard/messages"))["messages"]
    assert {k: v for k, v in message.items() if k not in ("room", "ranges")} in shown
    (laughing,) = [m for m in (await search(ann, "회의"))["messages"] if m["text"].startswith("😂")]
    assert laughing["ranges"] == [[5, 7]]

    await narrows(ann, ben)


async def narrows(ann: Rest, ben: Rest) -> None:
    await ben.ok("POST", "/api/rooms/yard/messages", {"text": "회의 by Ben"})
    everything = [m["text"] for m in await all_of(ann, "회의")]
    assert [m["text"] for m in await all_of(ann, "회의", user=ben.user)] == ["회의 by Ben"]
    assert [m["text"] for m in await all_of(ann, f"회의 from:{ben.user} in:yard")] == ["회의 by Ben"]
    newest = (await search(ann, "회의"))["messages"][0]
    assert [m["text"] for m in await all_of(ann, "회의", **{"from": newest["at"]})] == ["회의 by Ben"]
    assert [m["text"] for m in await all_of(ann, "회의", to="2020-01-01")] == []
    assert [m["text"] for m in await all_of(ann, "회의 after:2020-01-01")] == everything
    assert [m["text"] for m in await all_of(ann, "회의 before:2020-01-01T00:00:00Z")] == []
    assert len(await all_of(ann, "a has:link")) == 1
    assert await all_of(ann, "from:누구 회의") == []


REFUSED: Final[tuple[dict[str, Any], ...]] = (
    {"q": ""}, {"q": "\u200b"}, {"q": "가" * 201}, {"q": "x" * 801}, {"q": " ".join("가나다라마바사아자차카타파하거너더")},
    {"q": "회의", "limit": 0}, {"q": "회의", "limit": 201}, {"q": "회의", "before": "x"}, {"q": "회의", "before": "-1"},
    {"q": "회의", "from": "yesterday"}, {"q": "회의", "to": "2026-13-01"}, {"q": "in:yard"}, {}, {"q": "회의", "room": ""},
    {"q": "회의", "page": "2"},
)  # fmt: skip


HOSTILE: Final = (
    "'", "' OR 1=1 --", "NEAR(a b)", "f : x", "*", "a*", "^a", "(((((", "{a b}", "-회의", "%", "_", "\\", "회의 OR 의", "a" * 200, '"', "\ue000",
    "= = =", "before:never", "in:회의", "from:", "has:everything", "\u0301" * 100, "‮", "\U0010ffff",
)  # fmt: skip


async def test_refuses_what_is_no_search_and_takes_everything_else_for_letters(yard: tuple[Server, Rest, Rest]) -> None:
    _, ann, _ = yard
    for params in REFUSED:
        assert await ann.refused("GET", "/api/search", params=params) == "bad_field", params
    for q in HOSTILE:
        expected = [text for text in TEXTS if parsed(q).matches(fold(text))]
        assert sorted(m["text"] for m in await all_of(ann, q)) == sorted(expected), q


async def test_the_examples_of_the_page_find_the_same(yard: tuple[Server, Rest, Rest]) -> None:
    """By curl, as they are written, in the month that is now."""
    server, ann, _ = yard
    examples = re.findall(r"^    (curl [^\\\n]*(?:\\\n[^\\\n]*)*)", PAGE, re.MULTILINE)
    first = datetime.now(UTC).date().replace(day=1)
    next_first = (first + timedelta(days=31)).replace(day=1)
    answers = []
    for example in examples:
        for written, meant in (
            ("2026-11-01", first),
            ("2026-11-30", next_first - timedelta(days=1)),
            ("2026-12-01", next_first),
        ):
            example = example.replace(written, f"{meant}")
        process = await asyncio.create_subprocess_exec(
            "bash", "-c", example, env={**os.environ, "URL": server.url, "TOKEN": ann.token}, stdout=PIPE
        )
        answers.append(json.loads((await process.communicate())[0]))
    assert len(answers) == 2 and answers[0] == answers[1]
    assert [m["text"] for m in answers[0]["messages"]] == ["😂 주간회의록을", "주간회의록을 올렸어요"]


async def test_what_looks_like_an_operator_is_found_in_quotes(yard: tuple[Server, Rest, Rest]) -> None:
    _, ann, _ = yard
    await ann.ok("POST", "/api/rooms/yard/messages", {"text": "in:support deploy"})
    assert await ann.refused("GET", "/api/search", params={"q": "in:support deploy"}) == "not_found"
    assert [m["text"] for m in await all_of(ann, '"in:support" deploy')] == ["in:support deploy"]
    assert await ann.refused("GET", "/api/search", params={"q": "has:link"}) == "bad_field"


async def test_strangers_and_those_who_left_find_nothing(yard: tuple[Server, Rest, Rest]) -> None:
    _, ann, ben = yard
    assert await ben.refused("GET", "/api/search", params={"q": "회의", "room": "nowhere"}) == "not_found"
    first = await search(ben, "의", limit=1)
    assert first["more"]
    cursor = first["messages"][0]["id"]
    await ann.ok("DELETE", f"/api/rooms/yard/members/{ben.user}")
    assert (await search(ben, "의", before=cursor))["messages"] == []
    assert await ben.refused("GET", "/api/search", params={"q": "의", "room": "yard", "before": cursor}) == "not_found"
    assert await ben.refused("GET", "/api/search", params={"q": "의 in:yard"}) == "not_found"


async def test_who_sees_what_was_since_they_joined_finds_no_more(yard: tuple[Server, Rest, Rest]) -> None:
    _, ann, ben = yard
    await ann.ok("PATCH", "/api/rooms/yard", {"history": "joined"})
    await ben.ok("DELETE", "/api/rooms/yard/members/me")
    await ben.ok("PUT", "/api/rooms/yard/members/me")
    assert await all_of(ben, "회의") == []
    await ann.ok("POST", "/api/rooms/yard/messages", {"text": "회의 새로"})
    assert [m["text"] for m in await all_of(ben, "회의")] == ["회의 새로"]


async def test_is_there_after_kill_9_and_after_the_index_is_lost(tmp_path: Path) -> None:
    async with running_server(tmp_path, "--load-test") as server, rest(server.url) as door:
        ann = await door.guest("Ann")
        await ann.ok("POST", "/api/rooms", {"id": "yard", "title": "Yard"})
        for n in range(30):
            await ann.ok("POST", "/api/rooms/yard/messages", {"text": f"회의 {n}"})
        await server.kill()
    for harm in (lambda: None, lambda: lose(tmp_path)):
        harm()
        async with running_server(tmp_path, "--load-test") as server, rest(server.url) as door:
            again = Rest(door.http, door.document, ann.token)
            assert len(await all_of(again, "회의")) == 30
            await again.ok("POST", "/api/rooms/yard/messages", {"text": "일정"})
            assert len(await all_of(again, "일정")) >= 1
            await server.kill()


def lose(folder: Path) -> None:
    for file in folder.glob("search.db*"):
        file.unlink()


async def test_an_operator_sees_the_index_and_has_it_made_again(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, ann, _):
        await ann.ok("POST", "/api/rooms", {"id": "yard", "title": "Yard"})
        for n in range(5):
            await ann.ok("POST", "/api/rooms/yard/messages", {"text": f"회의 {n}"})
        await told(tmp_path, "5 messages of 2 rooms are in the index.\nIt is not behind.\n")
        assert "messages of" in (await madang("search", "rebuild", "--data", tmp_path)).out
        assert len(await all_of(ann, "회의")) == 5
        await told(tmp_path, "5 messages of 2 rooms are in the index.\nIt is not behind.\n")


async def told(data: Path, text: str) -> None:
    while (await madang("search", "status", "--data", data)).out != text:
        pass


async def test_the_server_says_that_it_searches(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, ann, _):
        assert "search" in (await ann.ok("GET", "/api/server"))["features"]


async def test_can_be_off(tmp_path: Path) -> None:
    async with two(tmp_path, search="off") as (_, ann, _):
        assert await ann.refused("GET", "/api/search", params={"q": "회의"}) == "not_found"
        assert "search" not in (await ann.ok("GET", "/api/server"))["features"]
        assert "There is no search index" in (await madang("search", "status", "--data", tmp_path)).out
    assert not list(tmp_path.glob("search*"))
