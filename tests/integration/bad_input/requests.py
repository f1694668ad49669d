"""Bad REST requests: the row of the catalogue, what it is, the request, and the code of the answer."""

from typing import Final

from tests.integration.bad_input.handshakes import asked

JSON: Final = "Content-Type: application/json"


def posted(body: str, *headers: str, target: str = "/api/guests") -> bytes:
    """Build a POST; `headers` stand in for the one that says JSON."""
    data = body.encode()
    return asked(*(headers or (JSON,)), f"Content-Length: {len(data)}", "Connection: close", target=target, body=data)


def unread(method: str, target: str) -> bytes:
    """Build a request with a body where none is read."""
    return asked(JSON, "Content-Length: 2", "Connection: close", method=method, target=target, body=b"{}")


def got(target: str, method: str = "GET", host: str = "localhost") -> bytes:
    """Build a request without a body."""
    request = asked("Connection: close", method=method, target=target, body=b"")
    return request.replace(b"Host: localhost", f"Host: {host}".encode("latin-1"))


REQUESTS: Final[list[tuple[int, str, bytes, str]]] = [
    *((61, f"host {host!a}", got("/api/rooms/lobby", host=host), "wrong_host")
      for host in ("evil.example", "localhost.evil.example", "evil.example:8400", "xn--9ry", "127.0.0.1.evil.example")),
    (62, "a body of no type", asked("Content-Length: 2", "Connection: close", body=b"{}"), "bad_type"),
    *((62, f"a body of {kind}", posted('{"name":"Mina"}', f"Content-Type: {kind}"), "bad_type")
      for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp",
                   "application/json; charset=latin-1")),
    *((62, f"a body in {coding}", posted("{}", JSON, f"Content-Encoding: {coding}"), "bad_type") for coding in ("gzip", "br")),
    *((63, f"body {body}", posted(body), "bad_field")
      for body in ("{}", '{"title":"Mina"}', '{"name":"Mina","role":"owner"}', '{"name":1}', '{"name":null}')),
    *((63, f"body {body}", posted(body), "bad_json") for body in ("", "[]", '{"name":"a","name":"b"}', '{"name":"Mina"', "\ufeff{}")),
    *((63, f"query {query}", posted('{"name":"Mina"}', target=f"/api/guests?{query}"), "bad_field")
      for query in ("limit=1", "name=Mina", "=1")),
    *((63, f"a body with {method} {target}", unread(method, target), "bad_field")
      for method, target in (("GET", "/livez"), ("GET", "/readyz"))),
    (63, "chunks with GET /livez", asked("Transfer-Encoding: chunked", "Connection: close", method="GET", target="/livez",
                                         body=b"2\r\n{}\r\n0\r\n\r\n"), "bad_field"),
    (64, "a path that is not there", got("/api/nope"), "not_found"),
    (64, "a method that is not there", got("/api/guests", method="DELETE"), "not_allowed"),
    (64, "the WebSocket's path without an upgrade", got("/ws"), "not_websocket"),
]  # fmt: skip
