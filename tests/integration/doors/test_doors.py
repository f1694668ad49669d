"""Every operation through every door: it ends, appends, is heard and costs the same."""

from collections.abc import AsyncIterator

import pytest

from madang.core.scopes import NEEDED
from madang.node.run import RunningNode
from tests.integration.doors.doors import DOORS, ROUTES
from tests.integration.doors.row import STRANGER, Row
from tests.integration.doors.stage import Play, address, metered_node
from tests.integration.doors.table import OPERATIONS, missing
from tests.rest import rest

RATES = {
    "command_rate": 1000,
    "user_rate": 0.001,
    "user_burst": 30,
    "address_rate": 0,
    "handshake_rate": 0,
    "request_rate": 0,
}
"""Many commands at once, pages of 200 among them, are not a flood; and no append comes back while a row is run."""
SHOWN = {"create", "change", "read", "presence"}
"""What doors answer differently: one with where the event is, another with the room, or the pointer; who asks over one is online."""
FREE = {("rest", "guest"), ("rest", "server"), ("rest", "title"), ("rest", "sign_in")}
"""What costs no command: there is no connection or user yet whose it could be."""


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningNode]:
    """One node for all of them: each row has a room and users of its own."""
    async with metered_node(tmp_path_factory.mktemp("doors"), **RATES) as node:
        yield node


@pytest.mark.parametrize("op", OPERATIONS)
async def test_an_operation_is_the_same_through_every_door(op: str, node: RunningNode) -> None:
    for number, row in enumerate(OPERATIONS[op]):
        seen = {
            name: await Play(node, f"{op.replace('_', '-')}-{number}-{name}", row).act(door, op)
            for name, door in DOORS.items()
            if op in door.operations
        }
        for name, each in seen.items():
            where = f"{op} {row.does}, through {name}"
            assert each.outcome.code == (DOORS[name].stranger if row.code == STRANGER else row.code), where
            assert row.answers.items() <= each.outcome.fields.items(), where
            assert tuple(type for type, _, _ in each.events) == row.events, where
            assert each.heard == sorted([*row.events, *row.heard]), where
            assert each.cost == _cost(row, name, op), where
        first, *others = seen.values()
        for other in others:
            assert op in SHOWN or other.outcome.fields == first.outcome.fields, f"{op} {row.does}"
            assert other.events == first.events, f"{op} {row.does}"


def _cost(row: Row, door: str, op: str) -> dict[str, int]:
    commands = row.cost.get("connection", 0) + (0 if (door, op) in FREE else row.times)
    return {name: n for name, n in {**row.cost, "connection": commands}.items() if n}


async def test_every_operation_of_every_door_has_rows(node: RunningNode) -> None:
    offered = {op for door in DOORS.values() for op in door.operations}
    assert missing(offered, set(OPERATIONS)) == set()
    async with rest(address(node)) as client:
        routes = {
            (method.upper(), path.replace("{id}", "{room}"))
            for path, methods in client.document["paths"].items()
            for method in methods
            if path.startswith("/api")
        }
        named = {
            operation["operationId"]
            for methods in client.document["paths"].values()
            for operation in methods.values()
            if "security" in operation
        }
    assert routes == set(ROUTES.values())
    assert named == set(NEEDED), "what a server key needs for it is in core/scopes.py"


def test_an_operation_without_a_row_is_missed() -> None:
    assert missing({*OPERATIONS, "archive"}, set(OPERATIONS)) == {"archive"}
    assert missing(set(OPERATIONS) - {"send"}, set(OPERATIONS)) == {"send"}
