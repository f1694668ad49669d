"""Who says hello: a guest's name the first time, then always the newest token; `get_token` is asked for a fresh one."""

from collections.abc import Awaitable, Callable

from madang.protocol.native.commands import Hello


class Credentials:
    """Exactly one of `guest`, `token` and `get_token` to begin with."""

    def __init__(self, guest: str | None, token: str | None, get_token: Callable[[], Awaitable[str]] | None) -> None:
        if sum(given is not None for given in (guest, token, get_token)) != 1:
            raise ValueError("one of guest, token and get_token must be given")
        self.token = token
        self._guest = guest
        self._get_token = get_token
        self._fresh = False  # the token has just been made, so a refusal of it is final

    async def hello(self) -> Hello:
        """Return the command to begin with; raises what `get_token` raises."""
        if self.token is None and self._get_token is not None:
            self.token = await self._get_token()
            self._fresh = True
        if self.token is None:
            return Hello(guest=self._guest)
        return Hello(token=self.token)

    async def newer(self) -> str:
        """Return the token to go on with while the present one holds; raises what `get_token` raises."""
        return await self._get_token() if self._get_token is not None else self.token or ""

    def keep(self, token: str) -> None:
        """Note that the server accepted the user, and the token to come back with."""
        self.token = token
        self._fresh = False

    def renew(self) -> bool:
        """Note that the token was refused; return whether there may be another."""
        if self._get_token is None or self._fresh:
            return False
        self.token = None
        return True
