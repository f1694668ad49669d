"""Packets of Socket.IO's emitter from Redis (`ports.emitted`), at a URL redis:// or rediss://."""

from madang.adapters.emitter.redis_emitted import RedisEmitted, open_emitted

__all__ = ["RedisEmitted", "open_emitted"]
