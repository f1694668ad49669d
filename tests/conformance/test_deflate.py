"""permessage-deflate on the wire (RFC 7692): every case of the table, against a server that compresses."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.cases import Case
from tests.conformance.deflate import CASES
from tests.conformance.judging import judge
from tests.neighbour import chatting
from tests.running import Server, running_server
from tests.wire import TEXT, frame, upgraded


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    folder = tmp_path_factory.mktemp("deflate")
    async with running_server(folder, "--load-test", settings={"compression": "true"}) as server:
        yield server


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.section}-{case.what}") for case in CASES])
async def test_case(server: Server, case: Case) -> None:
    offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
    async with chatting(server), upgraded(server.port, offer) as raw:
        await raw.send(frame(TEXT, '{"op":"hello","n":1,"guest":"Mina"}'))
        await raw.whole_frame()
        await judge(raw, case, deflated=True)
