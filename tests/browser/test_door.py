"""Coming in, coming back and going: a name is enough, an account is possible, and nothing of a user stays who does not want it."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from madang_proof.testbed.server import Server
from tests.browser.conftest import Arrive, installed_server
from tests.browser.engines import CHROMIUM_FIRST
from tests.browser.names import alert, button, create, dialog
from tests.browser.people import Person

REFUSED = "console: Failed to load resource"  # the browser tells of every answer over REST that is an error


async def sign_out(person: Person) -> None:
    await button(person, "settings").click()
    await person.page.get_by_role("button", name="Sign out and forget this device").click()
    await person.page.get_by_role("alertdialog").get_by_role("button", name="Sign out").click()


@pytest.mark.parametrize("browser", CHROMIUM_FIRST, indirect=True)
async def test_a_name_is_enough_and_a_reload_comes_back(arrived: Arrive, browser: Browser) -> None:
    mina = await arrived()
    text = f"here I am, in {browser.browser_type.name}"
    await mina.open()
    await expect(mina.page.get_by_role("textbox", name="Your name")).to_be_focused()
    await mina.page.keyboard.type("Mina")
    await mina.page.keyboard.press("Enter")
    await expect(mina.page).to_have_url(mina.url + "/r/lobby")
    await mina.say(text)
    await mina.page.reload()
    await expect(mina.message(text)).to_have_count(1)
    await expect(mina.page.locator("html")).to_have_attribute("data-connection", "connected")


async def test_a_name_that_is_refused_is_told_in_words(arrived: Arrive) -> None:
    mina = await arrived("admin", language="ko")
    await mina.open()
    box = mina.page.get_by_role("textbox", name="이름")
    await box.fill("관리자")
    await mina.page.get_by_role("button", name="들어가기", exact=True).click()
    await expect(alert(mina, "쓸 수 없는 이름입니다")).to_be_visible()
    await expect(box).to_be_focused()
    await expect(box).to_have_attribute("aria-invalid", "true")
    await box.fill("민아")
    await box.press("Enter")
    await expect(mina.box).to_be_editable()


async def test_the_language_is_that_of_the_browser_until_it_is_chosen(arrived: Arrive) -> None:
    mina = await arrived(language="ko")
    await mina.open()
    await expect(mina.page.locator("html")).to_have_attribute("lang", "ko")
    await mina.page.get_by_role("button", name="English").click()
    await expect(mina.page.get_by_role("textbox", name="Your name")).to_be_visible()
    await expect(mina.page.locator("html")).to_have_attribute("lang", "en")
    await mina.page.reload()
    await expect(mina.page.get_by_role("textbox", name="Your name")).to_be_visible()


async def test_an_account_comes_back_after_it_signed_out(arrived: Arrive) -> None:
    mina = await arrived()
    mina.expected = REFUSED
    await mina.open()
    await mina.page.get_by_role("button", name="Make an account").click()
    await mina.page.get_by_label("Login").fill("mina")
    await mina.page.get_by_label("Your name").fill("Mina")
    await mina.page.get_by_label("Password").fill("a good long password")
    await mina.page.get_by_role("button", name="Make an account").click()
    await mina.say("with an account")
    await sign_out(mina)
    await mina.page.get_by_role("button", name="Sign in to an account").click()
    await mina.page.get_by_label("Login").fill("mina")
    await mina.page.get_by_label("Password").fill("another password")
    await mina.page.get_by_role("button", name="Sign in", exact=True).click()
    await expect(alert(mina, "do not belong together")).to_be_visible()
    await mina.page.get_by_label("Password").fill("a good long password")
    await mina.page.keyboard.press("Enter")
    await expect(mina.message("with an account")).to_have_count(1)


async def test_signing_out_leaves_nothing_in_any_tab(arrived: Arrive) -> None:
    mina = await arrived()
    await mina.enter()
    await mina.box.fill("half a sentence")
    other = await mina.context.new_page()
    await other.goto(mina.url + "/r/lobby")
    await expect(other.get_by_role("log")).to_be_visible()
    await sign_out(mina)
    for page in (mina.page, other):
        await expect(page.get_by_role("textbox", name="Your name")).to_be_visible()
    kept = await mina.page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('madang:'))")
    assert kept == []


async def test_a_link_leads_through_the_door_and_its_secret_is_gone_at_once(arrived: Arrive, server: Server) -> None:
    owner, guest = await arrived("Mina"), await arrived("Guest")
    await owner.enter()
    room = await create(owner, "Backstage", "invite only")
    await button(owner, "new invite").click()
    link = await dialog(owner).get_by_label("Invite link").input_value()
    assert "#invite=inv_" in link
    await guest.page.goto(link)
    await expect(guest.page).to_have_url(f"{server.url}/r/{room}")
    await guest.page.reload()  # signing in may come between, and more
    await guest.page.get_by_role("textbox", name="Your name").fill("Guest")
    await guest.page.keyboard.press("Enter")
    await guest.say("I was invited")
    assert await guest.page.evaluate("history.length") <= 3
    uninvited = await arrived("Nobody")
    await uninvited.open(f"/r/{room}")
    await expect(uninvited.page.get_by_text("To a room.")).to_be_visible()  # what it is called is not for them
    await uninvited.page.get_by_role("textbox", name="Your name").fill("Nobody")
    await uninvited.page.keyboard.press("Enter")
    await expect(uninvited.page.get_by_role("heading", level=1)).to_have_text(
        "There is no such room, or it is not open to you."
    )


async def test_the_door_says_what_the_room_of_a_link_is_called(arrived: Arrive) -> None:
    mina = await arrived(language="ko")
    await mina.open("/r/lobby")
    await expect(mina.page.get_by_text("Lobby 방으로 들어갑니다.")).to_be_visible()


@pytest.mark.slow
async def test_the_door_shows_the_ways_that_are_open(arrived: Arrive, python: Path, tmp_path: Path) -> None:
    closed = installed_server(python, tmp_path, guests="off", accounts="off")
    try:
        await closed.start()
        mina = await arrived(url=closed.url)
        await mina.open()
        await expect(mina.page.get_by_role("textbox", name="Login")).to_be_focused()
        await expect(mina.page.get_by_role("button", name="Make an account")).to_have_count(0)
        await expect(mina.page.get_by_role("textbox", name="Your name")).to_have_count(0)
    finally:
        await closed.close()
