"""Documents that are the same for everybody: encoded once, and not sent again to clients that have them (304)."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final, NamedTuple

from fastapi import Request, Response

REVALIDATE: Final = "no-cache"  # keep it, and ask each time whether it is still the same


class Document(NamedTuple):
    """A body, with the headers that it is sent with."""

    body: bytes
    headers: Mapping[str, str]


def document(body: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> Document:
    """Return a document, with a tag by which it is known again."""
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    return Document(body, {"Content-Type": media_type, "ETag": tag, "Cache-Control": REVALIDATE, **(headers or {})})


def shown(request: Request, what: Document) -> Response:
    """Return the response with a document, or 304 for a client that has it."""
    if _has(request.headers.get("if-none-match", ""), what.headers["ETag"]):
        return Response(status_code=304, headers={k: v for k, v in what.headers.items() if k != "Content-Type"})
    return Response(what.body, headers=dict(what.headers))


def _has(tags: str, tag: str) -> bool:
    """Return whether a tag is among those a client names (RFC 9110, 13.1.2): compared weakly, "*" is any."""
    return tags.strip() == "*" or tag in (one.strip().removeprefix("W/") for one in tags.split(","))
