"""Screenshots for people to look at: build/screenshots/, which git ignores. Nothing is compared with them."""

from pathlib import Path

from tests.browser.people import Person

FOLDER = Path(__file__).resolve().parents[2] / "build" / "screenshots"


async def picture(person: Person, name: str) -> None:
    """Take a picture of what a person sees."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    await person.page.screenshot(path=FOLDER / f"{name}.png")
