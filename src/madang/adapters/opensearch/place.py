"""What the URL of a search engine says: `opensearch+https://user:password@host:9200?prefix=madang`."""

import re
import ssl
from base64 import b64encode
from typing import Any, Final, NamedTuple

from sqlalchemy import URL

from madang.adapters.urls import Options, one_of, options, parse, readable_file, tls, word
from madang.core.addresses import host_port
from madang.errors import SetupError

EXAMPLE: Final = (
    "It looks like opensearch+https://user:password@host:9200 or elasticsearch+https://host:9200?api_key=…."
)
PRODUCTS: Final = {"opensearch": "OpenSearch", "elasticsearch": "Elasticsearch"}
PORT: Final = 9200
_prefix: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII).fullmatch


class Place(NamedTuple):
    """Where a search engine is, and who we are there.

    Attributes:
        product: for people.
        where: host and port, for people and the log.
        base: of the URLs of its API.
        prefix: with which the names of our indices begin.
        authorization: the header of that name; "" for none.
        tls: how it is spoken; False where the URL is http.
    """

    product: str
    where: str
    base: str
    prefix: str
    authorization: str
    tls: ssl.SSLContext | bool


def place(url: str) -> Place:
    """Return what a URL says. Raises SetupError, which does not repeat it."""
    found = parse(url, "search", EXAMPLE)
    engine, _, scheme = found.drivername.partition("+")
    product = PRODUCTS[engine]
    if scheme not in ("http", "https") or not found.host:
        raise SetupError("The search setting names no host.", EXAMPLE)
    if found.database:
        raise SetupError(
            f"The search setting has the path /{found.database}.", "Leave it out; ?prefix= names the indices."
        )
    given = options(found.query, _options(scheme), "search", product)
    context = _tls(given) if scheme == "https" else False
    where = host_port(found.host, found.port or PORT)
    return Place(
        product, where, f"{scheme}://{where}", given.get("prefix", "madang"), _authorization(found, given), context
    )


def _options(scheme: str) -> Options:
    common: Options = {"prefix": _index_prefix, "api_key": word}
    if scheme == "http":
        return common
    return {**common, "ssl_cert_reqs": one_of("required", "none"), "ssl_ca_certs": readable_file}


def _index_prefix(text: str) -> str:
    if not _prefix(text):
        raise ValueError("1 to 64 of a–z, 0–9, - and _, with a letter or digit first")
    return text


def _tls(given: dict[str, Any]) -> ssl.SSLContext:
    verify = given.get("ssl_cert_reqs", "required") == "required"
    return tls(verify=verify, host=True, authorities=given.get("ssl_ca_certs"))


def _authorization(url: URL, given: dict[str, Any]) -> str:
    key = given.get("api_key")
    if key is not None and url.username is not None:
        raise SetupError("The search setting has a user and an API key.", "Keep one of them.")
    if key is not None:
        return f"ApiKey {key}"
    if url.username is None:
        return ""
    pair = f"{url.username}:{url.password or ''}"
    return f"Basic {b64encode(pair.encode()).decode()}"
