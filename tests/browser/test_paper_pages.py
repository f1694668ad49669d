"""Pages of text that several write at once, on the page: typed, composed, undone, finished, and through kill -9."""

import re

import pytest
from playwright.async_api import Route, WebSocketRoute, expect

from madang_proof.testbed.server import Server
from tests.browser.accessibility import hold_to_every_width, hold_to_golden
from tests.browser.composing import Keyboard
from tests.browser.conftest import Arrive
from tests.browser.engines import CHROMIUM_FIRST, LOOKS
from tests.browser.papers import body, come_to, finish, is_stored, make_room_and_paper, press, said
from tests.browser.people import PHONE, Language, Person, Theme


class HeldBack:
    """What somebody writes in papers, held back on its way as long as it is said so."""

    def __init__(self) -> None:
        self._messages: list[bytes | str] = []
        self._servers: list[WebSocketRoute] = []
        self._holding = False

    async def of(self, person: Person) -> "HeldBack":
        await person.page.route_web_socket(re.compile("/yjs/"), self._pass_on)
        return self

    def _pass_on(self, route: WebSocketRoute) -> None:
        server = route.connect_to_server()
        self._servers.append(server)
        route.on_message(lambda message: self._messages.append(message) if self._holding else server.send(message))

    def hold(self) -> None:
        self._holding = True

    def release(self) -> None:
        self._holding = False
        for message in self._messages:
            self._servers[0].send(message)


