"""Who may vouch for users besides this server, from the settings."""

from typing import Final

from madang.adapters.issuers import Issuer, JwtIssuers
from madang.config import Settings

ONLY: Final = "jwt"
"""The name of the issuer that has settings of its own."""


def configured(settings: Settings) -> JwtIssuers | None:
    """Return the issuers of the settings, None where there are none. Raise SetupError for what is missing or not safe."""
    s = settings
    issuers = [Issuer(**{**each.model_dump(), "algorithms": tuple(each.algorithms)}) for each in s.jwt_issuers]
    if s.jwt_secret or s.jwt_jwks or s.jwt_issuer or s.jwt_audience or s.jwt_algorithms:
        issuers.append(
            Issuer(
                name=ONLY, issuer=s.jwt_issuer, audience=s.jwt_audience, algorithms=tuple(s.jwt_algorithms),
                secret=s.jwt_secret, jwks=s.jwt_jwks, name_claim=s.jwt_name_claim, picture_claim=s.jwt_picture_claim,
                rooms_claim=s.jwt_rooms_claim,
            )
        )  # fmt: skip
    return JwtIssuers(issuers) if issuers else None
