"""Redis and Valkey between nodes: the bus, and who is present."""

from madang.adapters.redis.bus import RedisBus
from madang.adapters.redis.channels import STRATEGIES
from madang.adapters.redis.inspection import inspect
from madang.adapters.redis.presence import RedisPresence

__all__ = ["STRATEGIES", "RedisBus", "RedisPresence", "inspect"]
