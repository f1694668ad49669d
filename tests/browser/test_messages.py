"""The list of messages: it moves nothing that is read, loads what is scrolled to, and is used by keys alone."""

import pytest
from playwright.async_api import Page, expect

from madang.client import connect
from madang_proof.testbed.server import Server
from tests.browser.accessibility import hold_to_every_width, violations
from tests.browser.conftest import Arrive
from tests.browser.engines import LOOKS
from tests.browser.names import dialog, pick
from tests.browser.people import WIDTHS, Language, Person, Theme, socket_of
from tests.browser.pictures import picture

_FOLLOW = """(seq) => {
  window.places = [];
  const look = () => {
    const row = document.querySelector(`article[data-seq="${seq}"]`);
    places.push(row ? row.getBoundingClientRect().top : NaN);
    window.looking = requestAnimationFrame(look);
  };
  cancelAnimationFrame(window.looking);
  look();
}"""
_IN_THE_MIDDLE = """() => {
  const { top, height } = document.querySelector("[role=log]").getBoundingClientRect();
  const rows = [...document.querySelectorAll("article[data-seq]")];
  return Number(rows.find((row) => row.getBoundingClientRect().top > top + height / 3).dataset.seq);
}"""
_SCROLL_UP = """async () => {
  document.querySelector("[role=log]").scrollTop -= 900;
  for (let frames = 0; frames < 2; frames++) await new Promise(requestAnimationFrame);
}"""
_BELOW = """() => {
  const log = document.querySelector("[role=log]");
  return log.scrollHeight - log.scrollTop - log.clientHeight;
}"""


KINDS = (
    "plain",
    "see https://a.kr/b and `code`",
    "```\nfenced\n```",
    "> quoted\nand answered",
    "😀",
    "long\n" * 30 + "end",
)
"""Texts that are shown in different ways."""


async def filled(server: Server, room: str, count: int, *texts: str) -> None:
    """Make a room and say as much in it, as somebody else, and these texts."""
    async with connect(socket_of(server.url), guest="Bora") as client:
        await client.create(room, title=room)
        joined = await client.join(room)
        for i in range(count):
            await joined.send(f"line {i}" + "\nand more" * (i % 4))
        for text in texts:
            await joined.send(text)


async def moved(page: Page) -> float:
    """Return how far the row that is followed has been from where it was."""
    places: list[float] = await page.evaluate("places")
    return max(places) - min(places)


async def at_newest(mina: Person) -> None:
    await expect(mina.log.get_by_role("article").first).to_be_visible()
    await mina.page.wait_for_function(f"({_BELOW})() < 2")


async def test_older_messages_and_new_ones_move_nothing(arrived: Arrive, server: Server) -> None:
    await filled(server, "still", 300)
    mina = await arrived()
    await mina.enter("/r/still")
    await at_newest(mina)
    bora = await arrived("Bora")
    await bora.enter("/r/still")
    await mina.log.hover()
    pill = mina.page.get_by_role("button", name="jump to latest")
    for came in range(1, 7):
        await mina.page.evaluate(_SCROLL_UP)
        await mina.page.evaluate(_FOLLOW, await mina.page.evaluate(_IN_THE_MIDDLE))
        await bora.say("one more")
        await expect(pill).to_have_text(f"New messages {came}")
        assert await moved(mina.page) <= 0.5
        assert await mina.log.get_by_role("article").count() <= 64
    await pill.click()
    await at_newest(mina)
    await expect(mina.message("one more").last).to_be_visible()


async def test_without_what_comes_later_one_reads_and_writes_and_its_coming_moves_nothing(
    arrived: Arrive, server: Server
) -> None:
    await filled(server, "later", 80)
    mina = await arrived()
    away = "**/extras-*.js"
    await mina.page.route(away, lambda route: route.abort())
    await mina.enter("/r/later")
    await at_newest(mina)
    await mina.say("`plain` for now")
    await expect(mina.message("`plain` for now")).to_be_visible()
    await at_newest(mina)
    await mina.log.hover()
    await mina.page.evaluate(_SCROLL_UP)
    await mina.page.evaluate(_FOLLOW, await mina.page.evaluate(_IN_THE_MIDDLE))
    await mina.page.unroute(away)
    await mina.has_tools()
    assert await moved(mina.page) <= 1
    await mina.page.get_by_role("button", name="Jump to latest", exact=True).click()
    await expect(mina.log.locator("article code").last).to_have_text("plain")
    await at_newest(mina)


async def test_a_link_leads_to_its_message_and_back_to_the_newest(arrived: Arrive, server: Server) -> None:
    await filled(server, "far", 200)
    mina = await arrived()
    await mina.enter("/r/far/30")
    target = mina.log.locator("article[data-seq='30']")
    await expect(target).to_be_in_viewport()
    await mina.page.get_by_role("button", name="Jump to latest", exact=True).click()
    await expect(mina.message("line 199")).to_be_in_viewport()


async def test_a_date_leads_to_what_was_said_from_then_on(arrived: Arrive, server: Server) -> None:
    await filled(server, "days", 120)
    mina = await arrived()
    await mina.enter("/r/days")
    await at_newest(mina)
    for day, shown in (("2020-02-29", "line 0"), ("2120-02-29", "line 119")):
        await pick(mina, "date")
        await dialog(mina).get_by_label("Date").fill(day)
        await dialog(mina).get_by_role("button", name="Go", exact=True).click()
        await expect(mina.message(shown).first).to_be_in_viewport()


async def test_the_new_line_is_above_what_came_unseen(arrived: Arrive, server: Server) -> None:
    mina = await arrived()
    await mina.enter()
    await mina.say("I was here")
    bora = await arrived("Bora")
    await bora.enter()
    await mina.page.goto("about:blank")
    await bora.say("while you were away")
    await mina.open()
    line = mina.page.get_by_role("separator", name="New messages")
    await expect(line).to_be_visible()
    await expect(mina.message("while you were away")).to_be_visible()
    await mina.say("I am back")
    await expect(line).to_have_count(0)


