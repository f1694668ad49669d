"""Who is calling, and the parameters that many routes share, as FastAPI dependencies. Services judge them."""

import re
from functools import partial
from typing import Annotated, Final, cast
from urllib.parse import unquote_to_bytes

from fastapi import Depends, Header, Path, Query, Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError
from starlette.datastructures import Headers

from madang.core.actors import Actor
from madang.core.bounds import MAX_PAGE, NOT_IN_IDS
from madang.core.erasure import Said
from madang.core.user_ids import FOREIGN
from madang.errors import Refused
from madang.services.marks import MARK
from madang.services.tokens import Access
from madang.transports.http import lateness
from madang.transports.node import Node

HOW: Final = "Send the header Authorization: Bearer TOKEN, once."
_bearer = HTTPBearer(scheme_name="token", description="A user's token, or a server key (mk_…).", auto_error=False)


IDEMPOTENCY_KEY: Final = "idempotency-key"
IDENTIFIES: Final = "__identifies__"
"""The attribute of a dependency that refuses who does not say who they are."""
READS_BODY: Final = "__reads_body__"
"""The attribute of a dependency that reads the body of a request."""


async def nothing_ignored(request: Request) -> None:
    """Refuse a query parameter that the route does not have, or that is there twice: which one counts, only we know.

    The same for a body that the route does not read. Pages for people take any parameters, because people's links have them.

    Raises:
        Refused: bad_field, and which one; not_found for a path of which a proxy in front may read something else.
    """
    _check_spelling(request)
    route = cast(APIRoute, request.scope["route"])
    bodied = has_body(request.headers)
    if keys := request.headers.getlist(IDEMPOTENCY_KEY):
        _check_idempotency(keys, route, request.method)
    if not (request.query_params or bodied) or not route.include_in_schema:
        return
    known, guarded, reads_body = _taken(route)
    if guarded and "authorization" not in request.headers and "ticket" not in request.query_params:
        return  # refused for that
    if bodied and not reads_body:
        raise Refused("bad_field", "This request takes no body.")
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            raise Refused("bad_field", f"{name}: this request has no such parameter.")
        if name in seen:
            raise Refused("bad_field", f"{name}: it is there twice.")
        seen.add(name)


def _check_idempotency(keys: list[str], route: APIRoute, method: str) -> None:
    """Refuse a key that is there twice, or that a request would ignore which does more when it is sent again.

    (PUT, PATCH and DELETE do not, but for an edit, which takes one.)
    """
    if len(keys) > 1:
        raise Refused("bad_field", "Idempotency-Key: it is there twice.")
    if method == "POST" and all(each.alias != IDEMPOTENCY_KEY for each in route.dependant.header_params):
        raise Refused("bad_field", "Idempotency-Key: this request takes none.")


def _check_spelling(request: Request) -> None:
    """Refuse a target that is not UTF-8, in which every wrong byte would be the same character, or that hides a slash."""
    path, query = request.scope.get("raw_path", b""), request.scope["query_string"]
    if b"%" not in path and b"%" not in query:
        return
    if b"%2f" in path.lower():
        raise Refused("not_found", "Nothing is served at this path. See /openapi.json.")
    try:
        unquote_to_bytes(path + query).decode()
    except UnicodeDecodeError:
        raise Refused("bad_field", "The percent-encoded text is not UTF-8.") from None


def has_body(headers: Headers) -> bool:
    """Return whether a request has a body, by what its head says."""
    return headers.get("content-length", "0").strip("0") != "" or "transfer-encoding" in headers


def _taken(route: APIRoute) -> tuple[frozenset[str], bool, bool]:
    """Return the query parameters that a route has, whether it wants to know who asks, and whether it reads a body."""
    parameters = get_flat_params(route.dependant)
    known = frozenset(each.alias for each in parameters if isinstance(each.field_info, params.Query))
    calls = [each.call for each in route.dependant.dependencies]
    return known, any(hasattr(call, IDENTIFIES) for call in calls), any(hasattr(call, READS_BODY) for call in calls)


async def _node(request: Request) -> Node:
    return cast(Node, request.app.state.node)


ThisNode = Annotated[Node, Depends(_node)]


async def _address(request: Request, node: ThisNode) -> str:
    address = node.admission.address(request.client, request.headers.getlist("x-forwarded-for"))
    request.state.address = address
    return address


