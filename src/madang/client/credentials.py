"""Who says hello: a guest's name the first time, then always the newest token; or, each time, a fresh token or ticket."""

from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import UNSET, UnsetType

from madang.protocol.native.commands import Hello, Refresh

Getter = Callable[[], Awaitable[str]]
TICKETS: Final = 2
"""Tickets refused in a row, after which another one is asked for."""


class Credentials:
    """Exactly one of `guest`, `token`, `get_token` and `get_ticket` to begin with."""

    def __init__(
        self, guest: str | None, token: str | None, get_token: Getter | None, get_ticket: Getter | None = None
    ) -> None:
        if sum(given is not None for given in (guest, token, get_token, get_ticket)) != 1:
            raise ValueError("one of guest, token, get_token and get_ticket must be given")
        self.token = token
        self._guest = guest
        self._get_token = get_token
        self._get_ticket = get_ticket
        self._fresh = False  # the token has just been made, so a refusal of it is final
        self._refused = 0  # tickets, since one was taken

    async def hello(self) -> Hello:
        """Return the command to begin with; raises what `get_token` or `get_ticket` raises."""
        if self._get_ticket is not None:
            return Hello(ticket=await self._get_ticket())
        if self.token is None and self._get_token is not None:
            self.token = await self._get_token()
            self._fresh = True
        if self.token is None:
            return Hello(guest=self._guest)
        return Hello(token=self.token)

    async def refresh(self) -> Refresh:
        """Return the command to go on with while the present right holds; raises what `get_token` or `get_ticket` raises."""
        if self._get_ticket is not None:
            return Refresh(ticket=await self._get_ticket())
        return Refresh(token=await self._get_token() if self._get_token is not None else self.token or "")

    def keep(self, token: str | UnsetType) -> None:
        """Note that the server accepted the user, and the token to come back with, if there is one."""
        if token is not UNSET:
            self.token = token
        self._fresh = False
        self._refused = 0

    def renew(self) -> bool:
        """Note that the token or ticket was refused, or has ended; return whether there may be another.

        A ticket may have come too late, so others are tried.
        """
        if self._get_ticket is not None:
            self._refused += 1
            return self._refused <= TICKETS
        if self._get_token is None or self._fresh:
            return False
        self.token = None
        return True
