"""Settings: each declared once, with a name, a default and a help line, from which docs/reference/settings.md is made.

Sources, the first wins: the command line, MADANG_* variables, the TOML file of --config, the default.
The defaults are one process on a laptop.
"""

import os
import tomllib
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from madang.errors import SetupError

PREFIX: Final = "MADANG_"
_NO_SETTINGS: Final = {"MADANG_PYTHON"}  # which Python scripts/setup takes
_Origin = Annotated[str, StringConstraints(pattern=r"^(\*|https?://[^/?#\s]+)$")]  # as browsers write it: no path
_Place = Annotated[
    str, AfterValidator(lambda text: str(ip_network(text, strict=False) if "/" in text else ip_address(text)))
]
_ORIGINS: Final = 'Origins a browser may connect from besides the server\'s own, as a JSON list; ["*"] for any.'


class Settings(BaseSettings):
    """What an operator can set. `MADANG_PORT=9000`, or `port = 9000` in the TOML file."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for every interface.")
    port: int = Field(8400, ge=0, le=65535, description="Port to listen on; 0 for any free one.")
    admin_host: str = Field("127.0.0.1", description="Address of the second listener, for /metrics and administration.")
    admin_port: int = Field(8401, ge=0, le=65535, description="Port of the second listener; 0 for any free one.")
    data: Path = Field(Path("data"), description="Folder for everything the embedded server keeps.")
    database: str = Field(
        "", description="Database URL: sqlite:///…, postgresql://…, mysql://…; empty for SQLite in the data folder."
    )
    bus: str = Field(
        "memory:",
        description="Bus between nodes: memory: for a single node, "
        "redis://…, redis+sentinel://…, redis+cluster://…, postgresql://….",
    )
    bus_channels: str = Field(
        "partition",
        pattern="^(all|partition|room|adaptive)$",
        description="Channels of a Redis bus, the same on every node: all, partition, room or adaptive.",
    )
    origins: list[_Origin] = Field([], description=_ORIGINS)
    trusted_proxies: list[_Place] = Field(
        [], description="Addresses or networks of proxies whose X-Forwarded-For is believed, as a JSON list."
    )
    compression: bool = Field(
        False, description="Offer permessage-deflate; saves traffic, costs memory and CPU per socket."
    )
    max_text: int = Field(4000, ge=1, le=16_000, description="Longest text of a message, in characters.")
    max_rooms: int = Field(200, ge=1, le=10_000, description="Rooms one connection may follow.")
    max_sockets: int = Field(50_000, ge=1, description="WebSockets this node accepts.")
    max_sockets_per_address: int = Field(500, ge=1, description="WebSockets it accepts from one address.")
    ping_s: float = Field(
        25, ge=1, le=60, description="Seconds between pings; after two unanswered the peer is dropped."
    )
    user_rate: float = Field(10, ge=0, description="Messages and other changes a second per user; 0 for no limit.")
    user_burst: int = Field(30, ge=1, description="How many of them at once.")
    room_rate: float = Field(2000, ge=0, description="Changes a second per room; 0 for no limit.")
    command_rate: float = Field(50, ge=0, description="Commands a second per connection; 0 for no limit.")
    address_rate: float = Field(50, ge=0, description="Handshakes a second per address; 0 for no limit.")
    handshake_rate: float = Field(1000, ge=0, description="Handshakes a second of all addresses; 0 for no limit.")
    load_test: bool = Field(False, description="Lift rates, admission and caps per address, never sizes or order.")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="debug, info, warning or error.")
    log_format: str = Field("console", pattern="^(console|json)$", description="console for people, json for machines.")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Look at the command line and the environment; the file comes in through `load`."""
        return init_settings, env_settings

    @property
    def database_url(self) -> str:
        """The database in force."""
        return self.database or f"sqlite:///{self.data.absolute() / 'madang.db'}"


def load(file: Path | None = None, **given: Any) -> Settings:
    """Read the settings; `given` are those of the command line, None for not given.

    Raises:
        SetupError: a file, name or value that is wrong, named.
    """
    try:
        from_file = tomllib.loads(file.read_text("utf-8")) if file else {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(
            f"The settings file {file} cannot be read: {error}.", "Correct it or leave out --config."
        ) from None
    if unknown := sorted(set(from_file) - set(Settings.model_fields)):
        raise SetupError(
            f"{file} has settings that do not exist: {', '.join(unknown)}.",
            "docs/reference/settings.md lists them all.",
        )
    given = {name: value for name, value in given.items() if value is not None}
    try:
        environment = Settings(**given)
        rest = {name: value for name, value in from_file.items() if name not in environment.model_fields_set}
        return Settings(**{**rest, **given}) if rest else environment
    except SettingsError as error:  # a list that is no JSON
        raise SetupError(f"The environment is wrong: {error}.", 'Write lists as JSON: ["one", "two"].') from None
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise SetupError(
            f"The setting {name} is wrong: {first['msg']}.", f"Correct {PREFIX}{name.upper()}, its option or the file."
        ) from None


def unknown_variables() -> list[str]:
    """Give the names in the environment that look like settings and are none."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | _NO_SETTINGS
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
