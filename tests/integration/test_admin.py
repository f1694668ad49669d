"""The admin listener: metrics that count, and administration for holders of the secret alone."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from madang.cli import checks
from madang.config import Settings
from madang.errors import MadangError, SetupError
from madang.node.run import run_node
from tests import wire
from tests.http import http_client
from tests.rest import admin_client, rest, server_key
from tests.running import Server, madang, running_server

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/metrics.md"


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("admin")) as server:
        yield server


@pytest.fixture
async def admin(server: Server) -> AsyncIterator[httpx2.AsyncClient]:
    port = (await admin_client(server)).port
    async with http_client(f"http://127.0.0.1:{port}") as http:
        yield http


async def metrics(admin: httpx2.AsyncClient) -> dict[str, float]:
    """Read /metrics; names with their labels as they stand."""
    response = await admin.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line.rpartition(" ") for line in response.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_the_page_names_what_is_exposed(admin: httpx2.AsyncClient) -> None:
    text = (await admin.get("/metrics")).text
    exposed = set(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    page = PAGE.read_text()
    described = set(
        re.findall(r"^\| `(madang_(?!search_engine_|socketio_emitted_)\w+)` \| (\w+) \|", page, re.MULTILINE)
    )
    assert described == {(name, kind) for name, kind in exposed if name.startswith("madang_")}
    processes = {name for name, _ in exposed if name.startswith("process_")}
    assert set(re.findall(r"`(process_\w+)`", page)) == processes
    assert len(described) + len(processes) == len(exposed)
    outcomes = set(re.findall(r'madang_appends_total\{outcome="(\w+)"\}', text))
    assert outcomes <= set(re.findall(r"`(\w+)`", page))


async def test_metrics_count(server: Server, admin: httpx2.AsyncClient) -> None:
    before = await metrics(admin)

    def grew(name: str) -> float:
        return after[name] - before[name]

    async with rest(server.url) as anyone, wire.guest(server.port, "Mina") as mina:
        bora = await anyone.guest("Bora", "lobby")
        for text in ("one", "one", "two"):
            await bora.call("POST", "/api/rooms/lobby/messages", {"text": text, "cid": "c"})
        while b'"text":"one"' not in (await mina.read())[1]:
            pass  # Bora's coming, and then the message
        after = await metrics(admin)
        assert grew("madang_sockets") == 1
    assert grew('madang_appends_total{outcome="stored"}') == 3  # two members, one message
    assert grew('madang_appends_total{outcome="duplicates"}') == 1
    assert grew('madang_appends_total{outcome="refused"}') == 1
    assert grew("madang_batch_size_sum") == 5
    assert grew("madang_batch_size_count") == 5
    assert grew("madang_commit_seconds_total") > 0
    assert grew("madang_deliveries_total") == 2  # to Mina
    assert after["madang_appends_waiting"] == 0
    assert after["madang_rooms"] == 1
    assert after["madang_sockets_limit"] == 50_000
    assert after["process_resident_memory_bytes"] > 1 << 20


async def test_the_secret_and_nothing_else_opens_administration(server: Server, admin: httpx2.AsyncClient) -> None:
    async with rest(server.url) as anyone:
        tokens = [(await anyone.guest("Mina")).token, await server_key(server), "x"]
    for token in tokens:
        for method, path in (("GET", "/keys"), ("POST", "/keys"), ("GET", "/rooms"), ("GET", "/nodes")):
            response = await admin.request(method, path, headers={"Authorization": f"Bearer {token}"})
            assert response.status_code == 401
    assert (await admin.get("/livez")).json() == {"status": "live"}
    assert (await admin.get("/openapi.json")).status_code == 404


async def test_keys_are_listed_without_what_they_open(server: Server) -> None:
    administration = await admin_client(server)
    made = await administration.ask("POST", "/keys", {"label": "Shop"})
    listed = await administration.ask("GET", "/keys")
    (found,) = [key for key in listed["keys"] if key["id"] == made["id"]]
    assert found == {"id": made["id"], "label": "Shop", "created_at": made["created_at"]}
    assert await administration.ask("DELETE", f"/keys/{made['id']}") is None
    with pytest.raises(MadangError, match="no such key"):
        await administration.ask("DELETE", f"/keys/{made['id']}")
    with pytest.raises(MadangError, match="name"):
        await administration.ask("POST", "/keys", {"label": "\u202eShop"})


async def test_rooms_of_the_server_itself(server: Server) -> None:
    administration = await admin_client(server)
    room = await administration.ask("POST", "/rooms", {"id": "hall", "access": "invite"})
    assert room == {"id": "hall", "title": "hall", "access": "invite", "slow_ms": 0}
    changed = await administration.ask("PATCH", "/rooms/hall", {"title": "Hall", "archived": True})
    assert changed == {**room, "title": "Hall", "archived": True}
    room = await administration.ask("PATCH", "/rooms/hall", {"title": "hall", "archived": False})
    assert room == {"id": "hall", "title": "hall", "access": "invite", "slow_ms": 0}
    shown = await administration.ask("GET", "/rooms/hall")
    assert (shown["room"], shown["sockets"]) == (room, 0)
    assert shown["members"] == {"members": [{"user": "madang", "name": "Madang", "role": "owner"}], "more": False}
    async with wire.guest(server.port), wire.guest(server.port):
        assert (await administration.ask("GET", "/rooms/lobby"))["sockets"] == 2
    assert [room["id"] for room in (await administration.ask("GET", "/rooms"))["rooms"]] == ["hall", "lobby"]


async def test_a_single_node_knows_itself(server: Server) -> None:
    known = await (await admin_client(server)).ask("GET", "/nodes")
    assert [node["state"] for node in known["nodes"]] == ["here"]
    assert known["deaf"] is False


async def test_the_front_door_has_none_of_it(server: Server) -> None:
    async with http_client(server.url) as http:
        for path in ("/metrics", "/keys", "/rooms", "/nodes"):
            assert (await http.get(path)).status_code == 404


async def test_other_machines_do_not_reach_it_by_accident(tmp_path: Path) -> None:
    with pytest.raises(SetupError) as refusal:
        async with run_node(Settings(port=0, admin_port=0, admin_host="0.0.0.0", data=tmp_path)):
            pass
    assert "MADANG_ADMIN_EXPOSED" in refusal.value.hint


@pytest.mark.parametrize("token", ["", "metrics-for-prometheus"])
async def test_where_they_do_metrics_want_a_token(tmp_path: Path, token: str) -> None:
    settings = {"admin_host": "0.0.0.0", "admin_exposed": "true", "metrics_token": token}
    async with (
        running_server(tmp_path, settings=settings) as server,
        http_client(f"http://127.0.0.1:{server.admin_port}") as http,
    ):
        for given, status in (
            (token, 200 if token else 401), ("", 401), ("wrong", 401), (server.admin_secret, 200),
        ):  # fmt: skip
            answer = await http.get("/metrics", headers={"Authorization": f"Bearer {given}"} if given else {})
            assert answer.status_code == status, given
        assert (await http.get("/keys", headers={"Authorization": f"Bearer {token or 'x'}"})).status_code == 401


async def test_doctor_says_when_connections_ran_out(tmp_path: Path) -> None:
    async with running_server(tmp_path) as server:
        said = await madang("doctor", "--data", tmp_path)
        assert re.search(r"^ok +\d+ of [\d,]+ connections are in use", said.out, re.MULTILINE), said.out
        assert (await (await admin_client(server)).ask("GET", "/connections"))["refused"] == 0


def test_connections_that_ran_out_are_a_warning() -> None:
    for open_now, refused, level in ((10, 0, "ok"), (10, 3, "warn"), (100, 0, "warn")):
        assert checks.connections({"open": open_now, "most": 100, "refused": refused}).level == level


async def test_an_operator_reads_who_did_what(server: Server) -> None:
    administration = await admin_client(server)
    async with rest(server.url) as anyone:
        mina = await anyone.guest("Mina")
        await mina.call("POST", "/api/rooms", {"id": "yard"})
        await mina.call("PUT", "/api/rooms/yard/mutes/u-bora", {"reason": "so\nloud"})
        await mina.call("PATCH", "/api/rooms/yard", {"slow_ms": 500})
    trail = await administration.ask("GET", "/rooms/yard/audit?limit=1")
    assert ([entry["what"] for entry in trail["entries"]], trail["more"]) == (["change"], True)
    said = await madang("room", "audit", "yard", "--data", server.data)
    changed, muted = said.out.splitlines()
    assert re.search(r"change  by Mina \(\S+\)  slow_ms=500$", changed), changed
    assert re.search(r"mute    by Mina \(\S+\)  somebody \(u-bora\)  “so loud”$", muted), muted
    with pytest.raises(MadangError, match="does not exist"):
        await administration.ask("GET", "/rooms/nowhere/audit")
