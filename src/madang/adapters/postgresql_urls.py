"""The URL of a PostgreSQL database, which names the database or the bus, as asyncpg takes it."""

from typing import Any, Final

from sqlalchemy import URL

from madang.adapters.urls import Options, at_least, one_of, options, readable_file, tls, word
from madang.errors import SetupError

DRIVERS: Final = ("postgresql", "postgresql+asyncpg")
KNOWN: Final[Options] = {
    "sslmode": one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslrootcert": readable_file,
    "application_name": word,
    "statement_cache_size": at_least(0),
}


def arguments(url: URL, setting: str) -> dict[str, Any]:
    """Return what the options of a URL are to `asyncpg.connect`. Raises SetupError."""
    found = options(url.query, KNOWN, setting, "PostgreSQL's driver")
    mode, authorities = found.pop("sslmode", None), found.pop("sslrootcert", None)
    if authorities is not None and mode not in ("verify-ca", "verify-full"):
        raise SetupError(
            f"The {setting} setting has an sslrootcert that is not used.",
            "Add sslmode=verify-full or sslmode=verify-ca.",
        )
    if mode in ("verify-ca", "verify-full"):
        found["ssl"] = tls(verify=True, host=mode == "verify-full", authorities=authorities)
    elif mode is not None:
        found["ssl"] = mode
    if (name := found.pop("application_name", None)) is not None:
        found["server_settings"] = {"application_name": name}
    return found