@pytest.mark.parametrize("browser", CHROMIUM_FIRST, indirect=True)
async def test_two_write_one_page_at_once(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora", language="ko")
    path = await make_room_and_paper(mina, "Minutes", "text")
    await body(mina).press_sequentially("One\nthree\n")
    await is_stored(mina)
    await come_to(bora, path)
    await expect(body(bora)).to_have_value("One\nthree\n")
    await body(bora).focus()
    await bora.page.keyboard.press("Control+End")
    await body(mina).focus()
    await mina.page.keyboard.press("Control+Home")
    await mina.page.keyboard.press("End")
    for left, right in zip("\ntwo 🎂", "네 번째 🍵", strict=True):
        await mina.page.keyboard.insert_text(left)
        await bora.page.keyboard.insert_text(right)
    both = "One\ntwo 🎂\nthree\n네 번째 🍵"
    await expect(body(mina)).to_have_value(both)
    await expect(body(bora)).to_have_value(both)
    await expect(mina.page.get_by_role("status").filter(has_text="Bora is writing")).to_be_visible()
    await expect(bora.page.get_by_text("지금 여기: Bora, Mina")).to_be_attached()


async def test_a_composition_is_not_broken_by_what_others_write(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora", language="ko")
    path = await make_room_and_paper(mina, "Composed", "text")
    await body(mina).press_sequentially("[]")
    await come_to(bora, path)
    await expect(body(bora)).to_have_value("[]")
    await body(bora).focus()
    await bora.page.keyboard.press("End")
    await bora.page.keyboard.press("ArrowLeft")
    keys = await Keyboard.at(bora.page)
    await keys.type("안녕")  # 녕 stays open
    await expect(body(mina)).to_have_value("[안]")
    await body(mina).focus()
    await mina.page.keyboard.press("Home")
    await mina.page.keyboard.insert_text("before 🎂 ")
    await mina.page.keyboard.press("End")
    await mina.page.keyboard.insert_text(" after")
    await is_stored(mina)
    await expect(bora.page.get_by_role("status").filter(has_text="Mina 님이 쓰는 중")).to_be_visible()
    await keys.show("녀")
    await keys.show("녕")
    await expect(body(bora)).to_have_value("[안녕]")  # what she composes is as she left it
    await keys.commit("녕")
    await keys.type("하세")
    await expect(body(bora)).to_have_value("before 🎂 [안녕하세] after")
    await keys.commit("세")
    await expect(body(mina)).to_have_value("before 🎂 [안녕하세] after")


async def test_undo_takes_back_ones_own_alone(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora")
    path = await make_room_and_paper(mina, "Undone", "text")
    await expect(press(mina, "undo")).to_be_disabled()
    await body(mina).press_sequentially("mine ")
    await come_to(bora, path)
    await expect(body(bora)).to_have_value("mine ")
    await expect(press(bora, "undo")).to_be_disabled()
    await body(bora).focus()
    await bora.page.keyboard.press("End")
    await bora.page.keyboard.insert_text("hers")
    await expect(body(mina)).to_have_value("mine hers")
    await body(mina).press("Control+z")
    await expect(body(bora)).to_have_value("hers")
    await press(mina, "redo").click()
    await expect(body(bora)).to_have_value("mine hers")
    await body(bora).press("Control+z")
    await expect(body(mina)).to_have_value("mine ")


async def test_finishing_freezes_a_page_for_all(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora", language="ko")
    path = await make_room_and_paper(mina, "Frozen", "text")
    await body(mina).press_sequentially("It is done.")
    await come_to(bora, path)
    await expect(press(bora, "finish")).to_have_count(0)  # moderators alone finish
    await expect(body(bora)).to_have_value("It is done.")
    await finish(mina)
    for person in (mina, bora):
        await expect(person.page.get_by_role("status").filter(has_text=said(person, "finished"))).to_be_visible()
        await expect(body(person)).to_have_count(0)
        await expect(person.page.get_by_role("main").get_by_text("It is done.")).to_be_visible()
    await mina.page.emulate_media(media="print")
    await expect(mina.page.get_by_role("main").get_by_text("It is done.")).to_be_visible()
    await expect(mina.page.get_by_role("navigation")).to_be_hidden()
    await mina.page.emulate_media(media="screen")
    await press(mina, "menu").click()
    await mina.page.get_by_role("menuitem", name=said(mina, "reopen")).click()
    await expect(body(bora)).to_have_value("It is done.")


async def test_what_comes_too_late_is_told_and_in_nobodys_paper(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora", language="ko")
    path = await make_room_and_paper(mina, "Too late", "text")
    await body(mina).press_sequentially("In time.")
    written = await HeldBack().of(bora)
    await come_to(bora, path)
    await expect(body(bora)).to_have_value("In time.")
    written.hold()
    await body(bora).press_sequentially("Too late. ")
    await expect(bora.page.locator(".paper-state")).to_have_attribute("data-state", "saving")
    await finish(mina)
    await expect(bora.page.get_by_role("status").filter(has_text=said(bora, "finished"))).to_be_visible()
    written.release()
    await expect(bora.page.get_by_role("alert").filter(has_text="완성된 뒤에 도착해")).to_be_visible()
    for person in (mina, bora):
        await expect(person.page.get_by_role("main").get_by_text("In time.")).to_be_visible()
        await expect(person.page.get_by_text("Too late. ", exact=True)).to_have_count(0)
    await expect(bora.page.get_by_role("region", name=said(bora, "body"))).to_have_text("In time.")


async def test_what_is_not_stored_stays_when_the_server_does_not_answer_once(arrived: Arrive) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora")
    path = await make_room_and_paper(mina, "Before", "text")
    written = await HeldBack().of(bora)
    await come_to(bora, path)
    written.hold()
    await body(bora).press_sequentially("On its way.")
    lost: list[str] = []

    async def lose(route: Route) -> None:
        lost.append(route.request.url)
        await route.abort()

    await bora.page.route(re.compile("/api/papers/"), lose, times=1)
    await press(mina, "menu").click()
    await mina.page.get_by_role("menuitem", name="Rename").click()
    title = mina.page.get_by_role("dialog").get_by_role("textbox")
    await title.fill("After")
    await title.press("Enter")
    await expect(bora.page.get_by_role("heading", level=1, name="After")).to_be_visible()  # it has asked again
    assert len(lost) == 1
    await expect(body(bora)).to_have_value("On its way.")
    written.release()
    await expect(body(mina)).to_have_value("On its way.")


async def test_writing_goes_on_through_a_crash(arrived: Arrive, server: Server) -> None:
    mina, bora = await arrived("Mina"), await arrived("Bora")
    path = await make_room_and_paper(mina, "Crashed", "text")
    await body(mina).press_sequentially("before ")
    await come_to(bora, path)
    await expect(body(bora)).to_have_value("before ")
    await is_stored(mina)
    await server.kill()
    await expect(mina.page.locator("html")).not_to_have_attribute("data-connection", "connected")
    await body(mina).press_sequentially("meanwhile ")
    await expect(mina.page.get_by_role("alert").filter(has_text="Not saved: no connection")).to_be_attached()
    await server.start()
    await is_stored(mina)
    await expect(body(bora)).to_have_value("before meanwhile ")
    await body(bora).press("Control+End")
    await bora.page.keyboard.insert_text("after")
    await expect(body(mina)).to_have_value("before meanwhile after")


@pytest.mark.parametrize("language", ["en", "ko"])
async def test_a_page_is_what_it_is_called(arrived: Arrive, language: Language) -> None:
    mina = await arrived(language=language)
    await make_room_and_paper(mina, f"Named {language}", "text")
    await body(mina).press_sequentially("🍵")
    await is_stored(mina)
    await hold_to_golden(mina.page.get_by_role("main"), f"paper-text-{language}")
    await press(mina, "menu").click()
    await hold_to_golden(mina.page.get_by_role("menu"), f"paper-menu-{language}")


@pytest.mark.parametrize(("language", "theme"), LOOKS)
async def test_a_page_is_sound_at_every_width(arrived: Arrive, language: Language, theme: Theme) -> None:
    mina, bora = await arrived(language=language, theme=theme), await arrived("보라", width=PHONE)
    path = await make_room_and_paper(mina, f"Sound {language} {theme}", "text")
    await body(mina).press_sequentially("One\n둘\nשלוש")
    await come_to(bora, path)
    await body(bora).focus()
    await expect(mina.page.get_by_role("status").filter(has_text="보라")).to_be_visible()
    await hold_to_every_width(mina)
    await mina.resize(1280)
    await finish(mina)
    await hold_to_every_width(mina)
