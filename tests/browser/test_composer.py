"""The composer in Chromium, with Korean composed as input methods do: what is sent is sent once and whole, and typing goes on."""

import pytest
from playwright.async_api import expect

from tests.browser.composing import SEQUENCES, Keyboard, Sequence
from tests.browser.conftest import Arrive
from tests.browser.people import Person

HELLO = "안녕하세요"


async def at_keyboard(arrived: Arrive, **options: object) -> tuple[Person, Keyboard]:
    mina = await arrived(**options)
    await mina.enter()
    await mina.box.focus()
    return mina, await Keyboard.at(mina.page)


async def own(mina: Person) -> list[str]:
    """Return what this person has sent, of what is shown."""
    rows = await mina.log.locator("article[data-cid]").all()
    return [await row.locator(".text").inner_text() for row in rows]


@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda each: each.name)
async def test_each_sequence_sends_once_and_whole(arrived: Arrive, sequence: Sequence) -> None:
    mina, keys = await at_keyboard(arrived)
    await keys.type(HELLO)
    await sequence.play(keys, "요")
    if sequence.sent:
        await expect(mina.log.locator("article[data-cid]")).to_have_count(1)
        await expect(mina.box).to_have_value("")
    left = "" if sequence.sent else HELLO + ("\n" if sequence.name[0] == "F" else "")
    await keys.compose("하")  # typed on at once: it is alone, or behind what was not sent
    await expect(mina.box).to_have_value(left + "하")
    await keys.commit("하")
    await keys.enter()
    await keys.release()
    sent = [HELLO, "하"] if sequence.sent else [left + "하"]
    await expect(mina.log.locator("article[data-cid]")).to_have_count(len(sent))
    assert await own(mina) == sent


async def test_g_the_button_commits_and_sends(arrived: Arrive) -> None:
    mina, keys = await at_keyboard(arrived)
    await keys.type(HELLO)
    await mina.page.get_by_role("button", name="Send", exact=True).click()
    await expect(mina.log.locator("article[data-cid]")).to_have_count(1)
    assert await own(mina) == [HELLO]
    await expect(mina.box).to_be_focused()


async def test_h_the_caret_may_be_in_the_middle(arrived: Arrive) -> None:
    mina, keys = await at_keyboard(arrived)
    await mina.page.keyboard.type("ab")
    await mina.page.keyboard.press("ArrowLeft")
    await keys.type("안녕")
    await keys.processed()
    await keys.commit("녕")
    await keys.enter()
    await keys.release()
    await expect(mina.log.locator("article[data-cid]")).to_have_count(1)
    assert await own(mina) == ["a안녕b"]


async def test_a_finger_sends_by_the_button_alone(arrived: Arrive) -> None:
    mina, keys = await at_keyboard(arrived, width=360)
    await keys.type("안녕")
    await keys.commit("녕")
    await keys.enter()
    await keys.release()
    await expect(mina.box).to_have_value("안녕\n")
    await keys.compose("요")
    await mina.page.get_by_role("button", name="Send", exact=True).tap()
    await expect(mina.log.locator("article[data-cid]")).to_have_count(1)
    assert await own(mina) == ["안녕\n요"]


async def test_control_enter_sends(arrived: Arrive) -> None:
    mina, _ = await at_keyboard(arrived)
    await mina.page.keyboard.type("now")
    await mina.page.keyboard.press("Control+Enter")
    await expect(mina.message("now")).to_be_visible()


async def test_people_are_found_by_initials_and_half_syllables(arrived: Arrive) -> None:
    friend = await arrived("민아", language="ko")
    await friend.enter()
    mina, keys = await at_keyboard(arrived)
    option = mina.page.get_by_role("listbox", name="People").get_by_role("option", name="민아", exact=True)
    await mina.page.keyboard.type("@")
    for typed in ("ㅁ", "미", "민"):
        await keys.show(typed)
        await expect(option).to_be_visible()
    await keys.processed()
    await keys.commit("민")
    await keys.enter()  # picks, and sends nothing
    await keys.release()
    await expect(mina.box).to_have_value("@민아 ")
    await mina.page.keyboard.type("hi")
    await mina.page.keyboard.press("Enter")
    await expect(friend.message("@민아 hi")).to_have_attribute("data-mention", "true")


async def test_the_edit_box_is_the_same_and_escape_belongs_to_the_composition(arrived: Arrive) -> None:
    mina, keys = await at_keyboard(arrived)
    await mina.say("first")
    await mina.page.keyboard.press("ArrowUp")
    edit = mina.page.get_by_role("textbox", name="Edit message")
    await expect(edit).to_be_focused()
    await keys.compose("안")
    await mina.page.keyboard.press("Escape")
    await expect(edit).to_be_visible()
    await edit.fill("")
    await keys.type("둘째")
    await keys.processed()
    await keys.commit("째")
    await keys.enter()
    await keys.release()
    await expect(mina.message("둘째")).to_contain_text("(edited)")
    await expect(mina.box).to_be_focused()


async def test_what_is_too_long_is_counted_as_the_server_counts(arrived: Arrive) -> None:
    mina, _ = await at_keyboard(arrived)
    send = mina.page.get_by_role("button", name="Send", exact=True)
    await mina.box.fill("가" * 4000)
    await expect(mina.page.get_by_text("0 characters left")).to_be_visible()
    await expect(send).to_be_enabled()
    await mina.box.fill("😀" * 4001)
    await expect(mina.page.get_by_text("1 too many characters")).to_be_visible()
    await expect(send).to_be_disabled()


async def test_a_draft_outlives_a_reload(arrived: Arrive) -> None:
    mina, _ = await at_keyboard(arrived)
    await mina.page.keyboard.type("not yet")
    await mina.page.reload()
    await expect(mina.box).to_have_value("not yet")
    await mina.box.press("Enter")
    await expect(mina.message("not yet")).to_have_attribute("data-state", "sent")
    await mina.page.reload()
    await expect(mina.message("not yet")).to_be_visible()
    await expect(mina.box).to_have_value("")
