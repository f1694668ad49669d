"""A Socket.IO client comes back to its session: same sid, same pid, and all that it missed of all its rooms, once and in order."""

from typing import Any

from madang.core.actors import Actor
from madang.core.erasure import KEEP
from madang.node.run import RunningNode
from tests.socketio import Socket, visitor


def _seqs(heard: list[list[Any]], room: str) -> list[int]:
    return [event[1]["seq"] for event in heard if event[0] == "message.sent" and event[1]["room"] == room]


async def _create(url: str, room: str) -> None:
    async with visitor(url, guest="Maker") as maker:
        assert "error" not in await maker.ask("create", {"room": room, "title": room})


async def _say(url: str, counts: dict[str, int]) -> None:
    async with visitor(url, guest="Bora") as bora:
        for room, count in counts.items():
            await bora.ask("join", {"room": room})
            for n in range(count):
                assert "seq" in await bora.ask("send", {"room": room, "text": str(n)})


async def _back(socket: Socket, former: Socket, offset: str = "", **auth: Any) -> Any:
    return await socket.connect(pid=former.pid, offset=offset or former.offset, **auth)


async def test_all_rooms_go_on_where_they_were_three_times_in_a_row(url: str) -> None:
    rooms = ["north", "south", "west"]
    for room in rooms:
        await _create(url, room)
    async with visitor(url, guest="Mina") as mina:
        me = (await mina.named("hello"))[1]["user"]["id"]
        heads = {room: (await mina.ask("join", {"room": room}))["seq"] for room in rooms}
        await mina.ask("ping")
    former = mina
    for missed in ({"north": 3, "west": 2}, {"south": 1}, {"north": 1, "south": 4, "west": 1}):
        await _say(url, missed)
        async with visitor(url) as again:
            assert await _back(again, former, guest="Somebody else") == {"sid": mina.sid, "pid": mina.pid}
            heard: list[list[Any]] = []
            for room in rooms:  # Bora's coming, and what was said
                while heads[room] not in _ends(heads, heard, room, missed.get(room)):
                    heard.append(await again.hear())
                    assert heard[-1][0] != "hello"
            assert "seq" in await again.ask("send", {"room": "north", "text": "back"})
            own = await again.hear(lambda event: event[0] == "message.sent")
            assert own[1]["user"] == me
            for room in rooms:
                seqs = [event[1]["seq"] for event in heard if "seq" in event[1] and event[1]["room"] == room]
                assert seqs == list(range(heads[room] + 1, heads[room] + 1 + len(seqs))), "once and in order"
                heads[room] += len(seqs)
            heads["north"] += 1
        former = again
        former.pid = mina.pid


def _ends(heads: dict[str, int], heard: list[list[Any]], room: str, missed: int | None) -> set[int]:
    """Return the head of a room if all of it has come."""
    return {heads[room]} if len(_seqs(heard, room)) == (missed or 0) else set()


async def test_a_room_that_was_only_joined_is_followed_again(url: str) -> None:
    await _create(url, "quiet")
    async with visitor(url, guest="Mina") as mina:
        await mina.ask("join", {"room": "quiet"})
    await _say(url, {"quiet": 1})
    async with visitor(url) as again:
        assert (await _back(again, mina))["sid"] == mina.sid
        assert (await again.named("message.sent"))[1]["room"] == "quiet"


async def test_a_membership_that_has_ended_is_not_had_again(node: RunningNode, url: str) -> None:
    async with visitor(url, guest="Olive") as olive, visitor(url, guest="Mina") as mina:
        await olive.ask("create", {"room": "club", "title": "Club"})
        await olive.ask("create", {"room": "cafe", "title": "Café"})
        me = (await mina.named("hello"))[1]["user"]["id"]
        for room in ("club", "cafe"):
            await mina.ask("join", {"room": room})
        await olive.ask("join", {"room": "club"})
        await mina.socket.close()
        await olive.ask("kick", {"room": "club", "user": me})
        await olive.ask("send", {"room": "club", "text": "secret"})
        await olive.ask("join", {"room": "cafe"})
        await olive.ask("send", {"room": "cafe", "text": "hello"})
        async with visitor(url) as again:
            assert (await _back(again, mina))["sid"] == mina.sid
            error = await again.hear()
            assert (error[0], error[1]["event"], error[1]["room"]) == ("error", "join", "club")
            assert error[1]["code"] in ("not_found", "kicked")
            assert "club" not in error[2]
            assert (await again.named("message.sent"))[1]["text"] == "hello"
            assert (await again.ask("send", {"room": "club", "text": "x"}))["error"]["code"] == "not_member"


async def test_a_session_that_cannot_be_had_is_a_new_one(node: RunningNode, url: str) -> None:
    await _create(url, "busy")
    async with visitor(url, guest="Mina") as mina:
        hello = (await mina.named("hello"))[1]
        epoch = (await mina.ask("join", {"room": "busy"}))["epoch"]
    far = f"busy:999:{epoch}"
    head, signature = mina.pid.rsplit(".", 1)
    forged = f"{head}.{'A' * (len(signature) - 1)}A"
    for pid, offset in (
        (forged, mina.offset), (mina.sid, mina.offset), (hello["token"], mina.offset), (mina.pid, far), (mina.pid, "junk"), (mina.pid, ""),
        (mina.pid, f"busy:1:{'0' * 16}"), (mina.pid, ",".join(f"r{n}:1:0" for n in range(201))), ("", ""), (mina.pid, 7), ([], {}),
    ):  # fmt: skip
        async with visitor(url) as again:
            said = await again.connect(token=hello["token"], pid=pid, offset=offset)
            assert said["sid"] != mina.sid, (pid, offset)
            assert said["pid"] != mina.pid
            assert (await again.hear())[1]["user"] == hello["user"]
            assert (await again.ask("send", {"room": "busy", "text": "x"}))["error"]["code"] == "not_member"


async def test_a_session_without_rooms_is_had_again(url: str) -> None:
    async with visitor(url, guest="Mina") as mina:
        await mina.named("hello")
    async with visitor(url) as again:
        assert (await _back(again, mina))["sid"] == mina.sid
        assert await again.ask("rooms") == {"rooms": [], "more": False}


async def test_a_deleted_user_does_not_come_back(node: RunningNode, url: str) -> None:
    async with visitor(url, guest="Mina") as mina:
        me = (await mina.named("hello"))[1]["user"]["id"]
        await node.node.users.delete_own(Actor(id=me, name="Mina"), KEEP)
        assert "41" in await mina.ended()
    async with visitor(url) as again:
        assert (await _back(again, mina, guest="Other"))["sid"] != mina.sid


async def test_the_link_that_was_left_behind_is_cut(url: str) -> None:
    async with visitor(url, guest="Mina") as mina, visitor(url) as again:
        await mina.named("hello")
        assert (await _back(again, mina))["sid"] == mina.sid
        assert await mina.ended() == []
        assert "at" in await again.ask("ping")
