"""The list of rooms: what is unread and who mentions, new rooms, codes, the switcher, direct rooms, and the keys for all that."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

import madang.client
from madang.client import Client
from madang_proof.testbed.server import Server
from tests.browser.accessibility import violations
from tests.browser.conftest import Arrive
from tests.browser.names import alert, button, create, dialog, named, panel, pick, room_link
from tests.http import http_client


@pytest.fixture
async def bora(server: Server) -> AsyncIterator[Client]:
    """Somebody else, without a browser."""
    async with madang.client.connect(server.url.replace("http", "ws") + "/ws", guest="Bora") as client:
        yield client


async def user_of(bora: Client, room: str, name: str) -> str:
    joined = await bora.join(room)
    return [member.user async for member in joined.members() if member.name == name][-1]


async def test_badges_count_messages_and_mentions_and_the_title_tells(arrived: Arrive, bora: Client) -> None:
    mina = await arrived()
    await mina.enter()
    room = await create(mina, "The yard")
    await button(mina, "close").click()
    await room_link(mina, "Lobby").click()
    yard = await bora.join(room)
    await expect(room_link(mina, "The yard")).to_be_visible()  # that somebody came is not unread
    await yard.send("one")
    await expect(room_link(mina, "The yard, unread 1")).to_be_visible()
    await expect(mina.page).to_have_title("• Lobby · Madang")
    await yard.send("two", mentions=[await user_of(bora, room, "Mina")])
    await expect(room_link(mina, "The yard, mentions 1, unread 2")).to_be_visible()
    await expect(mina.page).to_have_title("(1) Lobby · Madang")
    await expect(mina.page.locator('link[rel="icon"]')).to_have_attribute("href", "/icon-mention.svg")
    assert await violations(mina.page) == []
    await room_link(mina, "The yard, mentions 1, unread 2").click()
    await expect(mina.message("two")).to_be_visible()
    await expect(room_link(mina, "The yard")).to_be_visible()  # it was read
    await expect(mina.page).to_have_title("The yard · Madang")


@pytest.mark.slow
async def test_a_muted_room_is_quiet(arrived: Arrive, bora: Client) -> None:
    mina = await arrived(language="ko")
    await mina.enter()
    room = await create(mina, "조용한 방")
    await button(mina, "close").click()
    await pick(mina, "mute room")
    await room_link(mina, "Lobby").click()
    joined = await bora.join(room)
    await joined.send("들리나요", mentions=[await user_of(bora, room, "Mina")])
    await expect(room_link(mina, "조용한 방, 멘션 1, 안 읽음 1")).to_be_visible()
    await expect(mina.page).to_have_title("Lobby · 마당")
    await mina.page.reload()
    await expect(mina.page).to_have_title("Lobby · 마당")


async def test_a_room_is_made_in_one_step_and_its_link_lets_people_in(arrived: Arrive, server: Server) -> None:
    mina, bora = await arrived(language="ko"), await arrived("Bora")
    await mina.enter()
    assert await create(mina, "마당 회의") == "madang-hoeui"
    link = await dialog(mina).get_by_label("초대 링크").input_value()
    assert link == f"{server.url}/r/madang-hoeui"
    await button(mina, "close").click()
    await bora.enter("/r/madang-hoeui")
    await bora.say("반갑습니다")
    await expect(mina.message("반갑습니다")).to_be_visible()
    await expect(button(mina, "create")).to_be_visible()


async def test_a_code_lets_in_and_what_is_none_is_told(arrived: Arrive, bora: Client) -> None:
    mina = await arrived()
    await mina.enter()
    made = await bora.create(title="Hidden", access="invite")
    assert made is not None
    assert made.room is not None
    hidden = await bora.join(made.room)
    secret = await hidden.invite()
    await button(mina, "by code").click()
    await dialog(mina).get_by_role("textbox", name="Code").fill("what?")
    await dialog(mina).get_by_role("button", name="Join").click()
    await expect(alert(mina, "neither a code nor a link")).to_be_visible()
    await dialog(mina).get_by_role("textbox", name="Code").fill(f"{hidden.id}:{secret}")
    await mina.page.keyboard.press("Enter")
    await expect(mina.page.get_by_role("heading", level=1)).to_have_text("Hidden")
    await mina.say("let in")


async def test_the_switcher_finds_by_first_consonants(arrived: Arrive) -> None:
    mina = await arrived(language="ko")
    await mina.enter()
    await create(mina, "꽃밭")
    await button(mina, "close").click()
    await room_link(mina, "Lobby").click()
    await mina.page.keyboard.press("Control+k")
    box = dialog(mina).get_by_role("combobox", name=named(mina, "find"))
    await expect(box).to_be_focused()
    await box.fill("ㄲㅂ")
    await expect(dialog(mina).get_by_role("option")).to_have_text(["꽃밭"])
    await box.press("Enter")
    await expect(mina.page.get_by_role("heading", level=1)).to_have_text("꽃밭")


@pytest.mark.slow
async def test_a_direct_room_is_called_as_the_other(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora Kim")
    await mina.enter()
    await bora.enter()
    await mina.page.get_by_role("button", name=named(mina, "members")).click()
    await panel(mina, "members").get_by_role("button", name="Actions for Bora Kim").click()
    await mina.page.get_by_role("menuitem", name="Message", exact=True).click()
    await expect(mina.page.get_by_role("heading", level=1)).to_have_text("Bora Kim")
    await mina.say("just us")
    await room_link(bora, "Mina, unread 1").click()
    await expect(bora.message("just us")).to_be_visible()


async def test_who_has_left_a_direct_room_keeps_their_name_until_they_are_deleted(
    arrived: Arrive, bora: Client, server: Server
) -> None:
    mina = await arrived("Nara")
    await mina.enter()
    await mina.say("here")
    direct = await bora.direct(await user_of(bora, "lobby", "Nara"))
    await direct.send("just us")
    await room_link(mina, "Bora, unread 1").click()
    await expect(mina.message("just us")).to_be_visible()
    await direct.leave()
    await expect(room_link(mina, "Bora")).to_be_visible()
    await mina.page.evaluate(
        "for (const key of Object.keys(localStorage)) if (/peer/.test(key)) localStorage.removeItem(key)"
    )
    await mina.page.reload()
    await expect(mina.page.get_by_role("heading", level=1)).to_have_text("Bora")
    await room_link(mina, "Lobby").click()
    await expect(mina.message("here")).to_be_visible()
    async with http_client(server.url) as http:  # the lobby tells of it, where Bora has been, too
        await http.delete("/api/me", params={"said": "erase"}, headers={"Authorization": f"Bearer {bora.token}"})
    await room_link(mina, "Deleted user").click()
    await expect(mina.page.get_by_role("heading", level=1)).to_have_text("Deleted user")
    await mina.page.reload()
    await expect(mina.page.get_by_role("heading", level=1)).to_have_text("Deleted user")


async def test_who_is_deleted_is_no_longer_named_where_they_are_read(
    arrived: Arrive, bora: Client, server: Server
) -> None:
    mina = await arrived("Noa")
    await mina.enter()
    await mina.say("here")
    direct = await bora.direct(await user_of(bora, "lobby", "Noa"))
    await direct.send("just us")
    await room_link(mina, "Bora, unread 1").click()
    await expect(mina.message("just us")).to_be_visible()
    async with http_client(server.url) as http:
        await http.delete("/api/me", params={"said": "anonymise"}, headers={"Authorization": f"Bearer {bora.token}"})
    await expect(mina.page.get_by_role("heading", level=1)).to_have_text("Deleted user")
    await expect(mina.page.get_by_text("Bora")).to_have_count(0)


@pytest.mark.parametrize("seen", [False, True])
async def test_a_direct_room_out_of_view_tells_that_the_other_was_deleted(
    arrived: Arrive, bora: Client, server: Server, seen: bool
) -> None:
    """Whether it has been looked at before or not; no room in view has ever had the other."""
    mina = await arrived(f"Nari {seen}")
    await mina.enter()
    await mina.say("here")
    direct = await bora.direct(await user_of(bora, "lobby", mina.name))
    await direct.send("just us")
    await room_link(mina, "Bora, unread 1").wait_for()
    if seen:
        await room_link(mina, "Bora, unread 1").click()
        await expect(mina.message("just us")).to_be_visible()
        await room_link(mina, "Bora").wait_for()
    await create(mina, "Alone")
    await button(mina, "close").click()
    async with http_client(server.url) as http:
        await http.delete("/api/me", params={"said": "anonymise"}, headers={"Authorization": f"Bearer {bora.token}"})
    await expect(room_link(mina, "Deleted user" if seen else "Deleted user, unread 1")).to_be_visible()
    await expect(mina.page.get_by_text("Bora")).to_have_count(0)


@pytest.mark.slow
async def test_leaving_is_asked_once_more(arrived: Arrive) -> None:
    mina = await arrived()
    await mina.enter()
    await create(mina, "For a while")
    await button(mina, "close").click()
    await pick(mina, "leave")
    ask = mina.page.get_by_role("alertdialog")
    await expect(ask).to_contain_text("Leave For a while?")
    await ask.get_by_role("button", name="Cancel").click()
    await expect(button(mina, "menu")).to_be_focused()
    await pick(mina, "leave")
    await ask.get_by_role("button", name="Leave").click()
    await expect(mina.page).to_have_url(mina.url + "/r/lobby")
    await expect(room_link(mina, "For a while")).to_have_count(0)


@pytest.mark.slow
async def test_rooms_by_keyboard(arrived: Arrive, bora: Client) -> None:
    mina = await arrived()
    await mina.enter()
    one = await create(mina, "First")
    await button(mina, "close").click()
    await create(mina, "Second")
    await button(mina, "close").click()
    heading = mina.page.get_by_role("heading", level=1)
    await expect(heading).to_have_text("Second")
    await (await bora.join(one)).send("come here")
    await expect(room_link(mina, "First, unread 1")).to_be_visible()
    await mina.page.keyboard.press("Alt+Shift+ArrowDown")
    await expect(heading).to_have_text("First")
    await mina.page.keyboard.press("Alt+ArrowDown")
    await expect(heading).not_to_have_text("First")
    await mina.page.keyboard.press("Control+/")
    await expect(dialog(mina)).to_contain_text("Next and previous unread room")
    await mina.page.keyboard.press("Escape")
    await expect(dialog(mina)).to_have_count(0)


@pytest.mark.slow
async def test_f6_goes_from_region_to_region(arrived: Arrive) -> None:
    mina = await arrived()
    await mina.enter()
    await mina.say("a row")
    await mina.box.focus()
    regions = ["navigation", "banner", "log", "composer"]
    inside = """(e) => e.closest('nav') ? 'navigation' : e.closest('.head') ? 'banner' : e.closest('[role=log]') ? 'log'
      : e.closest('form') ? 'composer' : e.tagName"""
    for region in regions:
        await mina.page.keyboard.press("F6")
        assert await mina.page.evaluate(f"({inside})(document.activeElement)") == region
    await mina.page.keyboard.press("Shift+F6")
    assert await mina.page.evaluate(f"({inside})(document.activeElement)") == "log"


async def test_the_first_tab_leads_past_everything(arrived: Arrive) -> None:
    mina = await arrived()
    await mina.enter()
    await mina.say("the newest")
    await mina.page.evaluate("document.activeElement.blur()")
    await mina.page.reload()
    await expect(mina.message("the newest")).to_be_visible()
    await mina.page.keyboard.press("Tab")
    await expect(mina.page.get_by_role("link", name="Skip to messages")).to_be_focused()
    await mina.page.keyboard.press("Enter")
    await expect(mina.log.locator(":focus")).to_have_count(1)


# The browser's own window for it is out of a test's reach; what it is asked to show is not.
_NOTE = """() => {
  window.shown = [];
  window.Notification = class {
    static permission = "default";
    static async requestPermission() { return (Notification.permission = "granted"); }
    constructor(title, options) { shown.push([title, options.body ?? ""]); }
    close() {}
  };
}"""


@pytest.mark.slow
async def test_a_mention_notifies_once_and_only_where_it_was_asked_for(arrived: Arrive, bora: Client) -> None:
    mina = await arrived()
    await mina.context.add_init_script(f"({_NOTE})()")
    await mina.enter()
    room = await create(mina, "Notes")
    await button(mina, "close").click()
    await mina.page.evaluate("Notification.permission = 'default'")
    joined = await bora.join(room)
    mentions = [await user_of(bora, room, "Mina")]
    await room_link(mina, "Lobby").click()
    await joined.send("not asked for", mentions=mentions)
    await expect(room_link(mina, "Notes, mentions 1, unread 1")).to_be_visible()
    await button(mina, "settings").click()
    await button(mina, "allow").click()
    await expect(dialog(mina).get_by_role("checkbox", name="Tell me of mentions")).to_be_checked()
    await mina.page.keyboard.press("Escape")
    other = await mina.context.new_page()  # a second tab, which must not tell
    await other.goto(mina.url + "/r/lobby")
    await expect(other.get_by_role("log")).to_be_visible()
    await joined.send("look", mentions=mentions)
    await expect(room_link(mina, "Notes, mentions 2, unread 2")).to_be_visible()
    while not await mina.page.evaluate("shown.length"):  # the page's policy lets nothing wait inside of it
        pass
    assert await mina.page.evaluate("shown") == [["Bora in Notes", "look"]]
    assert await other.evaluate("shown") == []
    await joined.send("not for her")
    await expect(room_link(mina, "Notes, mentions 2, unread 3")).to_be_visible()
    assert len(await mina.page.evaluate("shown")) == 1


@pytest.mark.slow
async def test_a_draft_waits_for_its_room(arrived: Arrive) -> None:
    mina = await arrived()
    await mina.enter()
    await create(mina, "Elsewhere")
    await button(mina, "close").click()
    await mina.box.fill("half a sentence")
    await room_link(mina, "Lobby").click()
    await expect(mina.box).to_have_value("")
    await expect(room_link(mina, "Elsewhere")).to_have_attribute("aria-description", "Draft")
    await mina.page.reload()
    await room_link(mina, "Elsewhere").click()
    await expect(mina.box).to_have_value("half a sentence")
