"""What is refused is explained in Madang's own words, whatever is wrong with it, and on either door."""

import json
import re
from typing import Annotated, Any

import msgspec
import pytest
from fastapi import FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient

from madang.errors import Refused
from madang.protocol import strict_json
from madang.protocol.native.codec import decode
from madang.protocol.native.commands import COMMANDS
from madang.protocol.wording import bad_field
from madang.transports.http import bodies
from madang.transports.http.errors import parameter_problem

OWN = re.compile(r"(?:[\w.\[\]-]+|The object): [a-z][^`$<>=]*\.")
LIBRARIES = ("`", "$", "Expected", "expected", "Input", "regex", "pattern", "| null", "should", "valid", "enum", "str ")
WRONG: list[Any] = [
    None,
    True,
    1,
    -1,
    1.5,
    2**53 + 1,
    10**30,
    "",
    "x" * 70_000,
    [],
    [1],
    [[]],
    {},
    {"a": 1},
    ["x"] * 60,
    "\n",
]


def own(message: str) -> None:
    assert OWN.fullmatch(message), message
    assert not [word for word in LIBRARIES if word in message], message


@pytest.mark.parametrize("op", COMMANDS)
def test_every_field_of_every_command(op: str) -> None:
    right: dict[str, Any] = {
        "op": op,
        "n": 1,
        "room": "yard",
        "seq": 1,
        "cid": "c",
        "user": "u",
        "role": "member",
        "q": "x",
        "paper": "card",
        "update": "AAA=",
        "client": 1,
        "clock": 1,
        "title": "Card",
        "version": 1,
    }
    right |= {"emoji": "x", "invite": "i", **({"token": "t"} if op == "refresh" else {"guest": "Mina"})}
    right = {name: value for name, value in right.items() if name in (*COMMANDS[op].__struct_fields__, "op")}
    decode(json.dumps(right).encode())
    refused = 0
    for name in COMMANDS[op].__struct_fields__:
        for frame in [{**right, name: wrong} for wrong in WRONG] + [{k: v for k, v in right.items() if k != name}]:
            try:
                decode(json.dumps(frame).encode())
            except Refused as error:
                if error.code == "bad_field":
                    refused += 1
                    own(error.message)
                    assert error.message.startswith(name), error.message
    assert refused >= 5


BODIES = [kind for kind in vars(bodies).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]


@pytest.mark.parametrize("kind", BODIES)
def test_every_field_of_every_body(kind: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(kind):
        for wrong in WRONG:
            try:
                msgspec.json.decode(json.dumps({field.encode_name: wrong}), type=kind)
            except msgspec.ValidationError as error:
                own(bad_field(error).message)


def test_parameters_of_requests() -> None:
    """Every kind of parameter that REST has, with everything that can be wrong with it."""
    api = FastAPI()

    @api.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return Response(parameter_problem(error.errors()[0]), 400)

    @api.get("/")
    async def get(
        after: Annotated[str, Query(pattern="^a{0,3}$")] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        key: Annotated[str | None, Header(min_length=2, max_length=4)] = None,
        on: bool = True,
        before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    ) -> None:
        pass  # fmt: skip

    with TestClient(api) as client:
        for name in ("after", "limit", "on", "before"):
            for value in ("", "x", "b", "-1", "1.5", "201", "0x10", str(2**60), "9" * 5000, "null", "\x00"):
                answer = client.get("/", params={name: value})
                if answer.status_code == 400:
                    own(answer.text)
                    assert answer.text.startswith(name)
        for value in ("x", "xxxxx"):
            own(client.get("/", headers={"key": value}).text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "It is empty"),
        (b" \n", "It is empty"),
        (b'\xef\xbb\xbf{"op":"ping"}', "It begins with a byte order mark"),
        (b"\x1f\x8b\x08\x00abc", "It is compressed"),
        (b"\x28\xb5\x2f\xfdabc", "It is compressed"),
        (b"x\x9cabc", "It is compressed"),
        ('{"a":1}'.encode("utf-16"), "It is UTF-16, not UTF-8"),
        (b'{"a":"\xff"}', "It is not UTF-8"),
        (b"[]", "It is an array"),
        (b'"x"', "It is a string"),
        (b"-1", "It is a number"),
        (b"1", "It is a number"),
        (b"null", "It is null"),
        (b"true", "It is true"),
        (b"hello", "It is something else"),
        (b'{"a":NaN}', "NaN and Infinity are not JSON"),
        (b'{"a":Infinity}', "NaN and Infinity are not JSON"),
        (b'{"a":1e999}', "A number is infinite"),
        (b'{"a":' + b"9" * 400 + b"}", "A number is infinite"),
        (b'{"a":1,"a":2}', "A key is there twice"),
        (b'{"a":1}x', "It goes on behind the object"),
        (b'{"a":1', "It ends too soon"),
        (b'{"a" 1}', "It is malformed at byte 5"),
        (b"{'a':1}", "It is malformed at byte 1"),
        (b'{"a":' + b"[" * 20 + b"]" * 20 + b"}", "It has more than 16 levels, or a bracket without the other"),
    ],
)
def test_what_is_not_json_is_told_why(text: bytes, why: str) -> None:
    with pytest.raises(Refused) as refused:
        strict_json.check(text)
    assert refused.value.code == "bad_json"
    assert refused.value.message == f"This is not one JSON object. {why}."
