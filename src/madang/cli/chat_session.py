"""One sitting at a terminal: what the room says is told, what is typed is sent."""

import asyncio
import sys
import zlib
from datetime import datetime
from typing import Any, Final

from madang.cli.terminal import Terminal
from madang.cli.translations import WORDS
from madang.client import (
    Client,
    Event,
    MemberJoined,
    MemberKicked,
    MemberLeft,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    Refused,
    Reset,
    Room,
    State,
    connect,
    printable,
)

SHOWN_MESSAGES: Final = 20  # on entry
MAX_NAMES: Final = 10_000  # remembered for "was put out"; then forgotten all
_COLOURS: Final = (31, 32, 33, 34, 35, 36, 91, 92, 93, 94, 95, 96)
_GREY: Final = 90


class Talk:
    """From connecting to leaving."""

    def __init__(self, terminal: Terminal, room: str, url: str, name: str, language: str) -> None:
        self._terminal = terminal
        self._room_id = room
        self._url = url
        self._name = name
        self._words = WORDS[language]
        self._names: dict[str, str] = {}
        self._shown = 0  # newest seq told on entry
        self._status = 0
        self._whole = True  # nothing has been missed since the connection broke
        self._states: asyncio.Queue[State] = asyncio.Queue()

    async def run(self) -> int:
        """Talk until the end; gives the exit status.

        Raises:
            Refused: the name or the room is not for us.
            Disconnected: the server is not there, or wants no more of us.
        """
        if self._terminal.interactive:
            self._say("connecting", url=self._url)
        async with connect(self._url, guest=self._name, on_state=self._states.put_nowait) as client:
            room = await self._enter(client)
            page = await room.history(limit=SHOWN_MESSAGES)
            for message in page.messages:
                self._shown = message.seq
                if not message.deleted:
                    self._message(message.at, message.user, message.name, message.text)
            with self._terminal.open():
                if self._terminal.interactive:
                    self._say("entered", room=room.title, name=client.user.name, help=self._words["help"])
                await self._until_one_ends(self._listen(room), self._speak(room), self._watch(room))
        return self._status

    async def _enter(self, client: Client) -> Room:
        """Join the room, and make it where there is none."""
        try:
            return await client.join(self._room_id, limit=0)
        except Refused as refused:
            if refused.code != "not_found":
                raise
            try:
                await client.create(self._room_id)
            except Refused as taken:
                raise (refused if taken.code == "room_exists" else taken) from None  # it is there, but not for us
            return await client.join(self._room_id, limit=0)

    async def _until_one_ends(self, *sides: Any) -> None:
        tasks = [asyncio.create_task(side) for side in sides]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # -- the three sides -----------------------------------------------------------------------------------------------

    async def _speak(self, room: Room) -> None:
        """Send what is typed, one line after the other, until there is no more."""
        while (line := await self._terminal.line()) is not None:
            match line.split():
                case []:
                    continue
                case ["/quit"]:
                    return
                case ["/who"]:
                    present = await room.presence()
                    self._say("who", count=present.count, names=", ".join(present.users.values()))
                case ["/help"]:
                    self._say("help")
                case [word, *_] if word.startswith("/"):
                    self._say("unknown", line=word, help=self._words["help"])
                case _:
                    try:
                        await room.send(line)
                    except Refused as refused:
                        self._status = 1
                        self._say("refused", text=line, why=refused)

    async def _listen(self, room: Room) -> None:
        """Tell what happens in the room, until we are no longer in it."""
        async for item in room:
            if isinstance(item, Reset):
                self._whole = False
                self._say("reset")
            elif item.seq > self._shown:
                self._event(item)
        if room.ended in ("kicked", "deleted", "refused"):
            self._status = 1
            self._say("put out" if room.ended == "kicked" else "gone", room=room.title)

    async def _watch(self, room: Room) -> None:
        """Tell when the connection breaks and when all is well again."""
        waiting = False
        while True:
            state = await self._states.get()
            if state is State.WAITING and not waiting:
                waiting = self._whole = True
                self._say("waiting")
            elif state is State.LIVE and waiting:
                waiting = False
                await room.presence(limit=1)  # answered behind the join: what was missed has come
                if self._whole:
                    self._say("back")

    # -- telling -------------------------------------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        if len(self._names) >= MAX_NAMES:
            self._names.clear()
        self._names[event.user] = event.name
        match event:
            case MessageSent(deleted=False):
                self._message(event.at, event.user, event.name, event.text)
            case MessageEdited(text=str(text)):
                self._message(event.at, event.user, event.name, f"✎ {text}")
            case MessageDeleted():
                self._say("deleted", name=event.name)
            case MemberJoined():
                self._say("joined", name=event.name)
            case MemberLeft():
                self._say("left", name=event.name)
            case MemberKicked(member=member):
                self._say("kicked", name=self._names.get(member, member))

    def _message(self, at: datetime, user: str, name: str, text: str) -> None:
        self._names[user] = name
        time = at.astimezone().strftime("%H:%M")
        lines = printable(text).split("\n")
        colour = _COLOURS[zlib.crc32(user.encode()) % len(_COLOURS)]
        self._terminal.show(
            f"{self._tint(_GREY, time)} {self._tint(colour, printable(name))}  " + "\n        ".join(lines)
        )

    def _say(self, what: str, **fields: Any) -> None:
        """Tell something of our own."""
        safe = {key: printable(str(value)) for key, value in fields.items()}
        line = self._words[what].format(**safe)
        if self._terminal.interactive:
            self._terminal.show(self._tint(_GREY, line))
        else:
            print(line, file=sys.stderr)

    def _tint(self, colour: int, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._terminal.colour else text
