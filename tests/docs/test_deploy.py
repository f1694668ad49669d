"""What deploy/ says of Madang is true: its metrics, settings and ports exist, and its files can be read by what reads them.

What is not run here (Docker, Prometheus, Grafana) says so in its first lines. nginx and HAProxy are, in
tests/scenario/fleet; here they judge their files.
"""

import json
import re
import shutil
import subprocess
import textwrap
import tomllib
from pathlib import Path

import pytest
import yaml

from madang.config import Settings
from madang.core.bounds import MAX_FRAME
from tests import proxies
from tests.daemons import free_port

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
TEXTS = {path: path.read_text() for path in sorted(DEPLOY.rglob("*")) if path.is_file()}


def test_metrics_exist() -> None:
    known = set(re.findall(r"`((?:madang|process)_\w+)`", (ROOT / "docs/reference/metrics.md").read_text()))
    named = {
        name for text in TEXTS.values() for name in re.findall(r"\b(?:madang|process)_[a-z_]+\b(?=[\s{\[(/)]|$)", text)
    }
    named -= {"madang_connection", "madang_polls", "madang_rest", "madang_room"}  # variables of nginx
    assert named
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in named} <= known


def test_settings_exist() -> None:
    known = {name.upper() for name in Settings.model_fields} | {"PASSWORD", "NAME"}  # of the compose files' own
    assert {name for text in TEXTS.values() for name in re.findall(r"MADANG_([A-Z_]+)", text)} <= known


@pytest.mark.parametrize(
    "path", [p for p in TEXTS if p.suffix in (".yaml", ".yml") and p.parent.name != "templates"], ids=lambda p: p.name
)
def test_yaml_can_be_read(path: Path) -> None:
    assert yaml.safe_load(TEXTS[path])


def test_the_dashboard_can_be_read_and_has_no_place_twice() -> None:
    board = json.loads(TEXTS[DEPLOY / "grafana" / "madang.json"])
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(places) == len(set(places)) == len({panel["id"] for panel in board["panels"]})


def test_the_image_has_every_driver() -> None:
    """It is made of runtime.lock alone."""
    assert "-r requirements/runtime.lock" in TEXTS[DEPLOY / "docker" / "Dockerfile"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    drivers = {
        re.split(r"[\[<>=]", each)[0] for name in extras if name not in ("all", "prove") for each in extras[name]
    }
    locked = set(re.findall(r"^([\w-]+)==", (ROOT / "requirements" / "runtime.lock").read_text(), re.MULTILINE))
    assert drivers and drivers <= locked


def test_the_two_nginx_configurations_differ_by_the_names_of_nodes_alone() -> None:
    def same(text: str) -> str:
        text = re.sub(r"server \S+:\d+", "server NODE", text[text.index("map $http_upgrade") :])
        return re.sub(r" +# .*\n( +listen) (?:127\.0\.0\.1:)?8400", r"\1 HERE", text)

    _, _, inside = TEXTS[DEPLOY / "docker" / "nginx.conf"].partition("\nhttp {\n")
    assert same(textwrap.dedent(inside.removesuffix("}\n"))) == same(TEXTS[proxies.NGINX])


def test_the_unit_for_one_node_and_that_for_several_differ_by_the_nodes_name_alone() -> None:
    one, several = (
        TEXTS[DEPLOY / "systemd" / name].partition("[Unit]")[2] for name in ("madang.service", "madang@.service")
    )
    own = several.replace("EnvironmentFile=/etc/madang/%i.env\n", "").replace(" (node %i)", "").replace("/%i", "")
    assert own == one


@pytest.mark.parametrize("name", ["madang.service", "madang@.service"])
def test_systemd_likes_its_files(name: str, tmp_path: Path) -> None:
    """All but the program, which is not installed here."""
    if analyze := shutil.which("systemd-analyze"):
        text = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", TEXTS[DEPLOY / "systemd" / name])
        (tmp_path / name).write_text(text)
        done = subprocess.run([analyze, "verify", str(tmp_path / name)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and name.partition(".")[0] not in done.stderr, done.stderr


@pytest.mark.parametrize("by_room", [False, True], ids=["least connections", "by room"])
def test_nginx_and_haproxy_like_their_files(by_room: bool, tmp_path: Path) -> None:
    proxies.write_nginx(tmp_path, proxies.nginx_text(by_room=by_room), [8410, 8420, 8430], free_port())
    (tmp_path / "haproxy.cfg").write_text(proxies.haproxy_text(by_room=by_room))
    assert proxies.judged(["nginx", "-e", "stderr", "-t", "-p", str(tmp_path), "-c", "nginx.conf"], tmp_path) == ""
    assert proxies.judged(["haproxy", "-c", "-f", "haproxy.cfg"], tmp_path) == ""


def test_nginx_takes_what_madang_takes_and_no_more() -> None:
    """More would be cut off half-way, and the visitor told 502."""
    assert f"client_max_body_size {MAX_FRAME // 1024}k;" in TEXTS[proxies.NGINX]


def test_no_proxy_hangs_up_before_a_ping() -> None:
    """The longest time between pings that can be set, and some for its way."""
    (longest,) = (limit.le for limit in Settings.model_fields["ping_s"].metadata if hasattr(limit, "le"))
    texts = [TEXTS[proxies.NGINX].partition("location /ws ")[2], TEXTS[proxies.HAPROXY]]
    found = [
        re.findall(r"(?:proxy_read_timeout|proxy_send_timeout|timeout (?:client|tunnel|server)) +((?!5s)\d+)s", text)
        for text in texts
    ]
    assert [len(times) for times in found] == [8, 4]
    assert all(int(time) >= longest + 10 for times in found for time in times)


@pytest.mark.parametrize("name", ["single.yaml", "fleet.yaml"])
def test_compose_opens_nothing_to_everybody_without_tls(name: str) -> None:
    services = yaml.safe_load(TEXTS[DEPLOY / "docker" / name])["services"]
    published = {port: service for service in services.values() for port in service.get("ports", [])}
    open_to_all = {port for port in published if not port.startswith("127.0.0.1:")}
    assert published and open_to_all <= {"80:80", "443:443"}
    assert all(published[port]["profiles"] == ["public"] for port in open_to_all)


@pytest.mark.parametrize("path", [proxies.NGINX, proxies.HAPROXY], ids=lambda path: path.name)
def test_a_proxy_opens_nothing_to_everybody_without_tls(path: Path) -> None:
    places = re.findall(r"^ +(?:listen|bind) (\S+)", TEXTS[path], re.MULTILINE)
    assert places == ["127.0.0.1:8400"]
