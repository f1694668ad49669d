"""Doctor speaks of other nodes only where they do not hear each other."""

import pytest

from madang.cli.fleet import strangers
from madang.config import Settings


@pytest.mark.parametrize(
    ("bus", "nodes", "here", "says"),
    [
        ("memory:", [], False, ""),
        ("memory:", ["own"], True, ""),
        ("memory:", ["other"], False, "1 other node uses"),
        ("memory:", ["own", "one", "two"], True, "2 other nodes use"),
        ("redis://localhost", ["own", "one"], True, ""),
    ],
)
def test_strangers(bus: str, nodes: list[str], here: bool, says: str) -> None:
    found = strangers(Settings(bus=bus), nodes, here=here)
    assert [finding.level for finding in found] == (["warn"] if says else [])
    assert says in "".join(finding.what for finding in found)
