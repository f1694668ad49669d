"""The account of a virtual user: it signs up, signs in again, and ends the session before, over REST. Calls block."""

import json
import secrets
from http.client import HTTPConnection, HTTPException
from typing import Any, Final
from urllib.parse import urlsplit

ANSWER_S: Final = 10.0


class Account:
    """A login and its sessions. Every call returns False, or nothing, where the server does not answer or refuses."""

    def __init__(self, url: str, name: str) -> None:
        """`url`: of the native protocol; its server is asked without TLS."""
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._name = name
        self._login = f"prover-{secrets.token_hex(6)}"
        self._password = secrets.token_urlsafe(16)
        self._token = ""
        self._session = ""
        self._former = ""

    def sign_up(self) -> str:
        """Make the account, and return a token; an empty one where that is not possible."""
        words = {"login": self._login, "name": self._name, "password": self._password}
        return self._token if self._signed_in("/api/accounts", words) else ""

    def sign_in(self) -> str:
        """Begin another session, and return its token."""
        self._former = self._session
        words = {"login": self._login, "password": self._password}
        return self._token if self._signed_in("/api/sessions", words) else ""

    def end_former(self) -> bool:
        """End the session before the one that was begun last."""
        return self._ask("DELETE", f"/api/sessions/{self._former}", None) is not None

    def _signed_in(self, path: str, words: dict[str, str]) -> bool:
        answer = self._ask("POST", path, words)
        if answer is None:
            return False
        self._token, self._session = answer["token"], answer["session"]
        return True

    def _ask(self, method: str, path: str, words: dict[str, str] | None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}"} if words is None else {"Content-Type": "application/json"}
        connection = HTTPConnection(self._host, self._port, timeout=ANSWER_S)
        try:
            connection.request(method, path, None if words is None else json.dumps(words), headers)
            response = connection.getresponse()
            text = response.read()
            return json.loads(text) if response.status < 300 else None
        except (OSError, HTTPException, ValueError):
            return None
        finally:
            connection.close()
