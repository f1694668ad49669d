"""What a Socket.IO client comes back with: a pid, which says whose session it was. How far they had come is said by an offset.

A pid is signed, so nothing is stored for it, and any node knows it, also after a crash. It is a secret, as a token is, and no
token comes of it: it grants what the session was opened with, until the same time, and ends as that does.
"""

from typing import Any, Final

import jwt
import msgspec
from jwt.types import Options

from madang.core.signing import Keyring
from madang.errors import Refused
from madang.services.tokens import JWT, Access

_AUDIENCE: Final = "madang/pid"
_ALGORITHM: Final = "HS256"
_CHECKS: Final[Options] = {"require": ["aud", "sid"], "verify_exp": False, "verify_iat": False, "verify_nbf": False}


class Recovery:
    """Makes pids and reads them."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def make(self, access: Access, sid: str) -> str:
        """Return the pid of the session `sid`, which has been opened for what a token grants."""
        bare = msgspec.structs.replace(access, token="", user=msgspec.structs.replace(access.user, address=""))
        claims = {"aud": _AUDIENCE, "sid": sid, "access": msgspec.to_builtins(bare)}
        key = self._keyring.current()
        return jwt.encode(claims, key.for_pids(), _ALGORITHM, {"kid": key.id})

    def read(self, pid: str, now: float, address: str) -> tuple[str, Access]:
        """Return the session that a pid is of, and what it grants; who shows it comes from `address`. There is no token in it.

        Args:
            now: Unix seconds.

        Raises:
            Refused: bad_token, whatever is wrong with it.
        """
        try:
            sid, access = self._read(pid)
        except (jwt.PyJWTError, msgspec.ValidationError, KeyError, ValueError, RecursionError):
            raise Refused("bad_token") from None
        if access.until <= now:
            raise Refused("bad_token")
        return sid, msgspec.structs.replace(access, user=msgspec.structs.replace(access.user, address=address))

    def _read(self, pid: str) -> tuple[str, Access]:
        if JWT.fullmatch(pid) is None:
            raise ValueError
        kid = jwt.get_unverified_header(pid)["kid"]
        secret = {key.id: key for key in self._keyring.keys}[kid].for_pids()
        claims: dict[str, Any] = jwt.decode(pid, secret, [_ALGORITHM], audience=_AUDIENCE, options=_CHECKS)
        return str(claims["sid"]), msgspec.convert(claims["access"], Access)
