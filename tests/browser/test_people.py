"""Members of a room and what moderators do: always asked by name, and told to whom it happens."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

import madang.client
from madang.client import Client
from madang_proof.testbed.server import Server
from tests.browser.conftest import Arrive
from tests.browser.names import button, create, dialog, panel, pick
from tests.browser.people import Language, Person
from tests.running import madang as command


@pytest.fixture
async def chae(server: Server) -> AsyncIterator[Client]:
    """Somebody without a browser."""
    async with madang.client.connect(server.url.replace("http", "ws") + "/ws", guest="Chae") as client:
        yield client


async def open_members(person: Person) -> None:
    await (
        person.page.get_by_role("banner")
        .or_(person.page.locator("header"))
        .get_by_role("button", name="Members")
        .click()
    )


async def pick_for(person: Person, name: str, item: str) -> None:
    await panel(person, "members").get_by_role("button", name=f"Actions for {name}").click()
    await person.page.get_by_role("menuitem", name=item, exact=True).click()


async def test_who_is_here_comes_first_with_roles(arrived: Arrive, chae: Client) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora")
    await mina.enter()
    room = await create(mina, "People")
    await button(mina, "close").click()
    await bora.enter(f"/r/{room}")
    await (await chae.join(room)).leave()
    joined = await chae.join(room)
    await open_members(mina)
    people = panel(mina, "members").get_by_role("listitem")
    await expect(people).to_have_count(3)
    await expect(people.filter(has_text="Mina")).to_contain_text("you · Owner")
    await chae.close()
    await expect(people.last).to_contain_text("Chae")
    await expect(people.last.get_by_role("img")).to_have_attribute("aria-label", "offline")
    await expect(people.first.get_by_role("img")).to_have_attribute("aria-label", "online")
    assert joined.id == room
    await pick_for(mina, "Bora", "Make moderator")
    await expect(people.filter(has_text="Bora")).to_contain_text("Moderator")


@pytest.mark.slow
async def test_a_mention_begins_in_the_box(arrived: Arrive, chae: Client) -> None:
    mina = await arrived()
    await mina.enter()
    room = await create(mina, "Mentions")
    await button(mina, "close").click()
    await chae.join(room)
    await open_members(mina)
    await pick_for(mina, "Chae", "Mention")
    await expect(mina.box).to_be_focused()
    await expect(mina.box).to_have_value("@Chae ")


@pytest.mark.slow
async def test_removal_names_the_person_and_tells_them(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora")
    await mina.enter()
    room = await create(mina, "Removal")
    await button(mina, "close").click()
    await bora.enter(f"/r/{room}")
    await open_members(mina)
    await pick_for(mina, "Bora", "Remove from room")
    ask = mina.page.get_by_role("alertdialog", name="Remove Bora?")
    await expect(ask).to_contain_text("Bora no longer sees this room")
    await expect(ask.get_by_role("button", name="Cancel")).to_be_focused()
    await ask.get_by_role("button", name="Remove").click()
    await expect(bora.page.get_by_role("heading", level=1)).to_have_text("You were removed from this room.")
    await expect(bora.page.get_by_role("main")).to_contain_text("with a new invite at once")
    await expect(panel(mina, "members").get_by_role("listitem")).to_have_count(1)


async def test_a_ban_has_a_reason_and_an_end_and_can_be_lifted(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora")
    await mina.enter()
    room = await create(mina, "Bans")
    await button(mina, "close").click()
    await bora.enter(f"/r/{room}")
    await open_members(mina)
    await pick_for(mina, "Bora", "Ban")
    ask = mina.page.get_by_role("alertdialog", name="Ban Bora?")
    await ask.get_by_label("For how long").select_option(label="1 hour")
    await ask.get_by_label("Reason").fill("Spam")
    await ask.get_by_role("button", name="Ban", exact=True).click()
    await expect(bora.page.get_by_role("heading", level=1)).to_have_text("You are banned from this room.")
    await pick(mina, "bans")
    await expect(dialog(mina)).to_contain_text("Spam")
    await dialog(mina).get_by_role("button", name="Lift the ban").click()
    await expect(dialog(mina)).to_contain_text("Nobody is banned.")
    await button(mina, "close").last.click()
    await bora.page.get_by_role("button", name="Try again").click()
    await expect(bora.box).to_be_editable()
    await pick(mina, "audit")
    await expect(dialog(mina)).to_contain_text("Mina lifted the ban of Bora")
    await expect(dialog(mina)).to_contain_text("Reason: Spam")


@pytest.mark.slow
async def test_reports_wait_for_moderators(arrived: Arrive, chae: Client) -> None:
    mina = await arrived()
    await mina.enter()
    room = await create(mina, "Reports")
    await button(mina, "close").click()
    await mina.say("buy my tea")
    joined = await chae.join(room)
    await joined.report(joined.seq - 1, "Not here")
    await mina.page.locator("header").get_by_role("button", name="Reports 1").click()
    reports = panel(mina, "reports")
    await expect(reports).to_contain_text("buy my tea")
    await expect(reports).to_contain_text("Chae: Not here")
    await reports.get_by_role("button", name="Resolve").click()
    await expect(reports).to_contain_text("No reports wait.")
    await expect(mina.page.locator("header").get_by_role("button", name="Reports 1")).to_have_count(0)


@pytest.mark.slow
async def test_settings_of_a_room_hold_for_everybody(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora")
    await mina.enter()
    room = await create(mina, "Before")
    await button(mina, "close").click()
    await bora.enter(f"/r/{room}")
    await pick(mina, "room settings")
    await dialog(mina).get_by_label("Room title").fill("After")
    await dialog(mina).get_by_role("button", name="Save").click()
    await expect(bora.page.get_by_role("heading", level=1)).to_have_text("After")
    await dialog(mina).get_by_role("radio", name="Moderators and owners").check()
    await expect(bora.box).to_have_count(0)
    await dialog(mina).get_by_role("button", name="Archive the room").click()
    await mina.page.get_by_role("alertdialog").get_by_role("button", name="Archive the room").click()
    await expect(dialog(mina).get_by_role("button", name="Open the room again")).to_be_visible()
    await expect(mina.box).to_have_count(0)
    await dialog(mina).get_by_role("button", name="Open the room again").click()
    await expect(mina.box).to_have_count(1)
    await pick(bora, "room settings")
    await expect(dialog(bora)).to_contain_text("Only moderators and owners change these.")


async def test_a_member_is_found_by_what_is_typed_of_the_name(arrived: Arrive, server: Server) -> None:
    mina = await arrived()
    await mina.enter()
    room = await create(mina, "Found")
    await button(mina, "close").click()
    for name in ("민아", "미나", "Kim 민수", "과장"):
        async with madang.client.connect(server.url.replace("http", "ws") + "/ws", guest=name) as guest:
            await guest.join(room)
    await open_members(mina)
    found = panel(mina, "members").get_by_role("listitem").locator("bdi")
    await expect(found).to_have_count(5)
    box = panel(mina, "members").get_by_role("searchbox", name="Find a member")
    # A syllable on its way, initials, and a vowel that two keys make: the server knows them all.
    cases = {"민": {"Kim 민수", "미나", "민아"}, "ㅁㅇ": {"민아"}, "고": {"과장"}, "kim": {"Kim 민수"}, "Mi": {"Mina"}}
    for typed, names in cases.items():
        await box.fill(typed)
        for name in names:  # the list of before may be as long
            await expect(found.get_by_text(name, exact=True)).to_have_count(1)
        await expect(found).to_have_count(len(names))
    for typed in ("nobody", "n" * 50):
        await box.fill(typed)
        await expect(panel(mina, "members")).to_contain_text("Nobody is called that.")
    await mina.page.keyboard.press("Escape")
    await mina.box.fill("@")
    await mina.box.press_sequentially("고")
    await expect(mina.page.get_by_role("listbox", name="People").get_by_role("option")).to_have_accessible_name("과장")


async def test_who_is_muted_is_told_until_when_and_no_seconds(arrived: Arrive, chae: Client) -> None:
    mina = await arrived()
    await chae.create("quiet-hour")
    room = await chae.join("quiet-hour")
    await mina.enter("/r/quiet-hour")
    (user,) = [member.user async for member in room.members() if member.name == "Mina"]
    await room.mute(user, for_ms=3_600_000)
    await expect(mina.page.get_by_text("A moderator has muted you here until")).to_be_visible()
    await expect(mina.page.get_by_text("You can write in")).to_have_count(0)


async def test_who_comes_while_a_mention_is_typed_can_be_mentioned(
    arrived: Arrive, server: Server, chae: Client
) -> None:
    mina = await arrived()
    await mina.enter()
    room = await create(mina, "Coming")
    await button(mina, "close").click()
    await mina.say("anybody")
    await mina.has_tools()
    async with madang.client.connect(server.url.replace("http", "ws") + "/ws", guest="Chul") as chul:
        await chul.join(room)
        await mina.box.press_sequentially("@Ch")
        options = mina.page.get_by_role("listbox", name="People").get_by_role("option")
        await expect(options).to_have_accessible_name("Chul")
        await chae.join(room)
        await expect(options).to_have_count(2)
        await expect(options.and_(mina.page.locator("[aria-selected=true]"))).to_have_accessible_name("Chul")
    await mina.box.press("Enter")
    await expect(mina.box).to_have_value("@Chul ")


@pytest.mark.parametrize(("language", "called"), [("en", "Deleted user"), ("ko", "탈퇴한 사용자")])
async def test_who_was_deleted_with_their_name_is_called_so(
    arrived: Arrive, server: Server, language: Language, called: str
) -> None:
    mina = await arrived("Mina", language=language)
    await mina.enter()
    room = await create(mina, "Gone")
    await button(mina, "close").click()
    async with madang.client.connect(server.url.replace("http", "ws") + "/ws", guest="Dara") as dara:
        assert dara.user is not None
        user = dara.user.id
        joined = await dara.join(room)
        said = await joined.send("what I said")
        await joined.send("again", reply_to=said.seq)
    row = mina.message("what I said").first
    await expect(row.locator(".row-name")).to_have_text("Dara")
    await mina.has_tools()
    await mina.box.focus()
    await mina.page.keyboard.press("Shift+Tab")
    await mina.page.keyboard.press("p")
    await button(mina, "pins").click()
    pins = panel(mina, "pins")
    await expect(pins).to_contain_text("Dara")
    done = await command("user", "delete", user, "--anonymise", "--data", server.data)
    assert done.status == 0, done.err
    await expect(row.locator(".row-name")).to_have_text(called)
    await expect(row.locator(".avatar")).to_have_text(called[0])
    assert (await row.get_attribute("aria-label") or "").startswith(f"{called}, ")
    await expect(pins).to_contain_text(called)
    await mina.page.reload()
    await expect(mina.log.locator(".quote-name")).to_have_text(called)
    await expect(mina.log.locator(".happened").first).to_contain_text(called)
