"""The pictures of docs/images say what is so, and can be read by themselves and on any background."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from madang.codes import CLOSES
from madang.core.events import TYPES
from madang.delivery.subscription import SubscriptionState
from madang.transports.conduct import HELLO_S
from madang.transports.native.session import SessionState
from madang.transports.subscriber import CLOSE_S, HIGH_WATER, LOW_WATER, SLOW_S, SocketState

ROOT = Path(__file__).resolve().parents[2]
IMAGES = sorted((ROOT / "docs/images").glob("*.svg"))
STATES = {"handshake", "awaiting hello", "live", "behind", "closing", "closed"}
SVG = "{http://www.w3.org/2000/svg}"


def texts(name: str) -> list[str]:
    root = ElementTree.parse(ROOT / "docs/images" / name).getroot()
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_a_picture_has_a_title_a_description_and_its_own_background(image: Path) -> None:
    root = ElementTree.parse(image).getroot()
    assert root.findtext(f"{SVG}title") and root.findtext(f"{SVG}desc")
    background = root.find(f"{SVG}rect")
    assert background is not None and background.get("fill", "").startswith("#")
    assert [background.get(side) for side in ("width", "height")] == root.get("viewBox", "").split()[2:]


def test_the_layers_are_the_folders() -> None:
    folders = {path.name for path in (ROOT / "src/madang").iterdir() if (path / "__init__.py").exists()}
    assert {text for text in texts("layers.svg") if text in folders} == folders - {"config", "testing"}


def test_the_states_of_a_connection_and_its_bounds_are_those_of_the_code() -> None:
    said = " ".join(texts("connection.svg"))
    codes = {int(code) for code in re.findall(r"\b(1\d{3}|44\d\d)\b", said)}
    assert codes - {1006} <= set(CLOSES)
    assert f"{HIGH_WATER // 1024} KB" in said and f"{LOW_WATER // 1024} KB" in said
    for seconds in (HELLO_S, SLOW_S, CLOSE_S):
        assert f"{seconds:.0f} s" in said


def test_every_state_of_the_code_is_in_the_table_of_the_page() -> None:
    page = (ROOT / "docs/design/connection.md").read_text().partition("## In the code")[2]
    rows = [row.split("|")[1:-1] for row in re.findall(r"^\|.*\|$", page, re.MULTILINE)[2:]]
    for column, states in enumerate((SocketState, SessionState, SubscriptionState), start=1):
        named = {name for row in rows for name in re.findall(r"`(\w+)`", row[column])}
        assert named == {state.name for state in states}
    assert [row[0].strip() for row in rows] == [text for text in texts("connection.svg") if text in STATES]


def test_the_log_begins_as_a_real_one_does() -> None:
    shown = [text for text in texts("one-log-per-room.svg") if text in {type.partition(".")[2] for type in TYPES}]
    assert shown[:3] == ["created", "joined", "sent"]
