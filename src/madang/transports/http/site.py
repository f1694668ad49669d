"""Built pages: what scripts/build-web left in the package, read once, and served as it is to everybody.

A file has its compressed forms beside it (.br, .gz), so nothing is compressed here. Paths are looked up among those that were
read: none leads out of the folder. What holds a page together, its policy for browsers, is here, too.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response

import madang
from madang.errors import Refused
from madang.transports.http.constants import REVALIDATE, Document, document, shown

BUILT: Final = Path(madang.__file__).parent / "web"
"""Three folders: `page` for visitors, `admin` for the admin listener, `embed` for pages of other origins."""

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; font-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Nothing inline, nothing from elsewhere, and no text becomes markup or script. 'self' is for /ws, too."""
_UNUSED: Final = (
    "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "hid", "magnetometer", "microphone", "midi",
    "payment", "screen-wake-lock", "serial", "usb",
)  # fmt: skip
_PAGE: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _UNUSED),
}
_FOR_GOOD: Final = {"Cache-Control": "public, max-age=31536000, immutable"}  # its name is a hash of it
_FOR_ALL: Final = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_ENCODINGS: Final = {"br": ".br", "gzip": ".gz"}  # the smallest first
_HASHED: Final = "assets/"

File = Mapping[str, Document]
"""The forms of one file by content encoding; "" is the file itself."""


def read(folder: Path, more: Mapping[str, str] | None = None) -> dict[str, File]:
    """Return all files of a built folder by their path in it; none where nothing was built. Reads the disk.

    Args:
        more: headers of all of them.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix in _TYPES and not _is_hidden(path, folder))
    return {path.relative_to(folder).as_posix(): _forms(path, folder, more or {}) for path in files}


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _forms(path: Path, folder: Path, more: Mapping[str, str]) -> File:
    kept = _FOR_GOOD if _HASHED in path.relative_to(folder).as_posix() else {"Cache-Control": REVALIDATE}
    headers = {**kept, **(_PAGE if path.suffix == ".html" else {}), **more}
    media_type = _TYPES[path.suffix]
    packed = {name: path.with_name(path.name + suffix) for name, suffix in _ENCODINGS.items()}
    packed = {name: file for name, file in packed.items() if file.exists()}
    if packed:
        headers["Vary"] = "Accept-Encoding"
    return {
        **{name: document(f.read_bytes(), media_type, {**headers, "Content-Encoding": name}) for name, f in packed.items()},
        "": document(path.read_bytes(), media_type, headers),
    }  # fmt: skip


def taken(accept_encoding: str) -> set[str]:
    """Return the encodings that a client takes by name (RFC 9110, 12.5.3): one with q=0 is refused."""
    parts = (part.partition(";") for part in accept_encoding.lower().split(","))
    return {name.strip() for name, _, weight in parts if weight.strip().replace(" ", "") not in ("q=0", "q=0.0")}


class Site:
    """What one listener serves to browsers besides its API.

    Args:
        page: files of the page.
        index: the one of them that is the page itself.
        embed: files that pages of other origins load, by their names below /embed/v1/.
    """

    def __init__(self, page: Mapping[str, File], index: str, embed: Mapping[str, File] | None = None) -> None:
        self._page = page
        self._index = index
        self._embed = embed or {}

    @property
    def built(self) -> bool:
        """Whether there is a page."""
        return self._index in self._page

    def router(self, *paths: str) -> APIRouter:
        """Return the routes of all files; the page itself is at these paths."""
        router = APIRouter()

        def add(path: str, endpoint: Callable[..., object]) -> None:
            router.add_api_route(path, endpoint, methods=["GET"], include_in_schema=False)

        async def index(request: Request) -> Response:
            return _found(request, self._page, self._index)

        async def hashed(request: Request, name: str) -> Response:
            return _found(request, self._page, _HASHED + name)

        async def beside(request: Request) -> Response:
            return _found(request, self._page, request.url.path[1:])

        async def embedded(request: Request, name: str) -> Response:
            return _found(request, self._embed, name)

        if self.built:
            for path in paths:
                add(path, index)
            add("/" + _HASHED + "{name}", hashed)
            for name in self._page:
                if "/" not in name and name != self._index:
                    add("/" + name, beside)
        if self._embed:
            add("/embed/v1/{name:path}", embedded)
        return router


def _found(request: Request, files: Mapping[str, File], name: str) -> Response:
    """Return a file in the smallest form that the client takes."""
    forms = files.get(name)
    if forms is None:
        raise Refused("not_found", "Nothing is served at this path.")
    accepted = taken(request.headers.get("accept-encoding", ""))
    return shown(request, next(form for name, form in forms.items() if not name or name in accepted))


def visitors() -> Site:
    """Return what was built for the public listener. Reads the disk."""
    return Site(read(BUILT / "page"), "index.html", read(BUILT / "embed", _FOR_ALL))


def operators() -> Site:
    """Return what was built for the admin listener. Reads the disk."""
    return Site(read(BUILT / "admin"), "admin.html")
