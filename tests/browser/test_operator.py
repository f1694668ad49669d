"""The operator's page on the admin listener: signed in by the link of the first start, it shows the node and acts on it."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from madang_proof.testbed.server import Server
from tests import wire
from tests.browser.accessibility import hold_to_every_width, hold_to_golden
from tests.browser.conftest import Arrive, installed_server
from tests.browser.engines import LOOKS
from tests.browser.people import Language, Person, Theme
from tests.browser.pictures import picture
from tests.http import http_client
from tests.rest import admin_client, rest
from tests.waiting import eventually

LOGIN, PASSWORD = "operator", "gate of the korean yard 9"
WORDS = {
    "en": {
        "heading": "Operation", "password": "Password", "choose": "Choose a password", "login": "Login", "enter": "Sign in",
        "regions": ["Connections", "Messages per second", "Delivery time", "Hottest rooms", "Slow readers", "Errors", "Users"],
    },
    "ko": {
        "heading": "운영", "password": "비밀번호", "choose": "비밀번호 정하기", "login": "로그인 아이디", "enter": "로그인",
        "regions": ["연결", "초당 메시지", "전달 시간", "바쁜 방", "느린 연결", "오류", "사용자"],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
async def server(python: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A server for all tests that change nothing which the golden trees show: nobody has used the link of its first start."""
    running = installed_server(python, tmp_path_factory.mktemp("operated"), "--load-test")
    try:
        await running.start()
        async with rest(running.url) as anyone:
            mina = await anyone.guest("Mina", "lobby")
            await mina.ok("POST", "/api/rooms", {"id": "garden", "title": "정원"})
            await mina.ok("POST", "/api/rooms/garden/messages", {"text": "안녕하세요"})
            admin = await admin_client(running)
            made = await admin.ask("POST", "/accounts", {"login": LOGIN, "name": "Olive", "admin": True})
            await anyone.ok("PUT", "/api/me/password", {"login": LOGIN, "code": made["code"], "password": PASSWORD})
        yield running
    finally:
        await running.close()


@pytest.fixture
async def started(python: Path, tmp_path: Path) -> AsyncIterator[Server]:
    """A server that has just been started for the first time."""
    running = installed_server(python, tmp_path)
    try:
        await running.start()
        yield running
    finally:
        await running.close()


async def link(server: Server) -> str:
    """Return the link that the first start prints, when the server is there already."""
    (found,) = await eventually(lambda: re.findall(r"http://\S+/#code=\S+", server.log.read_text()))
    return str(found)


async def signed_in(person: Person, server: Server) -> Page:
    """Sign in by login and password."""
    t, page = WORDS[person.language], person.page
    await page.goto(server.admin_url + "/")
    await page.get_by_role("textbox", name=str(t["login"])).fill(LOGIN)
    await page.get_by_label(str(t["password"])).fill(PASSWORD)
    await page.get_by_role("button", name=str(t["enter"]), exact=True).click()
    await expect(page.get_by_role("region", name=str(t["regions"][-1]), exact=True)).to_be_visible()
    return page


async def test_the_link_of_the_first_start_sets_a_password_once(arrived: Arrive, started: Server) -> None:
    mina = await arrived(url=started.admin_url)
    page = mina.page
    await page.goto(await link(started))
    await expect(page).not_to_have_url(re.compile("code"))  # it leaves the address, and is not sent on
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Choose a password").click()
    await expect(page.get_by_role("heading", name="Operation", level=1)).to_be_visible()
    await page.get_by_role("button", name="Sign out").click()
    await page.goto("about:blank")
    await page.goto(await link(started))
    mina.expected = ".*401"
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Choose a password").click()
    await expect(page.get_by_role("alert")).to_contain_text("has been used")


@pytest.mark.parametrize(("language", "theme"), LOOKS)
async def test_it_has_all_parts_and_is_clean(arrived: Arrive, server: Server, language: Language, theme: Theme) -> None:
    mina = await arrived("Mina", url=server.admin_url, language=language, theme=theme)
    await mina.page.goto(server.admin_url + "/")
    await expect(mina.page.get_by_role("heading", level=1)).to_be_visible()
    await hold_to_every_width(mina)
    await picture(mina, f"operator-door-{language}-{theme}")
    page = await signed_in(mina, server)
    await expect(page.get_by_role("heading", level=1)).to_have_text(str(WORDS[language]["heading"]))
    for region in WORDS[language]["regions"]:
        await expect(page.get_by_role("region", name=region, exact=True).first).to_be_visible()
    await expect(page.get_by_role("cell", name="garden")).to_be_visible()
    await hold_to_every_width(mina)
    for width in (360, 1280):
        await mina.resize(width)
        await picture(mina, f"operator-{language}-{theme}-{width}")
    if theme == "light":
        await hold_to_golden(page.get_by_role("region", name=str(WORDS[language]["regions"][-1]), exact=True).first,
                             f"operator-users.{language}")  # fmt: skip


