"""Doctor speaks of other nodes only where they do not hear each other."""

import socket
from pathlib import Path

import pytest

from madang.cli import checks
from madang.cli.fleet import neighbours
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
    found = neighbours(Settings(bus=bus, database="postgresql://host/d"), nodes, here=here)
    assert [finding.level for finding in found] == (["warn"] if says else [])
    assert says in "".join(finding.what for finding in found)


def test_nobody_else_is_on_a_file(tmp_path: Path) -> None:
    """A backup made while its server ran holds that server's lease, and so does what was restored from it."""
    assert neighbours(Settings(data=tmp_path), ["of the server that was copied"], here=False) == []


@pytest.mark.parametrize(("database", "level"), [("", "fail"), ("postgresql://host/d", "warn")])
def test_a_port_that_another_program_has(database: str, level: str, tmp_path: Path) -> None:
    """Nodes of a fleet mostly get their ports when they are started, and a balancer has that of the settings."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(data=tmp_path, database=database, port=port, admin_port=0)
        assert [finding.level for finding in checks.free_to_start(settings)] == [level, "ok"]
    assert {finding.level for finding in checks.free_to_start(settings)} == {"ok"}


def test_an_address_that_is_not_this_machines_fails_everywhere(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, database="postgresql://host/d", host="192.0.2.1", port=0, admin_port=0)
    assert [finding.level for finding in checks.free_to_start(settings)] == ["fail", "ok"]
