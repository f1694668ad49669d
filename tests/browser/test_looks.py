"""Every screen around the room, in both languages and themes and at all widths.

None has a violation or is wider than the screen, and their accessibility trees are as promised.
"""

import pytest
from playwright.async_api import expect

from tests.browser.accessibility import hold_to_every_width, hold_to_golden
from tests.browser.conftest import Arrive
from tests.browser.engines import LOOKS
from tests.browser.names import button, create, dialog, named, pick
from tests.browser.people import PHONE, Language, Theme

IN_MENU = ("room settings", "date", "bans", "audit", "leave")


@pytest.mark.parametrize(("language", "theme"), LOOKS)
async def test_every_screen_is_sound(arrived: Arrive, language: Language, theme: Theme) -> None:
    mina = await arrived(language=language, theme=theme)
    await mina.open()
    await expect(mina.page.locator("html")).to_have_attribute("data-theme", theme)
    await hold_to_every_width(mina)
    await mina.resize(1280)
    await mina.enter()
    await create(mina, f"Looks {language} {theme}", "invite only")
    await button(mina, "new invite").click()
    await expect(dialog(mina).get_by_label(named(mina, "invite link"))).to_be_visible()
    await hold_to_every_width(mina)
    await mina.page.keyboard.press("Escape")
    await mina.say("마당 🍵")
    await mina.resize(1280)
    for name in IN_MENU:
        await pick(mina, name)
        await expect(mina.page.locator("dialog[open]")).to_be_visible()
        await hold_to_every_width(mina)
        await mina.page.keyboard.press("Escape")
        await mina.resize(1280)
    for name in ("pins", "members"):
        await mina.page.locator("header").get_by_role("button", name=named(mina, name)).click()
        await expect(mina.page.get_by_role("complementary", name=named(mina, name))).to_be_visible()
        await hold_to_every_width(mina)
        await mina.resize(1280)
    for name in ("create", "by code", "find", "settings"):
        await button(mina, name).click()
        await expect(dialog(mina)).to_be_visible()
        await hold_to_every_width(mina)
        await mina.page.keyboard.press("Escape")
        await mina.resize(1280)
    await mina.page.keyboard.press("Control+/")
    await expect(dialog(mina)).to_be_visible()
    await hold_to_every_width(mina)
    await mina.open("/r/nowhere")
    await expect(mina.page.get_by_role("heading", level=1)).to_be_visible()
    await hold_to_every_width(mina)


@pytest.mark.parametrize("language", ["en", "ko"])
async def test_screens_are_what_they_are_called(arrived: Arrive, language: Language) -> None:
    mina = await arrived(language=language)
    await mina.open()
    await hold_to_golden(mina.page.locator("main"), f"door-{language}")
    await mina.enter()
    await create(mina, f"Names {language}")
    await hold_to_golden(dialog(mina).get_by_role("heading"), f"created-{language}")
    await button(mina, "close").click()
    await hold_to_golden(mina.page.locator("header"), f"header-{language}")
    await button(mina, "menu").click()
    await hold_to_golden(mina.page.get_by_role("menu"), f"room-menu-{language}")
    await mina.page.keyboard.press("Escape")
    for name in ("create", "by code", "settings"):
        await button(mina, name).click()
        await hold_to_golden(dialog(mina), f"{name.replace(' ', '-')}-{language}")
        await mina.page.keyboard.press("Escape")


async def test_on_a_phone_the_list_is_a_screen_of_its_own(arrived: Arrive) -> None:
    mina = await arrived(width=PHONE, language="ko")
    await mina.enter()
    await mina.page.get_by_role("button", name="방 목록으로").click()
    await expect(mina.page.get_by_role("heading", level=1)).to_have_text("마당")
    await expect(mina.box).to_have_count(0)
    await hold_to_every_width(mina)
    await mina.resize(PHONE)
    await mina.page.get_by_role("link", name="Lobby").click()
    await expect(mina.box).to_be_editable()
    await mina.page.go_back()
    await expect(mina.page.get_by_role("link", name="Lobby")).to_be_visible()
