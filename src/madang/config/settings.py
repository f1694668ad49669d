"""All groups as one object, as the rest of the program sees them: `settings.port`. No file is read here."""

import os
from typing import Final
from urllib.parse import quote

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from madang.config.groups import (
    AccessSettings,
    BusSettings,
    DatabaseSettings,
    ExpireSettings,
    JwtSettings,
    LimitSettings,
    LogSettings,
    QuotaSettings,
    SearchSettings,
    ServerSettings,
    SocketIoSettings,
    WordSettings,
)

PREFIX: Final = "MADANG_"


class Settings(
    ServerSettings,
    DatabaseSettings,
    SearchSettings,
    BusSettings,
    SocketIoSettings,
    AccessSettings,
    JwtSettings,
    LimitSettings,
    QuotaSettings,
    WordSettings,
    ExpireSettings,
    LogSettings,
    BaseSettings,
):
    """What an operator can set. The defaults are one process on a laptop."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, extra="forbid", frozen=True, allow_inf_nan=False, enable_decoding=False
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments and the environment only; the file comes in through `load`."""
        return init_settings, env_settings

    @property
    def account_makers(self) -> str:
        """Who may make accounts: "open", "keys" or "off"."""
        own_sign_in = self.guests == "keys" or self.jwt_secret or self.jwt_jwks or self.jwt_issuers
        return self.accounts or ("keys" if own_sign_in else "open")

    @property
    def database_url(self) -> str:
        """The database in force."""
        return self.database or f"sqlite:///{quote(os.fsencode(self.data.absolute() / 'madang.db'))}"
