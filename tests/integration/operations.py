"""All operations of the REST API, as its description has them."""

from typing import Final

from tests.http import http_client

KNOWN: Final = {"id": "lobby", "seq": "1", "user": "u1", "emoji": "x", "session": "0123456789abcdef", "name": "x"}


async def operations(url: str) -> list[tuple[str, str, bool, bool | None]]:
    """All of them, as (method, path, wants a token, needs a body; None: takes none)."""
    async with http_client(url) as http:
        paths = (await http.get("/openapi.json")).json()["paths"]
    found = []
    for path, described in paths.items():
        for name, value in KNOWN.items():
            path = path.replace(f"{{{name}}}", value)
        for method, op in described.items():
            found.append((method.upper(), path, "security" in op, op.get("requestBody", {}).get("required")))
    assert len(found) > 20
    return found
