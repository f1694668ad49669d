"""RFC 6455 on the wire, once the handshake is done: every case of the tables, against a server that runs.

Compared once (November 2026) with the verdicts of Autobahn's fuzzing client 25.10.1, with a session that echoes in place of
ours: of its 283 cases in families 1 to 7, 10, 12.1 and 13.1 all pass but 1.2.* (binary, which is refused here) and 7.1.5 (a
close amid a message is answered 1002, not with its own code); 6.4.* is "non-strict": UTF-8 is judged when a message ends.
"""

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


async def test_nothing_of_it_is_in_the_log(server: Server) -> None:
    _, greeted, said = server.log.read_text().partition("  Stop   Ctrl-C\n")
    assert greeted and not said, said
