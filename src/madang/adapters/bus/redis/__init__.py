"""Redis and Valkey between nodes: the bus, and who is present."""

from madang.adapters.bus.redis.bus import RedisBus
from madang.adapters.bus.redis.channels import STRATEGIES
from madang.adapters.bus.redis.inspection import inspect
from madang.adapters.bus.redis.presence import RedisPresence

__all__ = ["STRATEGIES", "RedisBus", "RedisPresence", "inspect"]
