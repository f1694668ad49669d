"""An echo bot: answers every message that begins with "!echo". Run it with `python examples/bot.py [URL [ROOM]]`.

It may be stopped, killed and cut off at any time: what was said meanwhile is answered, all of it and once. Two things are needed
for that, and both are in the file bot.json: who the bot is (its token), and its position in the room, which is kept after
the answer is stored. If the bot ends between the two, it answers again, under the same cid, which is stored once.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from madang.client import Message, MessageSent, Refused, Reset, Room, connect

FILE = Path("bot.json")


def load() -> dict[str, str | int]:
    return json.loads(FILE.read_text()) if FILE.exists() else {}


def save(**kept: str | int) -> None:
    new = FILE.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # the token is a secret
        json.dump(kept, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, FILE)  # a whole file, the old one or the new one, whenever we are killed


async def main(url: str = "ws://127.0.0.1:8400/ws", name: str = "lobby") -> None:
    kept = load()
    who = {"token": kept["token"]} if kept else {"guest": "Echo"}
    position = {"since": kept["seq"], "epoch": kept["epoch"]} if kept.get("room") == name else {}
    async with connect(url, **who, timeout=float("inf")) as client:
        room = await client.join(name, **position)
        seq, epoch = room.recent[0].seq - 1 if room.recent else room.seq, room.epoch
        save(token=client.token, room=name, seq=seq, epoch=epoch)
        for event in room.recent:  # the first time: what was said a moment ago
            await answer(room, event, client.user.id)
        async for event in room:
            if isinstance(event, Reset):  # too much was said meanwhile to be sent event by event: read it
                await catch_up(room, seq if epoch == event.epoch else 0, event.seq, client.user.id)
            else:
                await answer(room, event, client.user.id)
            seq, epoch = room.seq, room.epoch
            save(token=client.token, room=name, seq=seq, epoch=epoch)


async def catch_up(room: Room, after: int, upto: int, me: str) -> None:
    more = True
    while more and after < upto:
        page = await room.history(after=after, limit=200)
        for message in page.messages:
            if message.seq <= upto:  # those above follow as events
                await answer(room, message, me)
        more = page.more and bool(page.messages)
        after = page.messages[-1].seq if page.messages else after


async def answer(room: Room, said: object, me: str) -> None:
    match said:
        case MessageSent(text=text, user=user, seq=seq, id=id) | Message(text=text, user=user, seq=seq, id=id):
            if user != me and text.startswith("!echo "):
                try:
                    await room.send(text.removeprefix("!echo "), reply_to=seq, cid=f"echo-{id}")
                except Refused as refused:  # nothing visible to echo, perhaps
                    print(f"not answered: {refused}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
