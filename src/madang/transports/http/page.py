"""The page of a server without the built one: what runs here, and how to talk, in English or Korean.

That is a checkout in which scripts/build-web has not run; `site.py` serves what it builds. This one needs no script.
"""

from base64 import b64encode
from functools import lru_cache
from hashlib import sha256
from html import escape
from typing import Final

import msgspec

from madang import __version__
from madang.transports.http.constants import Document, document

_STYLE: Final = """
:root { color-scheme: light dark; }
body { max-width: 38rem; margin: 12vh auto; padding: 0 1.5rem; font: 1.05rem/1.65 system-ui, sans-serif; }
h1 { font-size: 2.2rem; margin-bottom: .2rem; }
pre { padding: .8rem 1rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .5rem;
  overflow-x: auto; }
small { opacity: .7; }
"""
_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class _Words(msgspec.Struct, frozen=True):
    name: str
    what: str
    talk: str
    unbuilt: str
    programs: str


_ENGLISH: Final = _Words(
    name="Madang",
    what="A yard for live rooms. This server is open: messages, presence and history live here.",
    talk="To talk, run this in a terminal, and again in another one (in a checkout it is .venv/bin/madang):",
    unbuilt="The page to talk in your browser is not built here: run <code>scripts/build-web</code> and start again.",
    programs='Programs talk over the WebSocket at <code>/ws</code> and over <a href="openapi.json">REST</a>.',
)
_KOREAN: Final = _Words(
    name="마당",
    what="사람들이 모여 이야기하는 실시간 방을 여는 서버입니다. 지금 열려 있습니다.",
    talk="이야기하려면 터미널 두 곳에서 각각 실행하세요 (저장소 안에서는 .venv/bin/madang):",
    unbuilt="브라우저에서 이야기하는 화면이 아직 만들어지지 않았습니다. <code>scripts/build-web</code>을 실행하고 서버를 다시 시작해 주세요.",
    programs='프로그램은 웹소켓 <code>/ws</code> 또는 <a href="openapi.json">REST</a>로 접속합니다.',
)
_LANGUAGES: Final = {"en": _ENGLISH, "ko": _KOREAN}


def front(accept_language: str, host: str, secure: bool) -> Document:
    """Return the page in the reader's language. `host` is where they found it, `secure` whether by https."""
    return _written(_preferred(accept_language), host, secure)


@lru_cache(maxsize=64)  # a server is found at few addresses
def _written(language: str, host: str, secure: bool) -> Document:
    words = _LANGUAGES[language]
    command = "madang chat lobby" + (f" --url {'wss' if secure else 'ws'}://{host}/ws" if host else "")
    text = (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{words.name}</title><style>{_STYLE}</style>'
        f"<h1>{words.name}</h1><p>{words.what}</p><p>{words.talk}</p><pre>{escape(command)}</pre>"
        f"<p>{words.programs}</p><p>{words.unbuilt}</p><p><small>Madang {__version__}</small></p></html>"
    )
    headers = {"Content-Security-Policy": _POLICY, "Content-Language": language, "Vary": "Accept-Language"}
    return document(text.encode(), "text/html; charset=utf-8", headers)


def _preferred(accept_language: str) -> str:
    """Return the language the reader prefers of those there are (RFC 9110, 12.5.4); English if none fits."""
    best, weight = "en", 0.0
    for part in accept_language.split(","):
        tag, _, parameter = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        try:
            q = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if language in _LANGUAGES and q > weight:
            best, weight = language, q
    return best
