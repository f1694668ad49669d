"""One session at a terminal: what the room says is shown, what is typed is sent. How it is shown: `chat_view.py`."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from madang.cli.chat_outgoing import Line, Outgoing
from madang.cli.chat_view import View
from madang.cli.identities import Identity
from madang.cli.terminal import Terminal
from madang.client import Client, Disconnected, Refused, Reset, Room, State, connect

SHOWN_MESSAGES: Final = 20  # on entry, and by /history
LEAVE_S: Final = 2.0
"""How long leaving waits for what is on its way."""


class Talk:
    """From connecting to leaving.

    Args:
        identity: who the name is on this server, from the last time.
        timeout: seconds to wait for the server: at first, and through a pipe each time that it goes away.
    """

    def __init__(
        self,
        terminal: Terminal,
        room: str,
        url: str,
        name: str,
        identity: Identity,
        language: str,
        invite: str | None,
        timeout: float,
    ) -> None:
        self._terminal = terminal
        self._view = View(terminal, language)
        self._room_id = room
        self._url = url
        self._name = name
        self._identity = identity
        self._invite = invite
        self._timeout = timeout
        self._outgoing = Outgoing(self._wait_for, self._refuse)
        self._asked: asyncio.Queue[tuple[str, Callable[[], Awaitable[None]]]] = asyncio.Queue()
        self._status = 0
        self._states: asyncio.Queue[State] = asyncio.Queue()

    @property
    def unsent(self) -> bool:
        """Whether something that was typed is not known to be stored, or was refused."""
        return self._status != 0 or bool(self._outgoing.unsent)

    async def run(self) -> int:
        """Talk until the end, and return the exit status.

        Raises:
            Refused: the name or the room is not for us.
            Disconnected: the server is not there, or wants no more of us.
        """
        if self._terminal.interactive:
            self._view.say("connecting", url=self._url)
        try:
            token = self._identity.token()
            try:
                await self._talk(guest=None if token else self._name, token=token)
            except Refused as refused:
                if refused.code != "bad_token" or token is None:
                    raise
                self._identity.forget()
                self._view.say("new user", name=self._name)
                await self._talk(guest=self._name, token=None)
        finally:
            if unsent := self._outgoing.unsent:
                self._status = 1
                self._view.say("unsent", count=len(unsent))
                for text in unsent:
                    self._view.say("pending", text=text)
        return self._status

    async def _talk(self, guest: str | None, token: str | None) -> None:
        client = connect(self._url, guest=guest, token=token, timeout=self._timeout, on_state=self._states.put_nowait)
        # Told at once, because through a pipe nothing else shows that it waits.
        waiting = asyncio.create_task(self._watch_start(client))
        try:
            await client.__aenter__()
        finally:
            waiting.cancel()
        try:
            await self._in_room(client)
        finally:
            self._identity.keep(client.token)
            await client.close()

    async def _watch_start(self, client: Client) -> None:
        while await self._states.get() is not State.WAITING:
            pass
        self._view.say("no answer", url=self._url, why=client.trouble, seconds=f"{self._timeout:g}")

    async def _in_room(self, client: Client) -> None:
        self._identity.keep(client.token)
        while not self._states.empty():  # the states on the way here are not shown
            self._states.get_nowait()
        room = await self._enter(client)
        page = await room.history(limit=SHOWN_MESSAGES)
        for message in page.messages:
            self._view.old(message)
        self._view.oldest = page.messages[0].seq if page.messages else None
        with self._terminal.open():
            if self._terminal.interactive:
                self._view.say("entered", room=room.title, name=client.user.name)
                self._view.say("help")
            await self._until_one_ends(
                self._listen(room),
                self._speak(room, client.user.id),
                self._watch(client, room),
                self._outgoing.run(),
                self._answer(),
            )

    async def _enter(self, client: Client) -> Room:
        """Join the room, and make it where there is none."""
        try:
            return await client.join(self._room_id, limit=0, invite=self._invite)
        except Refused as refused:
            if refused.code != "not_found" or self._invite is not None:
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

    # -- the sides -----------------------------------------------------------------------------------------------------

    async def _speak(self, room: Room, me: str) -> None:
        """Take what is typed until there is no more; then wait for what is on its way."""
        while (line := await self._terminal.line()) is not None:
            if not line.strip():
                continue
            if not self._terminal.interactive or not line.startswith("/"):
                await self._outgoing.add(Line(line, partial(room.send, line)))
            elif line.startswith("//"):
                await self._outgoing.add(Line(line, partial(room.send, line[1:])))
            elif line.split() == ["/quit"]:
                break
            else:
                await self._command(room, me, line)
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE_S if self._terminal.interactive else None):
                await self._outgoing.emptied()
                await self._asked.join()

    async def _answer(self) -> None:
        """Answer what is asked, in its order, beside what is typed: without a server an answer takes long."""
        while True:
            line, answer = await self._asked.get()
            try:
                await answer()
            except Refused as refused:
                self._view.say("refused", text=line, why=refused)
            self._asked.task_done()

    async def _command(self, room: Room, me: str, line: str) -> None:
        word, _, rest = line.partition(" ")
        number, _, text = rest.strip().partition(" ")
        seq = int(number.lstrip("#")) if number.lstrip("#").isdecimal() else None
        match word:
            case "/who":
                self._asked.put_nowait((line, partial(self._who, room)))
            case "/history":
                self._asked.put_nowait((line, partial(self._history, room)))
            case "/reply" if seq is not None and text.strip():
                await self._outgoing.add(Line(line, partial(room.send, text, reply_to=seq)))
            case "/edit" if seq is not None and text.strip():
                await self._outgoing.add(Line(line, partial(room.edit, seq, text)))
            case "/edit" if rest.strip() and seq is None and (own := self._view.newest_by.get(me)) is not None:
                await self._outgoing.add(Line(line, partial(room.edit, own, rest.strip())))
            case "/help":
                self._view.say("help")
            case _:
                self._view.say("incomplete" if word in ("/reply", "/edit") else "unknown", line=line)
                self._view.say("help")

    async def _who(self, room: Room) -> None:
        present = await room.presence()
        self._view.say("who", count=present.count, names=", ".join(present.users.values()))

    async def _history(self, room: Room) -> None:
        page = await room.history(before=self._view.oldest, limit=SHOWN_MESSAGES)
        for message in page.messages:
            self._view.old(message)
        self._view.oldest = page.messages[0].seq if page.messages else self._view.oldest
        if not page.more:
            self._view.say("beginning")

    async def _listen(self, room: Room) -> None:
        """Show what happens in the room, until we are no longer in it."""
        async for item in room:
            if isinstance(item, Reset):
                self._view.whole = False
                self._view.say("reset")
            else:
                self._view.event(item)
        if room.ended != "left":
            self._status = 1
            self._view.say("put out" if room.ended == "kicked" else "gone", room=room.title)

    async def _watch(self, client: Client, room: Room) -> None:
        """Tell when the connection breaks and when all is well again. Through a pipe, end when it stays away.

        Raises:
            Disconnected: it stayed away for `timeout`.
        """
        waiting = False
        while True:
            try:
                async with asyncio.timeout(self._timeout if waiting and not self._terminal.interactive else None):
                    state = await self._next_turn(waiting)
            except TimeoutError:
                raise Disconnected(f"Away for {self._timeout:g} s: {client.trouble}") from None
            if state is State.WAITING:
                waiting = self._view.whole = True
                self._view.say("waiting", why=client.trouble)
            else:
                waiting = False
                await room.presence(limit=1)  # answered behind the join: what was missed has come
                if self._view.whole:
                    self._view.say("back")

    async def _next_turn(self, waiting: bool) -> State:
        """Return the next state that is news: WAITING while all was well, LIVE while it was not."""
        news = State.LIVE if waiting else State.WAITING
        while (state := await self._states.get()) is not news:
            pass
        return state

    # -- what was typed ------------------------------------------------------------------------------------------------

    def _wait_for(self, text: str) -> None:
        self._view.say("pending", text=text)

    def _refuse(self, text: str, refused: Refused) -> None:
        self._status = 1
        self._view.say("refused", text=text, why=refused)
