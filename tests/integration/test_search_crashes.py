"""kill -9 at named points around the search index (`search_crashing.py`): after each start all is found that a scan finds."""

import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx2
import pytest

from madang_proof.testbed.server import Server
from tests.integration.search_crashing import MARK, POINTS
from tests.integration.test_search import all_of
from tests.rest import Rest, admin_client, rest
from tests.running import running_server

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


DEATH_S = 90.0  # a killed node leads until its lease has expired, and so long nobody makes an index again


@pytest.fixture(
    params=[
        "",
        pytest.param("postgres", marks=pytest.mark.postgres),
        pytest.param("mariadb", marks=pytest.mark.mariadb),
    ]
)
def database(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(f"{request.param}_url")) if request.param else ""


async def test_all_is_found_after_a_crash_between_log_and_index(tmp_path: Path, database: str) -> None:
    await crashed(tmp_path, database, POINTS[:3])


async def test_all_is_found_after_a_crash_between_two_indexes(tmp_path: Path, database: str) -> None:
    await crashed(tmp_path, database, [POINTS[2], *POINTS[3:]])
    assert database or len(list(tmp_path.glob("search.db*"))) <= 3, "no file is left over"


async def crashed(folder: Path, database: str, points: Sequence[str]) -> None:
    settings = {"database": database} if database else {}
    token, said = "", list[str]()
    async with running_server(folder, "--load-test", settings=settings) as server:
        server.environment["PYTHONPATH"] = str(ROOT)
        for point in points:
            server.launcher = ("tests.integration.search_crashing", point)
            await server.restart()
            async with rest(server.url) as door:
                if not token:
                    ann = await door.guest("Ann")
                    token = ann.token
                    await ann.ok("POST", "/api/rooms", {"id": "yard", "title": "Yard"})
                ann = Rest(door.http, door.document, token)
                await die(server, ann, point)
            said += [f"{point} 회의", f"{point} {MARK}"] if point.endswith("index") else []
            server.launcher = ()
            await server.restart()
            async with rest(server.url) as door:
                await finds(Rest(door.http, door.document, token), said)


async def die(server: Server, ann: Rest, point: str) -> None:
    if point.endswith("index"):
        await ann.ok("POST", "/api/rooms/yard/messages", {"text": f"{point} 회의"})
        with suppress(httpx2.TransportError):  # it is in the log when the server dies; the ack may have been on its way
            await ann.ok("POST", "/api/rooms/yard/messages", {"text": f"{point} {MARK}"})
    else:
        await (await admin_client(server)).ask("DELETE", "/search")
    assert await server.ended(DEATH_S) == -signal.SIGKILL


async def finds(ann: Rest, said: list[str]) -> None:
    for q in ("회의", MARK, "index"):
        assert [m["text"] for m in await all_of(ann, q)] == [text for text in said[::-1] if q in text]
