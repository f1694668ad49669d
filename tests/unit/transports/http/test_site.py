"""The built page over HTTP: where it is, what browsers keep of it, in which form it goes out, and that nothing else does."""

import gzip
from pathlib import Path

import pytest
from starlette.types import ASGIApp

from madang.transports.http.app import http_app
from madang.transports.http.site import POLICY, Site, read, taken
from madang.transports.node import Node
from tests.unit.transports.http.asking import Answer, asked

SCRIPT = b"export {};" * 100
GZIPPED = gzip.compress(SCRIPT)
FOR_GOOD = "public, max-age=31536000, immutable"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as the build leaves it, with a secret beside it."""
    for name, content in {
        "secret.js": b"secret",
        "web/page/index.html": b"<!doctype html><title>page</title>",
        "web/page/favicon.svg": b"<svg/>",
        "web/page/.vite/manifest.json": b"{}",
        "web/page/notes.txt": b"not for the web",
        "web/page/assets/index-a1.js": SCRIPT,
        "web/page/assets/index-a1.js.br": b"as brotli",
        "web/page/assets/index-a1.js.gz": GZIPPED,
        "web/page/assets/index-a1.css": b"html {}",
        "web/embed/madang-room.js": b"customElements",
        "web/embed/assets/room-b2.js": SCRIPT,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "web"


@pytest.fixture
def site(built: Path) -> Site:
    return Site(read(built / "page"), "index.html", read(built / "embed", {"Access-Control-Allow-Origin": "*"}))


@pytest.fixture
async def app(node: Node, site: Site) -> ASGIApp:
    return http_app(node, site)


@pytest.mark.parametrize("path", ["/", "/r/lobby", "/r/lobby/12", "/r/%EB%A7%88%EB%8B%B9"])
async def test_the_page_is_at_each_of_its_addresses(app: ASGIApp, path: str) -> None:
    page = await asked(app, "GET", path)
    assert (page.status, page.body) == (200, b"<!doctype html><title>page</title>")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["content-security-policy"] == POLICY
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in page.headers["permissions-policy"]
    again = await asked(app, "GET", path, ("If-None-Match", page.headers["etag"]))
    assert (again.status, again.body) == (304, b"")
    head = await asked(app, "HEAD", path)  # the HTTP server leaves its body out
    assert (head.status, head.headers) == (200, page.headers)


def test_the_policy_lets_nothing_in() -> None:
    """Neither text that is run, nor anything of another origin."""
    directives = dict(each.strip().partition(" ")[::2] for each in POLICY.split(";"))
    assert directives["default-src"] == directives["base-uri"] == directives["frame-ancestors"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["connect-src"] == "'self'"
    assert (directives["require-trusted-types-for"], directives["trusted-types"]) == ("'script'", "'none'")
    assert not any(word in POLICY for word in ("unsafe", "*", "http", "data:"))


async def test_hashed_files_are_kept_for_good(app: ASGIApp) -> None:
    style = await asked(app, "GET", "/assets/index-a1.css")
    assert (style.body, style.headers["cache-control"]) == (b"html {}", FOR_GOOD)
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    icon = await asked(app, "GET", "/favicon.svg")
    assert (icon.body, icon.headers["cache-control"]) == (b"<svg/>", "no-cache")
    assert icon.headers["content-type"] == "image/svg+xml"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("BR;q=0.1, gzip", "br"),
        ("br;q=0, gzip; q=1", "gzip"),
        ("br; q=0,gzip;q=0.0", ""),
        ("identity", ""),
        ("", ""),
    ],
)
async def test_a_file_goes_out_in_the_smallest_form_that_is_taken(app: ASGIApp, accepted: str, encoding: str) -> None:
    plain = await asked(app, "GET", "/assets/index-a1.js")
    script = await asked(app, "GET", "/assets/index-a1.js", ("Accept-Encoding", accepted))
    assert script.headers.get("content-encoding", "") == encoding
    assert script.headers["vary"] == "Accept-Encoding"
    assert (script.headers["etag"] == plain.headers["etag"]) == (not encoding), "each form has a tag of its own"
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert script.body == {"": SCRIPT, "br": b"as brotli", "gzip": GZIPPED}[encoding]


def test_an_encoding_is_taken_by_its_name() -> None:
    assert taken("gzip;q=0.5, br ;q=0, x-br") == {"gzip", "x-br"}


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../../../secret.js", "/assets/..%2f..%2f..%2fsecret.js", "/assets/%2e%2e/%2e%2e/%2e%2e/secret.js",
        "/embed/v1/../../secret.js", "/embed/v1/%2e%2e/%2e%2e/secret.js", "/embed/v1//secret.js", "/secret.js",
        "/.vite/manifest.json", "/embed/v1/.vite/manifest.json", "/assets/", "/assets", "/index.html", "/notes.txt",
        "/assets/index-a1.js.gz", "/assets/gone-c3.js", "/embed/v2/madang-room.js", "/r/lobby/12/x", "/r/",
    ],
)  # fmt: skip
async def test_nothing_else_is_served(app: ASGIApp, path: str) -> None:
    refused = await asked(app, "GET", path)
    assert (refused.status, b"not_found" in refused.body) == (404, True)


async def test_pages_of_other_origins_load_what_is_embedded(app: ASGIApp) -> None:
    entry = await asked(app, "GET", "/embed/v1/madang-room.js", ("Origin", "https://shop.example"))
    assert (entry.body, entry.headers["access-control-allow-origin"]) == (b"customElements", "*")
    assert entry.headers["cache-control"] == "no-cache"
    part = await asked(app, "GET", "/embed/v1/assets/room-b2.js")
    assert (part.headers["access-control-allow-origin"], part.headers["cache-control"]) == ("*", FOR_GOOD)
    assert "access-control-allow-origin" not in (await asked(app, "GET", "/assets/index-a1.js")).headers


async def test_what_was_read_is_what_is_served(app: ASGIApp, built: Path) -> None:
    """A build beside a server that runs does not mix two versions."""
    (built / "page/assets/index-a1.js").unlink()
    (built / "page/index.html").write_text("new")
    assert (await asked(app, "GET", "/assets/index-a1.js")).body == SCRIPT
    assert b"page" in (await asked(app, "GET", "/")).body


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("", "en"), ("ko", "ko"), ("ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("en;q=0.9, ko;q=0.5", "en"), ("de, fr;q=x", "en")],
)
async def test_where_no_page_was_built_people_are_told(node: Node, accepted: str, language: str) -> None:
    unbuilt = http_app(node, Site({}, "index.html"))
    page: Answer = await asked(unbuilt, "GET", "/", ("Accept-Language", accepted))
    text = page.body.decode()
    assert page.headers["content-language"] == language
    assert f'<html lang="{language}">' in text
    assert "madang chat lobby" in text
    assert "scripts/build-web" in text
    assert 'href="openapi.json"' in text  # found behind a proxy's path as well
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert (await asked(unbuilt, "GET", "/r/lobby")).status == 404
