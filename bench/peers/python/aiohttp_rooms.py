"""A room server on aiohttp. The first frame of a socket names its room, every other one goes to all in it.

What it lacks: nothing is stored, so nobody can resume or read back; no acks, so a sender never knows; sending again
doubles; no users, permissions or limits; one socket that does not read holds up whoever sends to its room.
"""

import sys
from collections import defaultdict

from aiohttp import web

rooms: defaultdict[str, set[web.WebSocketResponse]] = defaultdict(set)


async def serve(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    room = rooms[await socket.receive_str()]
    room.add(socket)
    await socket.send_str("joined")
    try:
        async for message in socket:
            for member in list(room):
                try:
                    await member.send_str(message.data)
                except ConnectionError:
                    room.discard(member)
    finally:
        room.discard(socket)
    return socket


app = web.Application()
app.add_routes([web.get("/", serve)])

if __name__ == "__main__":
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), backlog=2048, print=None, access_log=None)
