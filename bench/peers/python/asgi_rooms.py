"""A room server in bare ASGI on uvicorn. The first frame of a socket names its room, every other one goes to all in it.

What it lacks: nothing is stored, so nobody can resume or read back; no acks, so a sender never knows; sending again
doubles; no users, permissions or limits; one socket that does not read holds up whoever sends to its room.
"""

import sys
from collections import defaultdict
from typing import Any

import uvicorn

rooms: defaultdict[str, set[Any]] = defaultdict(set)


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    room = None
    try:
        while (message := await receive())["type"] == "websocket.receive":
            if room is None:
                room = rooms[message["text"]]
                room.add(send)
                await send({"type": "websocket.send", "text": "joined"})
                continue
            for member in list(room):
                try:
                    await member({"type": "websocket.send", "text": message["text"]})
                except (OSError, RuntimeError):
                    room.discard(member)
    finally:
        if room is not None:
            room.discard(send)


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(sys.argv[1]), lifespan="off", log_level="error", ws_per_message_deflate=False
    )
