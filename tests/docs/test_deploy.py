"""What deploy/ says of Madang is true: its metrics, settings and ports exist, and its files can be read by what reads them.

What is not run here (Docker, Prometheus, Grafana) says so in its first lines.
"""

import json
import re
from pathlib import Path

import pytest
import yaml

from madang.config import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
TEXTS = {path: path.read_text() for path in sorted(DEPLOY.rglob("*")) if path.is_file()}


def test_metrics_exist() -> None:
    known = set(re.findall(r"`((?:madang|process)_\w+)`", (ROOT / "docs" / "metrics.md").read_text()))
    named = {
        name for text in TEXTS.values() for name in re.findall(r"\b(?:madang|process)_[a-z_]+\b(?=[\s{\[(/)]|$)", text)
    }
    named -= {"madang_connection", "madang_room"}  # variables of nginx
    assert named
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in named} <= known


def test_settings_exist() -> None:
    known = {name.upper() for name in Settings.model_fields} | {"PASSWORD"}  # of the compose file's own
    assert {name for text in TEXTS.values() for name in re.findall(r"MADANG_([A-Z_]+)", text)} <= known


@pytest.mark.parametrize("path", [p for p in TEXTS if p.suffix in (".yaml", ".yml")], ids=lambda p: p.name)
def test_yaml_can_be_read(path: Path) -> None:
    assert yaml.safe_load(TEXTS[path])


def test_the_dashboard_can_be_read_and_has_no_place_twice() -> None:
    board = json.loads(TEXTS[DEPLOY / "grafana" / "madang.json"])
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(places) == len(set(places)) == len({panel["id"] for panel in board["panels"]})


def test_the_two_nginx_configurations_differ_by_the_names_of_nodes_alone() -> None:
    def lines(path: Path) -> list[str]:
        return [re.sub(r"server \S+:\d+", "server NODE", line) for line in TEXTS[path].splitlines()[1:]]

    assert lines(DEPLOY / "nginx" / "madang.conf") == lines(DEPLOY / "docker" / "nginx.conf")
