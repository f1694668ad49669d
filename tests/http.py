"""HTTP as tests speak it."""

from typing import Any

import httpx2

from tests.waiting import PATIENCE_S


def http_client(url: str = "", **more: Any) -> httpx2.AsyncClient:
    """Return a client that takes nothing from the environment.

    It trusts no certificate unless it is given a `verify`: to read all that a machine trusts took 40 ms for each client, of which
    the tests make a thousand, nearly all of them for plain HTTP.
    """
    return httpx2.AsyncClient(base_url=url, **{"trust_env": False, "timeout": PATIENCE_S, "verify": False, **more})
