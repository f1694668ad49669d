"""What axe finds on a page, and its accessibility tree as a golden file."""

import asyncio
import difflib
import os
import re
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page

from tests.browser.people import WIDTHS, Person
from tests.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
GOLDENS = Path(__file__).parent / "goldens"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WRITE = "WRITE_GOLDENS"
"""The environment variable with which goldens are written as they are now; look at what changes."""

_RUN_AXE = """async (rules) => {
  const { violations } = await axe.run(document, {
    runOnly: rules,
    rules: { "label-content-name-mismatch": { enabled: true } }, // what is seen of a name is said to those who speak to their computer
    resultTypes: ["violations"],
  });
  return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")}: ${n.failureSummary}`));
}"""
_OVERFLOWS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def axe_source() -> str:
    """Return axe, which `scripts/npm` has put among the page's packages."""
    return (ROOT / "node_modules/axe-core/axe.min.js").read_text()


async def violations(page: Page) -> list[str]:
    """Return what axe finds on a page as it is. Evaluating passes the page's policy."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(axe_source())
    found: list[Any] = await page.evaluate(_RUN_AXE, RULES)
    return [str(each) for each in found]


async def hold_to_every_width(person: Person) -> None:
    """Assert that a page has no violation and scrolls only down, at each width."""
    for width in WIDTHS:
        await person.resize(width)
        found = await violations(person.page)
        assert not found, "\n".join([f"{person.page.url} at {width} px:", *found])
        assert not await person.page.evaluate(_OVERFLOWS), f"at {width} px it is wider than the screen"


async def hold_to_golden(what: Locator, name: str) -> None:
    """Assert that an accessibility tree becomes the one of a golden file, except for times and dates."""
    golden = GOLDENS / f"{name}.yaml"
    clock = asyncio.get_running_loop().time
    deadline = clock() + PATIENCE_S
    while True:
        tree = _timeless(await what.aria_snapshot()) + "\n"
        if os.environ.get(WRITE):
            golden.parent.mkdir(exist_ok=True)
            golden.write_text(tree)
        wanted = golden.read_text() if golden.exists() else ""
        if tree == wanted:
            return
        if clock() > deadline:
            break
        await asyncio.sleep(0.05)  # between two looks, each of which takes the browser about as long
    changes = difflib.unified_diff(wanted.splitlines(), tree.splitlines(), "golden", "now", lineterm="")
    raise AssertionError("\n".join([f"{golden.name}: {WRITE}=1 writes it as it is now", *changes]))


def _timeless(tree: str) -> str:
    """Return a tree with TIME and DATE in place of those of today."""
    tree = re.sub(r"(오전|오후) \d{1,2}:\d\d|\d{1,2}:\d\d( ?[AaPp][Mm]\b)?", "TIME", tree)
    tree = re.sub(
        r"\d{4}년 \d{1,2}월 \d{1,2}일( [월화수목금토일]요일)?|\d{1,2}월 \d{1,2}일( [월화수목금토일]요일)?", "DATE", tree
    )
    day = r"(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day,? "
    month = r"(January|February|March|April|May|June|July|August|September|October|November|December)"
    return re.sub(rf"({day})?\d{{1,2}} {month}( \d{{4}})?", "DATE", tree)
