"""Who one is in `madang chat`, kept between runs: a token for each server and name, readable by its owner alone.

A file each, so that two terminals never write the same one halfway.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from madang.cli.host import write_private
from madang.client.urls import is_loopback
from madang.core.addresses import host_port

_FOLDER: Final = "madang/chat"


class Identity:
    """The user that a name is on a server, for this account of the machine."""

    def __init__(self, folder: Path, url: str, name: str) -> None:
        self._server = _server(url)
        self._name = name
        digest = hashlib.sha256(f"{self._server}\n{name}".encode(errors="surrogateescape")).hexdigest()
        self._file = folder / f"{digest[:32]}.json"

    def token(self) -> str | None:
        """Return the token kept; None where there is none, or none that can be read."""
        try:
            kept = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return None
        token = kept.get("token") if isinstance(kept, dict) else None
        return token if isinstance(token, str) else None

    def keep(self, token: str) -> None:
        """Keep a token. A home that cannot be written to keeps none: the next run is a new user."""
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self._file, json.dumps({"server": self._server, "name": self._name, "token": token}))

    def forget(self) -> None:
        """Delete the token: the server takes it no more."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)


def state_folder() -> Path:
    """Return where programs keep such things (XDG Base Directory Specification)."""
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path("~/.local/state").expanduser()) / _FOLDER


def _server(url: str) -> str:
    """Return host and port of a server's URL in one spelling: whatever name this machine has for itself is 127.0.0.1.

    The address and not an id that the server states: any server could state another's, and be sent its tokens.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    return host_port("127.0.0.1" if is_loopback(url) else parts.hostname or "", port)
