"""No pattern takes a line feed for the end: in Python's `re`, "$" matches in front of a last one."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

import madang
from madang.transports.http.dependencies import AfterId, RoomPath, UserPath
from madang.transports.http.routes.invites import InvitePath

SOURCES = sorted(Path(madang.__file__).parent.rglob("*.py"))
PYTHONS = {"compile", "match", "search", "Meta"}
"""Calls whose pattern Python's `re` reads. What pydantic is given is read by Rust's, where "$" is the end."""
OF_LIBRARIES = {r" - at `\$\.?([^`]*)`$"}  # what msgspec's messages end with


def patterns(path: Path) -> Iterator[str]:
    """Yield the texts in calls that make a pattern of them."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in PYTHONS:
            given = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "pattern")]
            yield from (each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str))


def test_no_pattern_of_pythons_ends_with_a_dollar() -> None:
    found = {text for path in SOURCES for text in patterns(path)}
    assert len(found) > 10
    assert {text for text in found if text.endswith("$")} == OF_LIBRARIES


@pytest.mark.parametrize(
    ("kind", "right"), [(RoomPath, "yard"), (UserPath, "u-mina"), (AfterId, "u-mina"), (InvitePath, "1f")]
)
def test_a_parameter_of_a_route_ends_where_its_pattern_does(kind: Any, right: str) -> None:
    adapter: TypeAdapter[str] = TypeAdapter(kind)
    assert adapter.validate_python(right) == right
    with pytest.raises(ValidationError):
        adapter.validate_python(right + "\n")
