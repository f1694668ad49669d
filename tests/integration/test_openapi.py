"""Every endpoint, asked with what /openapi.json describes and with what it does not, keeps to what it says there.

Answers have the documented shape and status, none is a 5xx, what is not described is refused, and a sound request is
refused only for what a schema cannot say. Asked as a guest, with a server key, and as nobody.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from madang.codes import ERRORS
from tests.rest import rest, server_key
from tests.running import Server, running_server

# What JSON Schema cannot say: what a name or a text may have in it, that an integer is written as one, who may do what.
BEYOND_SCHEMAS: Final = {"bad_name", "bad_text", "bad_field", "empty", "bad_json", "too_big", "bad_token", "forbidden", "not_found",
                         "not_member", "gone", "room_exists", "paper_exists", "conflict", "last_owner", "too_many", "bad_password",
                         "wrong_password", "login_taken",
                         "archived", "banned", "kicked", "muted", "bad_words"}  # fmt: skip
NOT_OURS: Final = [positive_data_acceptance]  # BEYOND_SCHEMAS says it closer
EXAMPLES: Final = {"guest": 2, "server": 2, "nobody": 1}
SOAKED: Final = 60  # times as many
LAST: Final = ["DELETE /api/rooms/{id}", "DELETE /api/users/{user}", "DELETE /api/me"]
"""What others need is deleted last: whoever is deleted first is refused all that follows."""

ENDLESS: Final = {"GET /api/rooms/{id}/events", "GET /api/events"}
"""What is answered with a stream, if it is not refused: `test_streams.py` asks for them."""


class Yard(NamedTuple):
    """A server with a room, its description, and what each caller sends to say who they are; those of one test."""

    server: Server
    document: dict[str, Any]
    headers: dict[str, dict[str, str]]
    room: str
    user: str


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with running_server(tmp_path_factory.mktemp("openapi"), "--load-test") as server:
        yield server


@pytest.fixture
async def yard(server: Server) -> AsyncIterator[Yard]:
    async with rest(server.url) as anyone:
        mina, bora = await anyone.guest("Mina", "lobby"), await anyone.guest("Bora", "lobby")
        room = f"yard-{mina.user}"
        await mina.ok("POST", "/api/rooms", {"id": room})
        await bora.ok("PUT", f"/api/rooms/{room}/members/me")
        for n in (3, 4):
            await mina.ok("POST", f"/api/rooms/{room}/messages", {"text": "hello", "cid": f"c-{n}"})
        tokens = {"guest": mina.token, "server": await server_key(server)}
        headers = {who: {"Authorization": f"Bearer {token}"} for who, token in tokens.items()}
        yield Yard(server, anyone.document, {**headers, "nobody": {}}, room, bora.user)


def known(yard: Yard) -> st.SearchStrategy[dict[str, str]]:
    """Make parameters of paths that lead somewhere, so that requests get beyond the first look-up; or none."""
    there = {
        "id": st.sampled_from(["lobby", yard.room]),
        "seq": st.sampled_from(["1", "2", "3", "4"]),
        "user": st.just(yard.user),
    }
    return st.just({}) | st.fixed_dictionaries(there)


def asking(yard: Yard, operation: Any, who: str, mode: GenerationMode, examples: int) -> Callable[[], None]:
    """Make the test of an operation."""

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), derandomize=examples < SOAKED)
    @given(operation.as_strategy(generation_mode=mode), known(yard))
    def ask(case: Any, there: dict[str, str]) -> None:
        if mode is GenerationMode.POSITIVE:
            parameters = case.path_parameters
            parameters.update({name: value for name, value in there.items() if name in parameters})
        response = case.call(base_url=yard.server.url, headers=yard.headers[who])
        try:
            case.validate_response(response, headers=yard.headers[who], excluded_checks=NOT_OURS)
        except BaseExceptionGroup as found:  # which would end more than this test, since it is not an Exception
            raise AssertionError("\n".join(map(str, found.exceptions))) from None
        if response.status_code >= 400:
            error = response.json()["error"]
            assert ERRORS[error["code"]].http == response.status_code
            if mode is GenerationMode.POSITIVE:
                assert error["code"] in BEYOND_SCHEMAS, error

    return ask


def ask_all(yard: Yard, who: str, mode: GenerationMode, examples: int) -> None:
    schema = schemathesis.openapi.from_dict(yard.document)
    schema.config.generation.update(allow_extra_parameters=False)  # they are ignored, as fields that are not known
    schema.config.checks.negative_data_rejection.expected_statuses.append("413")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert {*LAST} < {operation.label for operation in operations}
    operations.sort(key=lambda operation: LAST.index(operation.label) + 1 if operation.label in LAST else 0)
    for operation in operations:
        if operation.label == LAST[0] and who != "nobody":
            assert (
                schema["/api/me"]["GET"].Case().call(base_url=yard.server.url, headers=yard.headers[who]).status_code
                == 200
            )
        if mode is GenerationMode.POSITIVE and operation.label in ENDLESS:
            continue
        if mode is GenerationMode.NEGATIVE and not any(
            map(list, (operation.body, operation.path_parameters, operation.query))
        ):
            continue  # there is nothing that could be wrong
        asking(yard, operation, who, mode, examples)()
    assert "Traceback" not in yard.server.log.read_text()


MODES: Final = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("who", EXAMPLES)
async def test_every_operation(yard: Yard, who: str, mode: GenerationMode) -> None:
    await asyncio.to_thread(ask_all, yard, who, mode, EXAMPLES[who])


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("who", EXAMPLES)
async def test_every_operation_again_and_again(yard: Yard, who: str, mode: GenerationMode) -> None:
    await asyncio.to_thread(ask_all, yard, who, mode, EXAMPLES[who] * SOAKED)


async def test_a_body_is_refused_where_none_is_described(yard: Yard) -> None:
    """What a caller wrote into it would do nothing, and nobody would say so."""
    async with rest(yard.server.url) as anyone:
        server = anyone.server(yard.headers["server"]["Authorization"].removeprefix("Bearer "))
        bodiless = [
            (method.upper(), path)
            for path, methods in yard.document["paths"].items()
            for method, operation in methods.items()
            if "requestBody" not in operation
        ]
        assert len(bodiless) > 15
        for method, template in bodiless:
            path = template.format(
                id=yard.room,
                seq=2,
                user=yard.user,
                emoji="x",
                invite="abcd",
                session="0123456789abcdef",
                paper="board",
                version=1,
                name="nobody",
            )
            answer = await server.call(method, path, {})
            assert (answer.status_code, answer.json()["error"]["message"]) == (400, "This request takes no body."), path
        assert await anyone.refused("DELETE", f"/api/rooms/{yard.room}", {}) == "bad_token", "who asks is asked first"
