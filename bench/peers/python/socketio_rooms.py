"""A room server on python-socketio and uvicorn. A socket names its room when it connects; what it says goes to all in it.

What it lacks: nothing is stored, so nobody can resume or read back; no acks here (they are optional, and say only that
the server has got it); sending again doubles; no users, permissions or limits; a task per recipient of every message, and
what a slow socket does not read piles up without bound.
"""

import sys
from typing import Any

import socketio
import uvicorn

server = socketio.AsyncServer(async_mode="asgi", allow_upgrades=False, transports=["websocket"])
rooms: dict[str, str] = {}


@server.event
async def connect(sid: str, _environ: dict[str, Any], auth: dict[str, str]) -> None:
    rooms[sid] = auth["room"]
    await server.enter_room(sid, auth["room"])
    await server.emit("joined", to=sid)


@server.event
async def message(sid: str, data: Any) -> None:
    await server.emit("message", data, room=rooms[sid])


@server.event
async def disconnect(sid: str, _reason: str) -> None:
    rooms.pop(sid, None)


if __name__ == "__main__":
    uvicorn.run(
        socketio.ASGIApp(server),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        lifespan="off",
        log_level="error",
        ws_per_message_deflate=False,
    )
