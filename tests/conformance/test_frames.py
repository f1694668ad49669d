"""RFC 6455 on the wire, once the handshake is done: every case of the tables, against a server that runs."""

import itertools
from collections.abc import AsyncIterator

import pytest

from tests.conformance import closing, framing, messages
from tests.conformance.cases import Case
from tests.conformance.judging import judge
from tests.neighbour import chats
from tests.running import Server, running_server
from tests.wire import Raw, guest

numbers = itertools.count(10)  # of the neighbour's messages
TABLES = {**framing.CASES, **messages.CASES, **closing.CASES}
CASES = [
    pytest.param(case, id=f"{family}-{case.section}-{case.what!a}")
    for family, cases in TABLES.items()
    for case in cases
]


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("conformance"), "--load-test") as server:
        yield server


@pytest.fixture(scope="module")
async def neighbour(server: Server) -> AsyncIterator[Raw]:
    async with guest(server.port, "Neighbour") as raw:
        yield raw


@pytest.mark.parametrize("case", CASES)
async def test_case(server: Server, neighbour: Raw, case: Case) -> None:
    async with guest(server.port, rooms=()) as raw:
        await judge(raw, case)
    await chats(neighbour, next(numbers))


def test_nothing_of_it_is_in_the_log(server: Server) -> None:
    assert len(server.log.read_text().splitlines()) < 10
