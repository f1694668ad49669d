"""Tokens of outside issuers: JWTs, by a shared secret or by keys that the issuer publishes (`ports.issuers`)."""

from madang.adapters.issuers.issuer import Issuer
from madang.adapters.issuers.issuers import JwtIssuers

__all__ = ["Issuer", "JwtIssuers"]
