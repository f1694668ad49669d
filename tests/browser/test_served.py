"""The page of an installed wheel, served without Node: it loads in every engine, and what must never happen is noticed."""

from base64 import b64encode
from hashlib import sha384
from pathlib import Path

import pytest
from playwright.async_api import expect

from madang.transports.http.site import POLICY
from madang_proof.testbed.server import Server
from tests.browser.accessibility import violations
from tests.browser.composing import SEQUENCES, Keyboard
from tests.browser.conftest import Arrive
from tests.browser.engines import ENGINES
from tests.browser.installed import path_without_node
from tests.browser.people import Person
from tests.browser.webkit import webkit
from tests.http import http_client
from tests.waiting import eventually

_BOX = """() => {
  const box = document.createElement("textarea");
  box.id = "box";
  document.body.replaceChildren(box);
  window.heard = [];
  for (const type of ["keydown", "beforeinput", "compositionend"])
    box.addEventListener(type, (e) => heard.push([type, e.inputType ?? e.data ?? String(e.keyCode), e.isComposing ?? false]));
  box.focus();
}"""


def test_it_is_the_wheel_that_is_served(python: Path) -> None:
    assert path_without_node(python) == str(python.parent)
    (served,) = python.parents[1].glob("lib/python*/site-packages/madang/web/page/index.html")
    assert served.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("browser", ENGINES, indirect=True)
@pytest.mark.parametrize("path", ["/", "/r/lobby", "/r/lobby/1"])
async def test_the_page_loads_and_breaks_no_rule(arrived: Arrive, path: str) -> None:
    mina = await arrived()
    response = await mina.page.goto(mina.url + path)
    assert response is not None
    assert response.headers["content-security-policy"] == POLICY
    await expect(mina.page.locator("body")).not_to_be_empty()


DEEDS = {
    "() => document.body.setAttribute('style', 'color: red')": "style-src",
    "() => { try { document.body.innerHTML = '<b>x</b>' } catch {} }": "require-trusted-types-for",
    "() => fetch('https://elsewhere.invalid/').catch(() => {})": "connect-src",
    "() => { setTimeout(() => { throw new Error('a mistake') }) }": "a mistake",
    "() => console.warn('look here')": "look here",
}


@pytest.mark.parametrize("browser", ENGINES, indirect=True)
async def test_what_must_never_happen_is_noticed(arrived: Arrive) -> None:
    mina = await arrived()
    await mina.open()
    assert mina.problems == []
    mina.expected = ".*"
    for deed, noticed in DEEDS.items():
        await mina.page.evaluate(deed)
        await eventually(lambda noticed=noticed: any(noticed in problem for problem in mina.problems))  # type: ignore[misc]


async def test_the_embedded_script_is_the_one_whose_hash_is_published(server: Server) -> None:
    async with http_client(server.url) as http:
        published = (await http.get("/embed/v1/integrity.json")).json()
        script = await http.get("/embed/v1/madang-room.js")
    assert published["madang-room.js"] == f"sha384-{b64encode(sha384(script.content).digest()).decode()}"


async def test_axe_finds_what_is_wrong(arrived: Arrive) -> None:
    mina = await arrived()
    await mina.open()
    await mina.page.evaluate("() => document.body.replaceChildren(document.createElement('textarea'))")
    assert any("label" in each for each in await violations(mina.page))


async def heard(person: Person) -> list[list[object]]:
    events: list[list[object]] = await person.page.evaluate("heard")
    return events


async def test_the_korean_keyboard_composes(arrived: Arrive) -> None:
    """The events are those of real input methods: an open syllable that grows, and is committed."""
    mina = await arrived()
    await mina.open()
    await mina.page.evaluate(_BOX)
    keys = await Keyboard.at(mina.page)
    await keys.type("안녕")
    box = mina.page.locator("#box")
    await expect(box).to_have_value("안녕")
    assert [event for event in await heard(mina) if event[0] == "compositionend"] == [["compositionend", "안", False]]
    await keys.processed()
    await keys.commit("녕")
    await keys.enter()
    await expect(box).to_have_value("안녕\n")
    assert (await heard(mina))[-1] == ["beforeinput", "insertLineBreak", False]
    assert ["keydown", "229", True] in await heard(mina)


async def test_each_sequence_ends_as_its_browser_does(arrived: Arrive) -> None:
    """A box without any rule gets a line break, or more; but none where a candidate is chosen."""
    mina = await arrived()
    await mina.open()
    keys = await Keyboard.at(mina.page)
    for sequence in SEQUENCES:
        await mina.page.evaluate(_BOX)
        await keys.type("요")
        await sequence.play(keys, "요")
        breaks = {"C": 0, "I": 4}.get(sequence.name[0], 1)
        assert await mina.page.locator("#box").input_value() == "요" + breaks * "\n", sequence.name


def test_webkit_loads_it_too(server: Server) -> None:
    with webkit() as browser:
        browser.get(server.url + "/")
        assert browser.execute_script("return document.querySelector('script').src").startswith(server.url)
        assert "AppleWebKit" in browser.execute_script("return navigator.userAgent")
