"""Versions of a paper on the page: kept, looked at, gone back to by keys alone, and deleted; in both languages and at every width."""

import pytest
from playwright.async_api import expect

from tests.browser.accessibility import hold_to_every_width
from tests.browser.conftest import Arrive
from tests.browser.engines import CHROMIUM_FIRST, LOOKS
from tests.browser.papers import (
    add_note,
    body,
    come_to,
    is_stored,
    keep_version,
    make_room_and_paper,
    note_box,
    notes,
    press,
    said,
    versions,
)
from tests.browser.people import Language, Theme


@pytest.mark.parametrize("browser", CHROMIUM_FIRST, indirect=True)
async def test_a_page_of_text_goes_back_for_all_and_forth_again(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora", language="ko")
    path = await make_room_and_paper(mina, "Minutes", "text")
    await body(mina).press_sequentially("처음 🎂")
    await is_stored(mina)
    await come_to(bora, path)
    await keep_version(mina, "First 😀")
    await mina.page.keyboard.press("Escape")
    await body(bora).fill("Something else")
    await is_stored(bora)
    await expect(body(mina)).to_have_value("Something else")

    await press(mina, "menu").focus()
    for key in ("Enter", "ArrowDown", "ArrowDown", "Enter"):
        await mina.page.keyboard.press(key)
    await versions(mina).filter(has_text="First 😀").focus()
    await mina.page.keyboard.press("Enter")
    shown = mina.page.get_by_role("dialog", name="First 😀")
    await expect(shown.get_by_role("region")).to_have_text("처음 🎂")
    await expect(shown.get_by_role("button", name=said(mina, "all_versions"))).to_be_focused()
    await mina.page.keyboard.press("Enter")
    await expect(versions(mina).filter(has_text="First 😀")).to_be_focused()
    await mina.page.keyboard.press("Enter")
    await press(mina, "go_back").press("Enter")
    await expect(shown).to_have_count(0)
    for each in (mina, bora):
        await expect(body(each)).to_have_value("처음 🎂")
    await expect(mina.page.get_by_text("What it was before is kept as a version.")).to_be_visible()

    await press(bora, "menu").click()
    await bora.page.get_by_role("menuitem", name="버전", exact=True).click()
    await versions(bora).filter(has_text="되돌리기 직전").click()
    await expect(bora.page.get_by_role("region", name="되돌리기 직전")).to_have_text("Something else")
    await expect(bora.page.get_by_role("button", name="버전 삭제")).to_have_count(0)  # it is not hers
    await press(bora, "go_back").click()
    await expect(body(mina)).to_have_value("Something else")


async def test_a_note_that_was_deleted_comes_back(arrived: Arrive) -> None:
    mina = await arrived("Mina")
    await make_room_and_paper(mina, "Card", "notes")
    await add_note(mina, "생일 축하해 🎂")
    await add_note(mina, "Stays")
    await is_stored(mina)
    await keep_version(mina, "Two notes")
    await mina.page.keyboard.press("Escape")
    await note_box(mina, "Mina").focus()
    await mina.page.get_by_role("button", name="Delete the note by Mina").first.click()
    await mina.page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
    await expect(notes(mina)).to_have_count(1)
    await is_stored(mina)
    await keep_version(mina, "One note")
    await versions(mina).filter(has_text="Two notes").click()
    old = mina.page.get_by_role("region", name="Two notes").get_by_role("listitem", name="Note by Mina")
    await expect(old).to_have_count(2)
    await press(mina, "go_back").click()
    await expect(notes(mina)).to_have_count(2)
    await expect(note_box(mina, "Mina")).to_have_value("생일 축하해 🎂")
    await keep_version(mina, "Wrong")
    await versions(mina).filter(has_text="Wrong").click()
    await mina.page.get_by_role("button", name="Delete version").click()
    await mina.page.get_by_role("alertdialog").get_by_role("button", name="Delete", exact=True).click()
    await expect(versions(mina).filter(has_text="Wrong")).to_have_count(0)


@pytest.mark.parametrize(("language", "theme"), LOOKS)
async def test_versions_are_sound_at_every_width(arrived: Arrive, language: Language, theme: Theme) -> None:
    mina = await arrived(language=language, theme=theme)
    await make_room_and_paper(mina, f"Versions {language} {theme}", "notes")
    for _ in range(3):
        await add_note(mina, "생일 축하해!")
    await is_stored(mina)
    await keep_version(mina, "초안 — 아주 긴 이름을 가진 버전이 여기에 있습니다")
    await hold_to_every_width(mina)
    await mina.resize(1280)
    await versions(mina).first.click()
    await expect(mina.page.get_by_role("dialog").get_by_role("listitem")).to_have_count(3)
    await hold_to_every_width(mina)
