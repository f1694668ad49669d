"""How published keys are fetched: one request to a configured URL, bounded in time and size."""

import asyncio
from typing import Final

from madang.core.hosts import is_loopback
from madang.errors import SetupError

FETCH_S: Final = 5.0
MAX_BYTES: Final = 256 * 1024


class NotFetched(Exception):
    """Why not, in words for the log."""


def check_url(called: str, url: str) -> None:
    """Raise SetupError for a URL that cannot or should not be asked for the keys of the issuer that is `called` so."""
    import httpx2  # see `fetch`

    try:
        parts = httpx2.URL(url)
    except httpx2.InvalidURL:
        parts = httpx2.URL("")
    host = parts.host
    if parts.scheme not in ("https", "http") or not host or parts.userinfo or (parts.port or 0) > 65_535:
        raise SetupError(f"{called} has no usable JWKS URL.", "Write https://HOST/PATH, without user and password.")
    if parts.scheme == "http" and not is_loopback(host):
        raise SetupError(f"{called} publishes its keys without TLS.", "Use https; http is for this machine only.")


async def fetch(url: str) -> bytes:
    """Return what is at a URL, after FETCH_S at most. It may not redirect, be compressed or have more than MAX_BYTES (NotFetched)."""
    import httpx2  # takes 0.1 s of a start, and most nodes fetch nothing

    try:
        async with (
            asyncio.timeout(FETCH_S),
            httpx2.AsyncClient(follow_redirects=False, timeout=FETCH_S) as http,
            http.stream("GET", url, headers={"Accept": "application/json", "Accept-Encoding": "identity"}) as response,
        ):
            if response.status_code != 200:
                raise NotFetched(f"status {response.status_code}")
            if response.headers.get("content-encoding", "identity") != "identity":
                raise NotFetched("it is compressed")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise NotFetched(f"it has more than {MAX_BYTES} bytes")
            return bytes(body)
    except TimeoutError:
        raise NotFetched(f"no answer in {FETCH_S:.0f} s") from None
    except httpx2.HTTPError as error:
        raise NotFetched(str(error) or type(error).__name__) from None
