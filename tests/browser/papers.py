"""Papers at the page: names of the contract in both languages, and helpers for what everybody does with papers."""

from typing import Final, Literal

from playwright.async_api import Locator, expect

from tests.browser.names import button, create, pick
from tests.browser.people import Person

Kind = Literal["notes", "text"]

NAMES: Final = {
    "new": ("New paper", "새 페이퍼"),
    "title": ("Paper title", "페이퍼 제목"),
    "notes": ("A rolling paper: a sheet of notes", "롤링 페이퍼: 쪽지를 붙이는 종이"),
    "text": ("A page of text", "글 한 장"),
    "make": ("Make it", "만들기"),
    "menu": ("Paper menu", "페이퍼 메뉴"),
    "body": ("Text", "글"),
    "finish": ("Finish", "완성하기"),
    "reopen": ("Open it again", "다시 열기"),
    "add": ("Add a note", "쪽지 붙이기"),
    "sheet": ("Sheet", "종이"),
    "list": ("List", "목록"),
    "print": ("Print or save as PDF", "인쇄하거나 PDF로 저장"),
    "undo": ("Undo", "실행 취소"),
    "redo": ("Redo", "다시 실행"),
    "versions": ("Versions", "버전"),
    "version_name": ("Name of this version", "버전 이름"),
    "keep": ("Keep this version", "지금 버전 보관"),
    "kept": ("Kept versions", "보관한 버전"),
    "go_back": ("Go back to this version", "이 버전으로 되돌리기"),
    "all_versions": ("All versions", "모든 버전"),
    "finished": ("This paper is finished.", "페이퍼가 완성되었습니다."),
}


def said(person: Person, name: str) -> str:
    """Return a name in the language of this person."""
    return NAMES[name][person.language == "ko"]


def press(person: Person, name: str) -> Locator:
    """Return a button by its name of the contract."""
    return person.page.get_by_role("button", name=said(person, name), exact=True)


def notes(person: Person) -> Locator:
    """Return the notes of a rolling paper, the oldest first."""
    return person.page.get_by_role("list").filter(has=person.page.locator(".note")).get_by_role("listitem")


def note_box(person: Person, author: str, number: int = 0) -> Locator:
    """Return the box of a note by its author, the oldest first."""
    name = f"{author} 님의 쪽지 내용" if person.language == "ko" else f"Text of the note by {author}"
    return person.page.get_by_role("textbox", name=name, exact=True).nth(number)


def grip(person: Person, author: str) -> Locator:
    """Return what moves a note."""
    name = f"{author} 님의 쪽지 옮기기" if person.language == "ko" else f"Move the note by {author}"
    return person.page.get_by_role("button", name=name, exact=True)


async def add_note(person: Person, text: str) -> None:
    """Put up a note: its box has the focus."""
    before = await notes(person).count()
    await press(person, "add").first.click()
    await expect(notes(person)).to_have_count(before + 1)
    await person.page.keyboard.insert_text(text)


def body(person: Person) -> Locator:
    """Return the box of a page of text."""
    return person.page.get_by_role("textbox", name=said(person, "body"), exact=True)


async def make_paper(person: Person, title: str, kind: Kind) -> str:
    """Make a paper in the room that is shown, and return its path: it is open."""
    await pick(person, "papers")
    await press(person, "new").click()
    await person.page.get_by_role("textbox", name=said(person, "title")).fill(title)
    await person.page.get_by_role("radio", name=said(person, kind)).check()
    await press(person, "make").click()
    await expect(person.page.get_by_role("heading", level=1, name=title)).to_be_visible()
    await expect(press(person, "undo")).to_be_visible()
    return person.page.url.removeprefix(person.url)


async def make_room_and_paper(person: Person, title: str, kind: Kind) -> str:
    """Sign in, make an open room, and in it a paper; return its path."""
    await person.enter()
    await create(person, title)
    await button(person, "close").click()
    return await make_paper(person, title, kind)


async def come_to(person: Person, path: str) -> None:
    """Sign in at a paper's address."""
    await person.open(path)
    await person.page.get_by_role("textbox", name=person.said("name")).fill(person.name)
    await person.page.get_by_role("button", name=person.said("enter"), exact=True).click()
    await expect(press(person, "menu")).to_be_visible()


async def finish(person: Person) -> None:
    """Finish the paper that is open."""
    await press(person, "finish").click()
    await person.page.get_by_role("dialog").get_by_role("button", name=said(person, "finish")).click()
    await expect(person.page.get_by_role("status").filter(has_text=said(person, "finished"))).to_be_visible()


async def is_stored(person: Person) -> None:
    """Wait until all that this person has written is stored."""
    await expect(person.page.locator(".paper-state")).to_have_attribute("data-state", "saved")


async def keep_version(person: Person, title: str) -> None:
    """Keep what the paper says now, in the dialog of its versions, which stays open."""
    await press(person, "menu").click()
    await person.page.get_by_role("menuitem", name=said(person, "versions"), exact=True).click()
    await person.page.get_by_role("textbox", name=said(person, "version_name")).fill(title)
    await press(person, "keep").click()
    await expect(versions(person).filter(has_text=title)).to_be_visible()


def versions(person: Person) -> Locator:
    """Return the versions of a paper, the newest first, where the dialog is open."""
    return person.page.get_by_role("list", name=said(person, "kept")).get_by_role("button")
