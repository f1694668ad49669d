"""From typed structs to FastAPI: reading bodies, and describing in /openapi.json what routes accept and return.

Bodies are read as strictly as frames of the native protocol. FastAPI's own way goes through pydantic, which would accept
duplicate keys, round numbers inside `data`, and need every answer declared twice.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from time import thread_time
from typing import Any, Final, TypeVar, get_args

import msgspec
from fastapi import Depends, Request
from msgspec import UNSET, Raw, UnsetType
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect

from madang.core import costs
from madang.core.bounds import MAX_BATCH, MAX_BATCH_VALUES, MAX_COMMAND
from madang.core.events import NO_DATA
from madang.errors import Refused
from madang.protocol import strict_json
from madang.protocol.wording import bad_field
from madang.transports.http.dependencies import READS_BODY, Address, ThisNode, has_body
from madang.transports.http.errors import Failure, Unread
from madang.transports.http.lateness import judge_again

T = TypeVar("T")

JSON: Final = "application/json"
BODY_S: Final = 10.0  # for a body to arrive
HELD: Final = 4
"""Bytes that are held for each byte of a body of many items: its pieces, itself, and what is made of it."""


def body(kind: type[T], *, optional: bool = False) -> Any:
    """Return the dependency that reads a request's body as `kind`. An optional body that is missing is an empty object.

    One that carries a message may have MAX_FRAME bytes, others MAX_COMMAND, as frames of the native protocol, and what is
    large or takes long is paid for in the same way: by the user whom `Caller` has found before, or else by the address.
    """
    decode = _decoder(kind)
    message = "data" in kind.__struct_fields__  # type: ignore[attr-defined]

    def decoded(text: bytes) -> T:
        if len(text) > MAX_COMMAND:
            _check_size(text, message)
        strict_json.check(text)
        return decode(text)

    async def read(request: Request, node: ThisNode, address: Address) -> T:
        text = await _arrived(request, optional) or (b"{}" if optional else b"")
        await judge_again(node, request.state)
        size, actor = len(text), getattr(request.state, "actor", None)
        if size < costs.MEASURED or (actor is not None and actor.server):  # a server speaks for many
            return decoded(text)
        user, limits = actor.id if actor is not None else "", node.limits
        limits.large_body(size, user, address, node.turns.time())
        started = thread_time()
        try:
            return decoded(text)
        finally:
            limits.took(None, thread_time() - started, size, user, address, node.turns.time())

    setattr(read, READS_BODY, True)
    return Depends(read)


def large_body(kind: type[T]) -> Any:
    """Return the dependency that reads the body of a request of many items, which may be as large as its route says.

    Such are for server keys, who pay for none; whoever else asks is refused before anything is read. What it holds is drawn
    on the node's budget, from before it has come until it is answered.

    Raises:
        Refused: bad_type, bad_json, bad_field, too_big, forbidden, overloaded.
    """
    decode = _decoder(kind)

    async def read(request: Request, node: ThisNode) -> AsyncIterator[T]:
        if not request.state.actor.server:
            raise Refused("forbidden", "For server keys only.")
        size = int(
            request.headers.get("content-length", MAX_BATCH)
        )  # no more than that, or `bounded_app` has refused it
        async with node.memory.holding("input", HELD * size):
            text = await _arrived(request)
            await judge_again(node, request.state)
            strict_json.check(text, MAX_BATCH_VALUES)
            yield decode(text)

    setattr(read, READS_BODY, True)
    return Depends(read)


def _decoder(kind: type[T]) -> Callable[[bytes], T]:
    if not kind.__struct_config__.forbid_unknown_fields:  # type: ignore[attr-defined]
        raise TypeError(f"{kind.__name__} is not a Body: it would take misspelt fields")
    decode = msgspec.json.Decoder(kind).decode

    def decoded(text: bytes) -> T:
        try:
            return decode(text)
        except msgspec.ValidationError as error:
            raise bad_field(error) from None

    return decoded


async def _arrived(request: Request, optional: bool = False) -> bytes:
    """Return the body of a request as it came (bad_type, bad_json)."""
    if not _is_json(request.headers) and (not optional or has_body(request.headers)):
        raise Refused("bad_type")
    return await arrived(request, "bad_json")


async def arrived(request: Request, code: str) -> bytes:
    """Return the body of a request, whatever it is. Raise Unread, with a code, if it does not come in time, or no further."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.body()
    except (TimeoutError, ClientDisconnect):
        raise Unread(code, f"The body did not arrive within {BODY_S:.0f} s.") from None


def carried(data: Raw | UnsetType) -> Raw:
    """Return the `data` of a body as services expect it."""
    return NO_DATA if data is UNSET else data


def _check_size(text: bytes, message: bool) -> None:
    """Refuse what is too large before it is walked."""
    found = strict_json.outline(text)
    if not message:
        raise Refused("too_big", f"The body is larger than {MAX_COMMAND} bytes.")
    strict_json.check_short(found)
    strict_json.check_message(text, found)


def _is_json(headers: Headers) -> bool:
    """Return whether a body is said to be JSON as it is: a page of another site cannot say so without being asked for.

    (Fetch Standard, "CORS-safelisted request-header".)
    """
    types = headers.getlist("content-type")
    kind, _, parameters = (types[0] if len(types) == 1 else "").partition(";")
    charset = parameters.replace(" ", "").replace('"', "").lower()
    encoding = headers.get("content-encoding", "identity").lower()
    return kind.strip().lower() == JSON and charset in ("", "charset=utf-8") and encoding == "identity"


_REF: Final = "#/components/schemas/{name}"
_kinds: dict[Any, None] = {Failure: None}  # every type that a route accepts or returns, in order


def documented(
    returned: Any,
    *,
    status: int = 200,
    also: int | None = None,
    accepted: Any = None,
    optional: bool = False,
    anonymous: bool = False,
    media: str = JSON,
) -> dict[str, Any]:
    """Describe what a route returns and accepts. Return the keyword arguments for FastAPI's decorators.

    Args:
        also: a second status with the same answer.
        optional: the body may be left out.
        anonymous: a token may be left out, where the route takes one.
        media: the type of what it returns.
    """
    responses: dict[int | str, Any] = {"default": _content(Failure, "An error, named by its code.")}
    for success in (status, also):
        if success is not None:
            responses[success] = _content(returned, "As asked.", media)
    extra: dict[str, Any] = {}
    if accepted is not None:
        extra["requestBody"] = {"required": not optional, **_content(accepted)}
    if anonymous:
        extra["security"] = [{}]  # besides the token
    return {"status_code": status, "responses": responses, "openapi_extra": extra}


def _content(kind: Any, description: str = "", media: str = JSON) -> dict[str, Any]:
    kinds = get_args(kind) or (kind,)  # of a union, each: msgspec has no untagged unions of structs
    _kinds.update(dict.fromkeys(kinds))
    found, _ = msgspec.json.schema_components(kinds, ref_template=_REF)
    schema = found[0] if len(found) == 1 else {"anyOf": list(found)}
    content = {"content": {media: {"schema": schema}}}
    return {"description": description, **content} if description else content


def schemas() -> dict[str, Any]:
    """Return the schemas of everything that routes accept and return, by name."""
    _, components = msgspec.json.schema_components(_kinds, ref_template=_REF)
    return components
