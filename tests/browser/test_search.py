"""Searching in the page: what is typed finds messages in this room or in all, leads to them and back, by mouse, keys and on a phone."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from playwright.async_api import Locator, WebSocketRoute, expect

import madang.client
from madang.client import Client
from madang_proof.testbed.server import Server
from tests.browser.accessibility import hold_to_every_width
from tests.browser.composing import Keyboard
from tests.browser.conftest import Arrive, installed_server
from tests.browser.engines import CHROMIUM_FIRST, LOOKS
from tests.browser.names import button, create, named, panel, pick, room_link
from tests.browser.people import PHONE, Language, Person, Theme

BACK = {"en": "Back to where you were", "ko": "있던 곳으로 돌아가기"}
ALL = {"en": "All my rooms", "ko": "내 모든 방"}
COLOUR = "(element) => getComputedStyle(element).color"
RESULTS = {"en": "{} results", "ko": "결과 {}"}


@pytest.fixture
async def bora(server: Server) -> AsyncIterator[Client]:
    """Somebody else, without a browser."""
    async with madang.client.connect(server.url.replace("http", "ws") + "/ws", guest="Bora") as client:
        yield client


def box(person: Person) -> Locator:
    return person.page.get_by_role("search").get_by_role("searchbox", name=named(person, "search"), exact=True)


def hits(person: Person, n: int) -> Locator:
    """Return the links of the list that has this many."""
    name = RESULTS[person.language].format(n)
    return panel(person, "search").get_by_role("list", name=name, exact=True).get_by_role("link")


async def open_search(person: Person) -> None:
    await button(person, "search").click()
    await expect(box(person)).to_be_focused()


async def in_view(row: Locator) -> None:
    await expect(row).to_be_in_viewport(ratio=0.5)


@pytest.mark.parametrize("browser", CHROMIUM_FIRST, indirect=True)
async def test_a_newcomer_finds_what_was_meant(arrived: Arrive, bora: Client) -> None:
    mina = await arrived(language="ko")
    await mina.enter()
    room = await create(mina, "찾는 방")
    await button(mina, "close").click()
    yard = await bora.join(room)
    for text in ("😂 주간회의록을 올렸어요", "점심은 <b>김밥</b>", "파일: \u1112\u116c의록.txt"):
        await yard.send(text)
    await open_search(mina)
    await expect(mina.page.get_by_text("낱말은 메시지 어디에 있든 찾고")).to_be_visible()
    await box(mina).fill("회의")
    await expect(hits(mina, 2)).to_have_count(2)
    await expect(hits(mina, 2).locator("mark")).to_have_text(["회의", "회의"])
    for query, found in (("\u1112\u116c의록을", ["회의록을"]), ("ㅎㅇㄹ", ["회의록"]), ("<b>", ["<b>"])):
        await box(mina).fill(query)
        await expect(hits(mina, 1).locator("mark")).to_have_text(found)
    await expect(panel(mina, "search").get_by_role("status")).to_have_text("결과 1개")
    of_row = await mina.page.locator(".row-name", has_text="Bora").first.evaluate(COLOUR)
    assert await hits(mina, 1).locator(".excerpt-name").evaluate(COLOUR) == of_row


async def test_a_message_is_gone_to_and_left_again(arrived: Arrive, bora: Client) -> None:
    mina = await arrived()
    await mina.enter()
    room = await create(mina, "Far back")
    await button(mina, "close").click()
    yard = await bora.join(room)
    old = await yard.send("the needle")
    for n in range(150):
        await yard.send(f"hay {n}")
    await in_view(mina.message("hay 149"))
    await mina.box.focus()
    await mina.page.keyboard.press("Control+f")
    await expect(box(mina)).to_be_focused()
    await mina.page.keyboard.type("needle")
    await expect(hits(mina, 1)).to_have_count(1)
    await mina.page.keyboard.press("ArrowDown")
    await expect(hits(mina, 1).first).to_be_focused()
    await mina.page.keyboard.press("Enter")
    await in_view(mina.message("the needle"))
    await expect(mina.page).to_have_url(f"{mina.url}/r/{room}/{old.seq}")
    await expect(hits(mina, 1).first).to_have_attribute("aria-current", "page")
    await mina.page.keyboard.press("ArrowUp")
    await expect(box(mina)).to_be_focused()
    await mina.page.get_by_role("button", name=BACK["en"]).click()
    await in_view(mina.message("hay 149"))
    await expect(mina.page.get_by_role("button", name=BACK["en"])).to_have_count(0)
    await box(mina).focus()
    await mina.page.keyboard.press("Escape")
    await expect(panel(mina, "search")).to_have_count(0)
    await expect(mina.box).to_be_focused()  # where they came from


async def test_nothing_found_says_what_and_how_to_widen_and_leads_to_other_rooms(arrived: Arrive, bora: Client) -> None:
    mina = await arrived()
    await mina.enter()
    there = await create(mina, "There")
    await button(mina, "close").click()
    await (await bora.join(there)).send("a pot of gold")
    await mina.say("silver")
    await create(mina, "Here")
    await button(mina, "close").click()
    await open_search(mina)
    await box(mina).fill("gold")
    found = panel(mina, "search")
    await expect(found.get_by_role("status")).to_have_text("Nothing in this room has “gold”.")
    await found.get_by_role("button", name="Search all my rooms").click()
    await expect(found.get_by_role("radio", name=ALL["en"])).to_be_checked()
    await expect(hits(mina, 1)).to_have_count(1)
    await expect(hits(mina, 1)).to_contain_text("There")
    await hits(mina, 1).first.focus()
    await mina.page.keyboard.press("Enter")
    await expect(mina.page.get_by_role("heading", level=1)).to_have_text("There")
    await in_view(mina.message("a pot of gold"))
    await expect(hits(mina, 1).first).to_be_focused()
    await box(mina).fill("lead")
    await expect(found.get_by_role("status")).to_have_text("Nothing in your rooms has “lead”.")
    await box(mina).fill(" ".join(["word"] * 17))
    await expect(found.get_by_role("status")).to_have_text("Search for 1 to 16 words, of 200 characters in all.")
    await box(mina).fill("")
    await expect(found.get_by_role("status")).to_have_text("")


async def test_more_comes_by_pages(arrived: Arrive, bora: Client) -> None:
    mina = await arrived()
    await mina.enter()
    room = await create(mina, "Pages")
    await button(mina, "close").click()
    yard = await bora.join(room)
    for n in range(40):
        await yard.send(f"leaf {n}")
    await open_search(mina)
    await box(mina).fill("leaf")
    await expect(hits(mina, 30)).to_have_count(30)
    await panel(mina, "search").get_by_role("button", name="Show more").click()
    await expect(hits(mina, 40)).to_have_count(40)
    await expect(hits(mina, 40).last).to_contain_text("leaf 0")
    await expect(panel(mina, "search").get_by_role("button", name="Show more")).to_have_count(0)


async def test_results_follow_a_composition_and_leave_it_alone(arrived: Arrive, bora: Client) -> None:
    mina = await arrived(language="ko")
    await mina.enter()
    room = await create(mina, "조합")
    await button(mina, "close").click()
    yard = await bora.join(room)
    for text in ("회의 시작", "회식은 내일", "의자"):
        await yard.send(text)
    await open_search(mina)
    keys = await Keyboard.at(mina.page)
    await keys.type("회")
    await expect(hits(mina, 2)).to_have_count(2)
    await keys.commit("회")
    await keys.show("ㅇ")  # 의, begun: what is shown stays
    await expect(hits(mina, 2)).to_have_count(2)
    await keys.compose("의")
    await expect(hits(mina, 1)).to_have_count(1)
    await keys.processed()
    await keys.commit("의")
    await keys.enter()
    await keys.release()
    await expect(box(mina)).to_have_value("회의")
    await expect(box(mina)).to_be_focused()
    await expect(hits(mina, 1).locator("mark")).to_have_text(["회의"])


async def test_on_a_phone_results_are_left_and_come_back(arrived: Arrive, bora: Client) -> None:
    mina = await arrived(width=PHONE, language="ko")
    await mina.enter()
    lobby = await bora.join("lobby")
    await lobby.send("휴대폰에서 찾을 말")
    await mina.message("휴대폰에서 찾을 말").wait_for()
    await pick(mina, "search")
    await box(mina).fill("찾을")
    await expect(hits(mina, 1)).to_have_count(1)
    await hits(mina, 1).first.click()
    await expect(panel(mina, "search")).to_have_count(0)
    await in_view(mina.message("휴대폰에서 찾을 말"))
    await mina.page.get_by_role("button", name="검색 결과로 돌아가기").click()
    await expect(box(mina)).to_have_value("찾을")
    await expect(hits(mina, 1).first).to_be_focused()
    await mina.page.get_by_role("button", name=BACK["ko"]).click()
    await expect(panel(mina, "search")).to_have_count(0)
    await expect(mina.box).to_be_visible()


@pytest.mark.parametrize(("language", "theme"), LOOKS)
async def test_it_is_sound_at_every_width(arrived: Arrive, bora: Client, language: Language, theme: Theme) -> None:
    mina = await arrived(language=language, theme=theme)
    await mina.enter()
    room = await create(mina, f"Sound {language}")
    await button(mina, "close").click()
    yard = await bora.join(room)
    for text in ("주간회의록을 올렸어요", "w" * 400 + "회의", "회의 " * 50):
        await yard.send(text)
    await mina.message("회의 회의").wait_for()
    await expect(room_link(mina, f"Sound {language}")).to_be_visible()  # all is read
    await open_search(mina)
    await hold_to_every_width(mina)
    await mina.resize(1280)
    await box(mina).fill("회의")
    await expect(hits(mina, 3)).to_have_count(3)
    await hold_to_every_width(mina)
    await mina.resize(1280)
    await box(mina).fill("없는 말")
    await expect(panel(mina, "search").get_by_role("status")).to_contain_text("없는 말")
    await hold_to_every_width(mina)


async def test_late_answers_are_dropped_and_one_that_was_cut_short_says_so(arrived: Arrive, bora: Client) -> None:
    mina = await arrived()
    asked: dict[int, str] = {}
    held: list[Callable[[], None]] = []

    def between(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def up(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["op"] == "search":
                asked[frame["n"]] = frame["q"]
            server.send(text)

        def down(text: str | bytes) -> None:
            frame = json.loads(text)
            q = asked.get(frame.get("n", 0))
            if q == "slow":
                held.append(lambda: page.send(text))
            elif q == "cut":
                page.send(json.dumps(frame | {"complete": False}))
            else:
                page.send(text)

        page.on_message(up)
        server.on_message(down)

    await mina.page.route_web_socket("**/ws", between)
    await mina.enter()
    room = await create(mina, "Late")
    await button(mina, "close").click()
    yard = await bora.join(room)
    for text in ("slow", "quick", "cut"):
        await yard.send(text)
    await open_search(mina)
    status = panel(mina, "search").get_by_role("status")
    await box(mina).fill("slow")
    await expect(status).to_have_text("Searching …")
    while not held:
        await mina.page.evaluate("0")
    await box(mina).fill("quick")
    held[0]()
    await expect(hits(mina, 1)).to_contain_text("quick")
    assert list(asked.values()) == ["slow", "quick"]
    await box(mina).fill("cut")
    await expect(hits(mina, 1)).to_contain_text("cut")
    await expect(status).to_contain_text("The server could not look through everything")
    await panel(mina, "search").get_by_role("button", name="Search again").click()
    await expect(hits(mina, 1)).to_contain_text("cut")


async def test_a_server_that_does_not_search_has_no_button_for_it(
    arrived: Arrive, python: Path, tmp_path: Path
) -> None:
    server = installed_server(python, tmp_path, search="off")
    try:
        await server.start()
        mina = await arrived(url=server.url)
        await mina.enter()
        await expect(button(mina, "pins")).to_be_visible()
        await expect(button(mina, "search")).to_have_count(0)
        await mina.page.keyboard.press("Control+f")
        await expect(panel(mina, "search")).to_have_count(0)
    finally:
        await server.close()


async def test_filters_narrow_what_is_found(arrived: Arrive, bora: Client) -> None:
    mina = await arrived()
    await mina.enter()
    room = await create(mina, "Filters")
    await button(mina, "close").click()
    await mina.say("cups by Mina")
    yard = await bora.join(room)
    await yard.send("cups by Bora")
    await yard.send("cups at https://cups.example/")
    await open_search(mina)
    await box(mina).fill("cups")
    await expect(hits(mina, 3)).to_have_count(3)
    found = panel(mina, "search")
    await found.get_by_text("Filters", exact=True).click()
    await found.get_by_label("Said by").fill("bo")
    await found.get_by_role("button", name="Bora").click()
    await expect(hits(mina, 2)).to_have_count(2)
    await found.get_by_label("Only with a link").check()
    await expect(found.get_by_role("list", name="1 results")).to_contain_text("https://cups.example/")
    await found.get_by_label("Until").fill("2020-01-01")
    await expect(found.get_by_role("status")).to_have_text("Nothing in this room has “cups” with these filters.")
    await found.get_by_label("Until").fill("")
    await expect(found.get_by_role("list", name="1 results")).to_be_visible()
    await box(mina).fill("")
    await expect(found.get_by_role("status")).to_have_text("Type a word to search for.")
    await box(mina).fill("no such cups")
    await found.get_by_role("button", name="Clear the filters").last.click()
    await expect(found.get_by_role("status")).to_have_text("Nothing in this room has “no such cups”.")
    await expect(found.get_by_role("button", name="Clear the filters")).to_have_count(0)
    await box(mina).fill("cups")
    await expect(hits(mina, 3)).to_have_count(3)
