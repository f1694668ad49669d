"""Live Q&A on Django Channels, Daphne and the Redis channel layer, in two forms, chosen by ROOMS_KEEP.

- Without it: a message is sent to the room's group, and that is all.
- With it: each message is also inserted into the database and put into the room's cache, a sorted set in Redis that keeps
  the newest 50 and is let go after an hour; a user who comes in gets the newest from the cache, or else from the database.

The first frame of a socket names its room, every other one goes to all in it.
What it lacks: no acks, so a sender never knows, and what is sent again is doubled; no number per message, so nobody can
tell that one is missing; the channel layer drops messages for a socket that has 100 waiting; users, permissions and
limits are for the application to add.
"""

import os
import time
from pathlib import Path
from typing import Any, Final

import django
from django.conf import settings

REDIS: Final = f"redis://127.0.0.1:{os.environ['ROOMS_REDIS']}/0"
KEEP: Final = os.environ.get("ROOMS_KEEP")
NEWEST, CACHED_SECONDS = 50, 3600
# Thousands of sockets join at once: by default the client would refuse the 101st call, and give up after 5 s.
CALLS: Final = {"max_connections": 10_000, "socket_timeout": None}
HOST: Final = {"address": REDIS, **CALLS}

settings.configure(
    ALLOWED_HOSTS=["*"],
    SECRET_KEY="of a benchmark",
    CHANNEL_LAYERS={"default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [HOST]}}},
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": Path(KEEP or ".") / "rooms.db",
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "init_command": "PRAGMA journal_mode=WAL"},
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
)
django.setup()

from channels.db import database_sync_to_async  # noqa: E402
from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from redis import asyncio as redis  # noqa: E402

cache = redis.Redis.from_url(REDIS, **CALLS)


class Message(models.Model):
    room = models.CharField(max_length=64)
    text = models.TextField()

    class Meta:
        app_label = "rooms"
        indexes = (models.Index(fields=["room", "id"], name="room_id"),)


if KEEP:
    with connection.schema_editor() as editor:
        editor.create_model(Message)


@database_sync_to_async
def insert(room: str, text: str) -> None:
    Message.objects.create(room=room, text=text)


@database_sync_to_async
def newest(room: str) -> list[str]:
    return [m.text for m in Message.objects.filter(room=room).order_by("-id")[:NEWEST]][::-1]


async def put(room: str, text: str) -> None:
    key = f"cache-{room}"
    async with cache.pipeline() as calls:
        calls.zadd(key, {text: time.time()})
        calls.zremrangebyrank(key, 0, -NEWEST - 1)
        calls.expire(key, CACHED_SECONDS)
        await calls.execute()


class Room(AsyncWebsocketConsumer):
    room = ""

    async def receive(self, text_data: str = "", bytes_data: bytes | None = None) -> None:
        if not self.room:
            await self._join(text_data)
            return
        if KEEP:
            await insert(self.room, text_data)
            await put(self.room, text_data)
        await self.channel_layer.group_send(self.room, {"type": "room.message", "text": text_data})

    async def _join(self, name: str) -> None:
        self.room = name
        await self.channel_layer.group_add(name, self.channel_name)
        if KEEP:
            for text in await cache.zrange(f"cache-{name}", 0, -1) or await newest(name):
                await self.send(text_data=text if isinstance(text, str) else text.decode())
        await self.send(text_data="joined")

    async def room_message(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])

    async def disconnect(self, code: int) -> None:
        if self.room:
            await self.channel_layer.group_discard(self.room, self.channel_name)


application = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": Room.as_asgi()})
