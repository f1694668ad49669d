"""Rolling papers on the page: notes that many write at once, moved, coloured, undone and finished, with the pointer and by keys alone."""

import json
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.browser.accessibility import hold_to_every_width, hold_to_golden
from tests.browser.composing import Keyboard
from tests.browser.conftest import Arrive
from tests.browser.engines import CHROMIUM_FIRST, LOOKS
from tests.browser.names import button, panel
from tests.browser.papers import (
    add_note,
    come_to,
    finish,
    grip,
    is_stored,
    make_room_and_paper,
    note_box,
    notes,
    press,
    said,
)  # fmt: skip
from tests.browser.people import PHONE, Language, Person, Theme


async def place(note: Locator) -> tuple[float, float]:
    """Return where a note lies on the screen."""
    box = await note.bounding_box()
    assert box is not None
    return box["x"], box["y"]


async def content(person: Person) -> Any:
    """Return what the server says of the paper that is open."""
    id = person.page.url.rpartition("/")[2]
    token = await person.page.evaluate("Object.entries(localStorage).find(([key]) => key.endsWith('token'))[1]")
    answer = await person.page.request.get(
        f"{person.url}/api/papers/{id}/content", headers={"Authorization": f"Bearer {token}"}
    )
    return json.loads(await answer.text())