Address = Annotated[str, Depends(_address)]
"""What the client is counted by: its address, read as for a WebSocket."""


async def _scheme(request: Request, node: ThisNode) -> str:
    return node.admission.scheme(request.client, request.url.scheme, request.headers.get("x-forwarded-proto", ""))


Scheme = Annotated[str, Depends(_scheme)]
"""The scheme the client used, "http" or "https", to the first proxy if there is one."""


async def _credential(request: Request, described: Annotated[object, Depends(_bearer)]) -> str:
    """Return what the one Authorization header says after its scheme, "" without one; there is one way to write it.

    (RFC 9110, 11.4: the scheme in any case.)
    """
    written = request.headers.getlist("authorization")
    if not written:
        return ""
    scheme, _, credential = written[0].partition(" ")
    if len(written) > 1 or scheme.lower() != "bearer" or not credential or " " in credential:
        raise Refused("bad_token", HOW)
    return credential


Credential = Annotated[str, Depends(_credential)]


async def _token(credential: Credential) -> str:
    if not credential:
        raise Refused("bad_token", HOW)
    return credential


Token = Annotated[str, Depends(_token)]


async def identified(request: Request, node: Node, credential: str, address: str) -> Access:
    """Return who makes a request, and how long they may (bad_token, rate_limited, no_scope)."""
    if not credential:
        raise Refused("bad_token", HOW)
    operation = cast(APIRoute, request.scope["route"]).name
    note = partial(setattr, request.state, "actor")  # who pays for the body, and is told what is left
    access = await node.identity.caller(credential, node.now(), address, operation, note)
    lateness.note(node, request.state, credential)
    return access


async def _caller(request: Request, node: ThisNode, token: Token, address: Address) -> Actor:
    return (await identified(request, node, token, address)).user


setattr(_caller, IDENTIFIES, True)
Caller = Annotated[Actor, Depends(_caller)]
"""The user or server that the token belongs to (bad_token, rate_limited, no_scope)."""


async def _any_caller(request: Request, node: ThisNode, address: Address, credential: Credential) -> Actor | None:
    return (await identified(request, node, credential, address)).user if credential else None


AnyCaller = Annotated[Actor | None, Depends(_any_caller)]
"""As Caller; None without a credential."""

RoomPath = Annotated[str, Path(alias="id", pattern="^[a-z0-9][a-z0-9_-]{0,63}$", description="The room's id.")]
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]{0,19})", re.ASCII)


def _decimal(text: object) -> object:
    """Check that an integer is written in its one way: pydantic would take 3.0, +3 and 1_0 too."""
    if isinstance(text, str) and _DECIMAL.fullmatch(text) is None:
        raise PydanticCustomError("int_spelling", "an integer")
    return text


Decimal = Annotated[int, BeforeValidator(_decimal)]
"""An integer in a path or a query."""
SeqPath = Annotated[Decimal, Path(ge=0, le=2**53, description="The message's seq.")]
UserPath = Annotated[str, Path(pattern=rf"^[^{NOT_IN_IDS}]{{1,64}}$", description="The member's user id.")]
ForeignPath = Annotated[str, Path(alias="user", pattern=f"^{FOREIGN}$", description="The product's own id of a user.")]
EmojiPath = Annotated[str, Path(min_length=1, max_length=32, description="The emoji, percent-encoded.")]
AfterId = Annotated[str, Query(pattern=rf"^[^{NOT_IN_IDS}]{{0,64}}$", description="Page on from above this id.")]
BeforeN = Annotated[Decimal | None, Query(ge=0, le=2**53, description="Page on from below this number.")]
AfterMark = Annotated[
    str,
    Query(
        pattern=rf"^([0-9]{{1,19}}:[^{NOT_IN_IDS}]{{1,64}}|[A-Za-z0-9_-]{{{MARK}}})?$",
        description="Go on after this `next`.",
    ),
]
IdempotencyKey = Annotated[
    str | None, Header(alias=IDEMPOTENCY_KEY, min_length=1, max_length=64, description="Serves as cid.")
]
Limit = Annotated[Decimal, Query(ge=1, le=MAX_PAGE, description="At most this many.")]
SaidQuery = Annotated[
    Said,
    Query(description="What becomes of what they said: it stays, loses its name, or is erased, in the background."),
]
