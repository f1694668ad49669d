"""How much of its rates a client has left, on every answer that was charged to one (draft-ietf-httpapi-ratelimit-headers-11).

`RateLimit-Policy` names the rates that apply: `q` requests or changes at once, of which all are there again after `w` seconds without one.
`RateLimit` says of each how many are left (`r`), and in how many seconds all of them are again (`t`). Both are read from the buckets
themselves, when the answer is written. Where one has to wait, `Retry-After` says how long, and holds.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.types import Scope

from madang.core.rate import Left, Rate

if TYPE_CHECKING:  # a node has a gate, which shows limits, too
    from madang.transports.node import Node

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_NOTHING: Final[Mapping[str, str]] = {}


def rate_headers(node: "Node", scope: Scope) -> Mapping[str, str]:
    """Return the headers of the answer to a request; none for server keys, which are charged to no rate of their own."""
    state = scope.get("state", _NOTHING)
    actor, address = state.get("actor"), state.get("address")
    if actor is not None and actor.server:
        return _NOTHING
    if address is None:
        address = node.admission.address(scope.get("client"), Headers(scope=scope).getlist("x-forwarded-for"))
    return shown(dict(_limits(node, address, actor.id if actor is not None else "", scope["method"] not in _READS)))


def shown(limits: Mapping[str, Left]) -> Mapping[str, str]:
    """Return the headers that tell of limits, by the names of their policies."""
    if not limits:
        return _NOTHING
    return {
        "RateLimit-Policy": ", ".join(_policy(name, each.rate) for name, each in limits.items()),
        "RateLimit": ", ".join(f'"{name}";r={each.left};t={ceil(each.full_s)}' for name, each in limits.items()),
    }


def _limits(node: "Node", address: str, user: str, appends: bool) -> Iterator[tuple[str, Left]]:
    now = node.turns.time()
    if (left := node.arrivals.arrivals_left(address, now)) is not None:
        yield "address", left
    if user and (left := node.limits.requests_left(user, now)) is not None:
        yield "user", left
    if user and appends and (left := node.appends.appends_left(user, now)) is not None:
        yield "changes", left


@lru_cache
def _policy(name: str, rate: Rate) -> str:
    return f'"{name}";q={rate.burst};w={max(1, ceil(rate.burst / rate.per_second))}'