@pytest.mark.parametrize("browser", CHROMIUM_FIRST, indirect=True)
async def test_many_put_up_notes_at_once(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("보라", language="ko")
    path = await make_room_and_paper(mina, "For Jun", "notes")
    await expect(mina.page.get_by_text("Nothing here yet.")).to_be_visible()
    await come_to(bora, path)
    for round in range(2):
        await add_note(mina, f"From Mina {round} 🎂")
        await add_note(bora, f"보라가 {round} 🍵")
    for person in (mina, bora):
        await is_stored(person)
        await expect(notes(person)).to_have_count(4)
    places = {await place(note) for note in await notes(mina).all()}
    assert len(places) == 4, "no note hides another"
    await expect(note_box(mina, "보라", 1)).to_have_value("보라가 1 🍵")  # she moderates
    await expect(bora.page.get_by_role("textbox")).to_have_count(2)  # her own, and no others
    await expect(notes(bora).filter(has_text="From Mina 1 🎂")).to_be_visible()


async def test_two_write_one_note_while_one_composes(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("보라", language="ko")
    path = await make_room_and_paper(mina, "One note", "notes")
    await come_to(bora, path)
    await add_note(bora, "[]")
    hers = note_box(bora, "보라")
    await hers.press("ArrowLeft")
    keys = await Keyboard.at(bora.page)
    await keys.type("생일")
    as_moderator = note_box(mina, "보라")
    await expect(as_moderator).to_have_value("[생]")
    await expect(mina.page.get_by_role("status").filter(has_text="보라 is writing")).to_be_visible()
    await as_moderator.press("Control+Home")
    await mina.page.keyboard.insert_text("🎉🎉 ")
    await mina.page.keyboard.press("End")
    await mina.page.keyboard.insert_text("!")
    await expect(bora.page.get_by_role("status").filter(has_text="Mina 님이 쓰는 중")).to_be_visible()
    await is_stored(mina)
    await keys.show("일")
    await expect(hers).to_have_value("[생일]")
    await keys.commit("일")
    await keys.compose("축")
    await expect(hers).to_have_value("🎉🎉 [생일축]!")
    await keys.commit("축")
    await expect(as_moderator).to_have_value("🎉🎉 [생일축]!")


async def test_a_note_is_dragged_and_everybody_sees_it(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora")
    path = await make_room_and_paper(mina, "Moved", "notes")
    await add_note(mina, "Move me")
    await come_to(bora, path)
    (before_x, before_y), watched = await place(notes(bora)), await place(notes(mina))
    await grip(mina, "Mina").hover()
    await mina.page.mouse.down()
    await mina.page.mouse.move(watched[0] + 500, watched[1] + 380, steps=5)
    await mina.page.mouse.up()
    await is_stored(mina)
    moved = await place(notes(mina))
    await expect(notes(bora)).to_have_css("left", f"{round(moved[0] - watched[0]) + 24}px")
    assert moved[0] > watched[0] + 200 and moved[1] > watched[1] + 150
    assert await grip(bora, "Mina").count() == 0  # it is not hers
    await press(mina, "undo").click()
    await expect(notes(bora)).to_have_css("left", "24px")  # the whole way, as one step
    assert await place(notes(bora)) == (before_x, before_y)


async def test_notes_by_keys_alone(arrived: Arrive) -> None:
    mina = await arrived("Mina")
    await make_room_and_paper(mina, "By keys", "notes")
    keys = mina.page.keyboard
    await press(mina, "add").first.focus()
    await keys.press("Enter")
    await expect(note_box(mina, "Mina")).to_be_focused()
    await keys.insert_text("Written without a mouse")
    await keys.press("Escape")
    await expect(grip(mina, "Mina")).to_be_focused()
    await note_box(mina, "Mina").focus()
    await keys.press("Tab")  # to the colours
    await expect(mina.page.get_by_role("radio", name="Yellow")).to_be_focused()
    await keys.press("ArrowRight")
    await expect(mina.page.get_by_role("radio", name="Green")).to_be_checked()
    await keys.press("Tab")
    await expect(mina.page.get_by_role("button", name="Delete the note by Mina")).to_be_focused()
    await keys.press("Tab")
    await expect(grip(mina, "Mina")).to_be_focused()
    left, top = await place(notes(mina))
    await keys.press("ArrowRight")
    await keys.press("Shift+ArrowDown")
    assert await place(notes(mina)) == (left + 8, top + 64)
    await expect(mina.page.get_by_role("status").filter(has_text="32 from the left, 88 from the top")).to_be_visible()
    await keys.press("Shift+Tab")
    await keys.press("Enter")
    await expect(mina.page.get_by_role("alertdialog", name="Delete this note?")).to_be_visible()
    await keys.press("Tab")
    await keys.press("Enter")
    await expect(notes(mina)).to_have_count(0)
    await expect(press(mina, "add").first).to_be_focused()
    await keys.press("Control+z")
    await expect(note_box(mina, "Mina")).to_have_value("Written without a mouse")
    await is_stored(mina)
    await press(mina, "finish").focus()
    await keys.press("Enter")
    await expect(mina.page.get_by_role("dialog").get_by_role("button", name="Finish")).to_be_focused()
    await keys.press("Enter")
    await expect(mina.page.get_by_role("status").filter(has_text="1 note by 1 person")).to_be_visible()


async def test_a_finished_sheet_is_kept_as_it_was(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("보라", language="ko", reduced_motion="no-preference")
    path = await make_room_and_paper(mina, "Kept", "notes")
    await come_to(bora, path)
    await add_note(bora, "축하해요 🎂\n<b>진짜로</b>")
    await is_stored(bora)
    await finish(mina)
    await expect(bora.page.get_by_role("status").filter(has_text=said(bora, "finished"))).to_be_visible()
    await expect(bora.page.locator(".joy")).to_be_visible()
    await expect(mina.page.locator(".joy")).to_be_hidden()  # she wants no motion
    await expect(bora.page.locator(".joy")).to_have_count(0)
    await expect(bora.page.get_by_role("textbox")).to_have_count(0)
    await expect(press(bora, "add")).to_have_count(0)
    (note,) = (await content(bora))["notes"].values()
    assert (note["name"], note["text"]) == ("보라", "축하해요 🎂\n<b>진짜로</b>")
    await bora.page.emulate_media(media="print", color_scheme="dark")
    assert await bora.page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light"
    await expect(notes(bora).filter(has_text="축하해요 🎂")).to_be_visible()
    await expect(press(bora, "print")).to_be_hidden()


async def test_a_finished_paper_is_found_and_opened(arrived: Arrive) -> None:
    mina = await arrived("Mina")
    path = await make_room_and_paper(mina, "Found", "notes")
    await add_note(mina, "The lighthouse is yours 🎂")
    await is_stored(mina)
    async with mina.page.expect_response("**/finish"):  # from then on it is found
        await finish(mina)
    await mina.page.get_by_role("button", name="Back to the room").click()
    await button(mina, "search").click()
    panel_of_search = panel(mina, "search")
    await panel_of_search.get_by_role("searchbox").fill("lighthouse")
    hit = panel_of_search.get_by_role("link").filter(has_text="The lighthouse is yours")
    await expect(hit).to_contain_text("Found")
    await hit.click()
    await expect(mina.page).to_have_url(mina.url + path)
    await expect(notes(mina).filter(has_text="The lighthouse is yours 🎂")).to_be_visible()
    await expect(panel_of_search).to_have_count(0)
    await mina.page.get_by_role("button", name="Back to the room").click()
    await mina.page.get_by_role("button", name="Back to the results").click()
    await expect(hit).to_be_visible()


async def test_sheet_and_list_are_the_same_paper(arrived: Arrive) -> None:
    jun, mina = await arrived("Jun"), await arrived("Mina", width=PHONE)
    await come_to(mina, await make_room_and_paper(jun, "Twice", "notes"))
    await add_note(mina, "One")
    await add_note(mina, "Two")
    await expect(press(mina, "list")).to_have_attribute("aria-pressed", "true")  # on a phone
    one, two = await notes(mina).all()
    assert (await place(one))[0] == (await place(two))[0]
    await press(mina, "sheet").click()
    assert (await place(one))[1] == (await place(two))[1]
    await expect(note_box(mina, "Mina", 1)).to_have_value("Two")


@pytest.mark.parametrize("language", ["en", "ko"])
async def test_a_sheet_is_what_it_is_called(arrived: Arrive, language: Language) -> None:
    mina = await arrived(language=language)
    await make_room_and_paper(mina, f"Sheet {language}", "notes")
    await add_note(mina, "🍵")
    await is_stored(mina)
    await hold_to_golden(mina.page.get_by_role("main"), f"paper-notes-{language}")
    await finish(mina)
    await hold_to_golden(mina.page.get_by_role("main"), f"paper-finished-{language}")


@pytest.mark.parametrize(("language", "theme"), LOOKS)
async def test_a_sheet_is_sound_at_every_width(arrived: Arrive, language: Language, theme: Theme) -> None:
    mina, bora = await arrived(language=language, theme=theme), await arrived("보라", width=PHONE)
    path = await make_room_and_paper(mina, f"Sheet {language} {theme}", "notes")
    await hold_to_every_width(mina)
    await mina.resize(1280)
    for _ in range(6):
        await add_note(mina, "생일 축하해!")  # in each colour there is
        for _ in range(await notes(mina).count()):
            await mina.page.keyboard.press("ArrowRight")
    await come_to(bora, path)
    await add_note(bora, "שלום")
    await expect(mina.page.get_by_role("status").filter(has_text="보라")).to_be_visible()
    for view in ("list", "sheet"):
        await press(mina, view).click()
        await note_box(mina, "Mina").focus()
        await hold_to_every_width(mina)
        await mina.resize(1280)
    await finish(mina)
    await hold_to_every_width(mina)
