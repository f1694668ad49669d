"""Names of the page's contract that its screens are found by, in both languages: see web/README.md."""

from typing import Final

from playwright.async_api import Locator

from tests.browser.people import Person

NAMES: Final = {
    "rooms": ("Rooms", "방"),
    "create": ("Create a room", "방 만들기"),
    "title": ("Room title", "방 이름"),
    "make": ("Create", "만들기"),
    "by code": ("Join with a code", "코드로 참여"),
    "code": ("Code", "코드"),
    "join": ("Join", "참여하기"),
    "find": ("Find a room", "방 찾기"),
    "menu": ("Room menu", "방 메뉴"),
    "room settings": ("Room settings", "방 설정"),
    "papers": ("Papers", "페이퍼"),
    "date": ("Go to a date", "날짜로 이동"),
    "mark read": ("Mark as read", "읽음으로 표시"),
    "mute room": ("Mute room", "알림 끄기"),
    "leave": ("Leave room", "방 나가기"),
    "members": ("Members", "참여자"),
    "search": ("Search messages", "메시지 검색"),
    "pins": ("Pinned messages", "고정된 메시지"),
    "invite": ("Invite", "초대"),
    "reports": ("Reports", "신고"),
    "bans": ("Bans and mutes", "차단과 말하기 제한"),
    "audit": ("Audit trail", "운영 기록"),
    "settings": ("Settings", "설정"),
    "allow": ("Allow notifications", "알림 허용하기"),
    "keys": ("Keyboard", "키보드"),
    "close": ("Close", "닫기"),
    "cancel": ("Cancel", "취소"),
    "skip": ("Skip to messages", "메시지로 건너뛰기"),
    "invite only": ("Only those who are invited", "초대받은 사람만"),
    "new invite": ("Make an invite", "초대 만들기"),
    "invite link": ("Invite link", "초대 링크"),
}


def named(person: Person, name: str) -> str:
    """Return a name in the language of this person."""
    return NAMES[name][person.language == "ko"]


def button(person: Person, name: str) -> Locator:
    """Return a button of the page or, while one is open, of the dialog."""
    return person.page.get_by_role("button", name=named(person, name), exact=True)


def dialog(person: Person) -> Locator:
    """Return the dialog that is open."""
    return person.page.get_by_role("dialog")


def room_link(person: Person, name: str) -> Locator:
    """Return a room of the list by its whole name: title, mentions, unread."""
    rooms = person.page.get_by_role("navigation", name=named(person, "rooms"))
    return rooms.get_by_role("link", name=name, exact=True)


def panel(person: Person, name: str) -> Locator:
    """Return a panel beside the room."""
    return person.page.get_by_role("complementary", name=named(person, name))


def alert(person: Person, text: str) -> Locator:
    """Return what is read aloud at once, by what it says."""
    return person.page.get_by_role("alert").filter(has_text=text)


async def pick(person: Person, name: str) -> None:
    """Pick something in the room's menu."""
    await button(person, "menu").click()
    await person.page.get_by_role("menuitem", name=named(person, name)).click()


async def create(person: Person, title: str, access: str = "") -> str:
    """Make a room, and return its id: the card with its link is open.

    Args:
        access: the name of a choice; "" for the first one.
    """
    await button(person, "create").click()
    await dialog(person).get_by_role("textbox", name=named(person, "title")).fill(title)
    if access:
        await dialog(person).get_by_role("radio", name=named(person, access)).check()
    await dialog(person).get_by_role("button", name=named(person, "make"), exact=True).click()
    await person.page.get_by_role("heading", level=1, name=title).wait_for()
    return person.page.url.rpartition("/r/")[2]
