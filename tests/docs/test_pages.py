"""What pages for people name exists: settings, commands and their options, files and headings that they link to."""

import re
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from typer import Typer

from madang.cli.main import app
from madang.cli.plugins import GROUP
from madang.config import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "protocol").glob("*.md")])
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def commands() -> set[str]:
    """All commands as they are typed."""
    return {*commands_of(app), *entry_points(group=GROUP).names}


def commands_of(app: Typer) -> Iterator[str]:
    for command in app.registered_commands:
        assert command.callback is not None
        yield str(command.name or command.callback.__name__)
    for group in app.registered_groups:
        assert group.typer_instance is not None
        yield from (f"{group.name} {command}" for command in commands_of(group.typer_instance))


@EVERY_PAGE
def test_settings_exist(page: Path) -> None:
    known = {name.upper() for name in Settings.model_fields}
    assert set(re.findall(r"MADANG_([A-Z][A-Z_]*)", page.read_text())) <= known


@EVERY_PAGE
def test_commands_exist(page: Path) -> None:
    named = re.findall(
        r"(?:^    |`|\()(?:\.venv/bin/)?madang ((?:room |user |key consumers |key |search |report |words )?[a-z]+)",
        page.read_text(),
        re.MULTILINE,
    )
    assert set(named) <= commands()


@EVERY_PAGE
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        file, _, heading = target.partition("#")
        if "://" in file or file.startswith("mailto:"):
            continue
        there = (page.parent / file) if file else page
        assert there.exists(), target
        if heading:
            titles = re.findall(r"^#+ (.+)$", there.read_text(), re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}, (
                target
            )


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs/README.md"
    linked = {(index.parent / target).resolve() for target in re.findall(r"\]\(([^)#\s]+)\)", index.read_text())}
    assert {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - {index} <= linked


ROOTS = (ROOT, ROOT / "src/madang")
FOLDERS = {path.name for root in ROOTS for path in root.iterdir() if path.is_dir()} - {"data"}


@EVERY_PAGE
def test_files_exist(page: Path) -> None:
    """Paths between backticks, from the top of the repository or of src/madang."""
    named = re.findall(r"`((?:[\w-]+/)+[\w.@-]*)`", page.read_text())
    paths = [path for path in named if path.partition("/")[0] in FOLDERS]
    assert not [path for path in paths if not any((root / path).exists() for root in ROOTS)]
