"""The figures in docs/reference/fleet-performance.md: made from bench/results/fleet.json, each section between its marks.

`python -m bench.fleet.page` rewrites them; a trial named `fleet` does so by itself, and a test holds the page to it.
"""

from pathlib import Path
from typing import Final

from bench.fleet.report import PICTURES, SECTIONS, disturbed
from bench.fleet.results import NAME, PLACE, Result, read
from bench.tools import ROOT

PAGE: Final = ROOT / "docs/reference/fleet-performance.md"
END: Final = "<!-- end -->\n"


def begin(section: str) -> str:
    """Return the mark before a section."""
    return f"<!-- {section}: made by `python -m bench.fleet.page` -->\n"


def part(result: Result, section: str) -> str:
    """Make what is between the marks of a section."""
    picture = f"![{PICTURES[section]}](../../bench/results/{NAME}-{section}.png)\n\n" if section in PICTURES else ""
    where = f"\n{_where(result)}" if section == "budgets" else ""
    return f"{picture}{SECTIONS[section][1](result)}{where}"


def _where(result: Result) -> str:
    names = ("CPU", "disk", "Python", "PostgreSQL", "MariaDB", "Redis", "drivers")
    facts = "; ".join(f"{name} {result.machine[name]}" for name in names if name in result.machine)
    return (
        f"Measured {result.machine['measured']}, commit {result.machine['commit']}; {facts}. "
        f"Meanwhile {disturbed(result)}. All of it: [results/{NAME}.md](../../bench/results/{NAME}.md).\n"
    )


def filled(text: str, result: Result) -> str:
    """Return a page with its sections made again."""
    for section in SECTIONS:
        before, mark, rest = text.partition(begin(section))
        _, end, after = rest.partition(END)
        assert mark and end, f"the page has lost its marks of {section}"
        text = f"{before}{mark}{part(result, section)}{end}{after}"
    return text


def write(page: Path = PAGE) -> None:
    """Put the sections into the page."""
    result = read(PLACE)
    if result is None:
        raise SystemExit(f"bench: there is no {PLACE.relative_to(ROOT)}.json; `python -m bench fleet --name {NAME}`")
    page.write_text(filled(page.read_text(), result))


if __name__ == "__main__":
    write()
