"""Redis and Valkey between nodes. The bus is here; what is kept in Redis for longer is not yet."""

from madang.adapters.redis.bus import RedisBus
from madang.adapters.redis.channels import STRATEGIES, Channels

__all__ = ["STRATEGIES", "Channels", "RedisBus"]