async def test_it_is_live(arrived: Arrive, server: Server) -> None:
    mina = await arrived(url=server.admin_url)
    page = await signed_in(mina, server)
    async with rest(server.url) as anyone, wire.upgraded(server.port) as reader:
        bora = await anyone.guest("Bora", "garden")
        await reader.ask(op="hello", n=1, token=bora.token)
        await reader.ask(op="join", n=2, room="garden")
        table = page.get_by_role("region", name="Hottest rooms", exact=True).first
        busy = table.get_by_role("cell", name="garden")
        for n in range(1000):
            await bora.ok("POST", "/api/rooms/garden/messages", {"text": f"{n}"})
            if await busy.count():
                break
        else:
            raise AssertionError("the room is never among the hottest")


@pytest.mark.slow
async def test_keys_are_made_and_deleted(arrived: Arrive, server: Server) -> None:
    mina = await arrived(url=server.admin_url)
    page = await signed_in(mina, server)
    await page.get_by_role("button", name="Make a key").click()
    await page.get_by_role("textbox", name="Label").fill("Backend")
    await page.get_by_role("dialog").get_by_role("button", name="Make a key").click()
    shown = page.get_by_role("dialog", name="Backend")
    key = (await shown.locator(".secret").inner_text()).strip()
    async with http_client(server.url) as http:
        authorised = {"Authorization": f"Bearer {key}"}
        assert (await http.get("/api/rooms", headers=authorised)).status_code == 200
        await shown.get_by_role("button", name="Close").click()
        row = page.get_by_role("row", name=re.compile("^Backend"))
        await row.get_by_role("button", name="Delete key").click()
        asked = page.get_by_role("alertdialog")
        await asked.get_by_role("button", name="Cancel").click()
        await expect(row).to_be_visible()
        await row.get_by_role("button", name="Delete key").click()
        await asked.get_by_role("button", name="Delete key").click()
        await expect(page.get_by_role("status").filter(has_text="is deleted")).to_be_visible()
        await expect(row).to_have_count(0)
        assert (await http.get("/api/rooms", headers=authorised)).status_code == 401


@pytest.mark.slow
async def test_rooms_are_found_looked_at_and_deleted(arrived: Arrive, server: Server) -> None:
    async with rest(server.url) as anyone:
        owner = await anyone.guest("Olive")
        await owner.ok("POST", "/api/rooms", {"id": "attic", "title": "<b>Attic</b>"})
    mina = await arrived(url=server.admin_url)
    page = await signed_in(mina, server)
    await page.get_by_role("textbox", name="Id begins with").fill("att")
    await page.get_by_role("search", name="Id begins with").get_by_role("button", name="Find").click()
    rooms = page.get_by_role("region", name="Rooms", exact=True).first
    await expect(rooms.get_by_role("cell", name="garden")).to_have_count(0)
    await rooms.get_by_role("button", name="Open attic").click()
    shown = page.get_by_role("dialog", name="attic")
    await expect(shown.get_by_role("cell", name="Olive")).to_be_visible()
    await expect(shown).to_contain_text("<b>Attic</b>")
    await picture(mina, "operator-room")
    await shown.get_by_role("button", name="Delete the room").click()
    await page.get_by_role("alertdialog").get_by_role("button", name="Delete the room").click()
    await expect(page.get_by_role("status").filter(has_text="attic is deleted")).to_be_visible()
    await expect(rooms.get_by_role("button", name="Open attic")).to_have_count(0)


@pytest.mark.slow
async def test_an_account_is_made_and_its_sessions_are_ended(arrived: Arrive, server: Server) -> None:
    mina = await arrived(url=server.admin_url)
    page = await signed_in(mina, server)
    await page.get_by_role("button", name="Make an account").click()
    making = page.get_by_role("dialog", name="Make an account")
    await making.get_by_role("textbox", name="Login").fill("bora")
    await making.get_by_role("textbox", name="Name").fill("보라")
    await making.get_by_role("button", name="Make an account").click()
    shown = page.get_by_role("dialog", name="bora")
    code = (await shown.locator(".secret").inner_text()).strip()
    await shown.get_by_role("button", name="Close").click()
    async with rest(server.url) as anyone:
        set_by = {"login": "bora", "code": code, "password": PASSWORD}
        token = (await anyone.ok("PUT", "/api/me/password", set_by))["token"]
        await page.get_by_role("button", name="Actions for bora").click()
        await page.get_by_role("menuitem", name="Sessions").click()
        sessions = page.get_by_role("dialog", name="Sessions of bora")
        await sessions.get_by_role("button", name="Sign out everywhere").click()
        await expect(sessions).to_contain_text("None.")
        assert await anyone.server(token).refused("GET", "/api/me") == "bad_token"


async def test_visitors_do_not_reach_it(server: Server) -> None:
    async with http_client(server.url) as http:
        page = await http.get(server.admin_url + "/")
        assert "Madang" in page.text
        (script,) = re.findall(r'src="(/assets/[^"]+)"', page.text)
        assert (await http.get(server.admin_url + script)).status_code == 200
        for path in (script, "/admin.html", "/operation", "/sessions"):
            assert (await http.get(server.url + path)).status_code == 404
        refused = await http.get(server.admin_url + "/operation")
        assert json.loads(refused.text)["error"]["code"] == "bad_token"