async def test_everything_is_done_by_keys(arrived: Arrive) -> None:
    mina = await arrived()
    await mina.enter()
    await mina.say("number one")
    await mina.say("number two")
    await mina.has_tools()
    keys = mina.page.keyboard
    await keys.press("Shift+Tab")
    two = mina.message("number two").last
    one = mina.log.locator(f"article[data-seq='{await mina.message('number one').last.get_attribute('data-seq')}']")
    await expect(two).to_be_focused()
    await keys.press("ArrowUp")
    await expect(one).to_be_focused()
    await keys.press("r")
    await expect(mina.page.get_by_role("group", name="Replying to Mina")).to_be_visible()
    await expect(mina.box).to_be_focused()
    await mina.say("an answer")
    await expect(mina.message("an answer").locator(".quote")).to_contain_text("one")
    await keys.press("Shift+Tab")
    await expect(one).to_be_focused()  # where the list was left
    await keys.press("+")
    await keys.press("Enter")
    reaction = one.get_by_role("button", name="👍 1")
    await expect(reaction).to_have_attribute("aria-pressed", "true")
    await expect(one).to_be_focused()
    await keys.press("Enter")
    await expect(one.get_by_role("button", name="React", exact=True)).to_be_focused()
    await keys.press("ArrowRight")
    await keys.press("ArrowRight")
    await keys.press("Enter")
    menu = mina.page.get_by_role("menu")
    await expect(menu.get_by_role("menuitem", name="Edit")).to_be_focused()
    await keys.press("Escape")
    await expect(one.get_by_role("button", name="More", exact=True)).to_be_focused()
    await keys.press("Escape")
    await keys.press("Delete")
    await keys.press("Tab")
    await keys.press("Enter")
    await expect(mina.log.locator("article[data-state=deleted]")).to_contain_text("This message was deleted")
    await keys.press("Escape")
    await expect(mina.box).to_be_focused()


async def test_what_arrives_is_read_out_once_and_history_is_not(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora")
    await bora.enter()
    await bora.say("before")
    await mina.enter()
    await expect(mina.message("before").last).to_be_visible()
    await expect(mina.log).to_have_attribute("aria-live", "off")
    said = mina.page.get_by_role("status").filter(has_text="Bora:")
    await expect(said).to_have_count(0)
    await bora.say("can you hear me")
    await expect(said).to_have_text("Bora: can you hear me")


async def test_attacks_stay_text(arrived: Arrive) -> None:
    mina = await arrived("<b>Mina</b>")
    await mina.enter()
    attacks = [
        "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "javascript:alert(1)", "java\tscript:alert(1)",
        "https://a.kr@b.kr/", 'https://a.kr/"onmouseover="alert(1)', "`<b>`", "```\n<b>\n```", "> <svg onload=alert(1)>",
        "__proto__", "a\u202egpj.exe",
    ]  # fmt: skip
    for n, attack in enumerate(attacks, 1):
        await mina.box.fill(attack)
        await mina.box.press("Enter")
        await expect(mina.log.locator("article[data-cid][data-state=sent]")).to_have_count(n)
    assert await mina.log.locator("img, script, svg:not(.icon), b").count() == 0
    links = await mina.log.locator("a").evaluate_all("(all) => all.map((a) => [a.href, a.rel, a.protocol])")
    assert [(href, protocol) for href, _, protocol in links] == [("https://a.kr/", "https:")]
    assert all("noopener" in rel and "noreferrer" in rel for _, rel, _ in links)
    await expect(mina.message("gpj.exe").locator(".control")).to_have_text("U+202E")


@pytest.mark.parametrize(("language", "theme"), LOOKS)
async def test_axe_finds_nothing_in_any_row(arrived: Arrive, server: Server, language: Language, theme: Theme) -> None:
    room = f"rows-{language}-{theme}"
    bora = await arrived("Bora")
    await filled(server, room, 0, *KINDS)
    await bora.enter(f"/r/{room}")
    mina = await arrived("미나", language=language, theme=theme)
    await mina.enter(f"/r/{room}")
    await expect(bora.page.get_by_role("button", name="Members, 2 online")).to_be_visible()
    await bora.box.press_sequentially("@미나")
    await expect(bora.page.get_by_role("option", name="미나")).to_be_visible()
    await bora.box.press("Tab")
    await bora.box.press("Enter")
    await expect(mina.message("@미나")).to_have_attribute("data-mention", "true")
    await mina.say("mine")
    row = mina.message("mine").last
    await mina.has_tools()
    await mina.page.keyboard.press("Shift+Tab")
    await mina.page.keyboard.press("+")
    await expect(mina.page.get_by_role("dialog")).to_be_visible()
    assert await violations(mina.page) == []
    await mina.page.keyboard.press("Enter")
    await expect(row.locator(".reaction[aria-pressed=true]")).to_be_visible()
    await mina.page.keyboard.press("Delete")
    assert await violations(mina.page) == []
    await mina.page.keyboard.press("Escape")
    await mina.page.keyboard.press("e")
    await picture(mina, f"room-editing-{language}-{theme}")
    await hold_to_every_width(mina)
    await mina.page.keyboard.press("Escape")
    await row.get_by_role("toolbar").get_by_role("button").last.click()
    await expect(mina.page.get_by_role("menu")).to_be_visible()
    assert await violations(mina.page) == []
    await mina.page.keyboard.press("Escape")
    for width in WIDTHS:
        await mina.resize(width)
        await picture(mina, f"room-{language}-{theme}-{width}")
