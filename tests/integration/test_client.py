"""The Python SDK against a real server that is killed, restarted and cut off in the middle of things."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from madang.client import (
    Disconnected,
    Event,
    MemberJoined,
    MemberKicked,
    MessageDeleted,
    MessageEdited,
    MessageSent,
    OpenReports,
    Refused,
    Reset,
    RoleGiven,
    Room,
    Sent,
    State,
    Words,
    connect,
)
from tests.cuttable import Cable
from tests.running import Server, running_server
from tests.waiting import PATIENCE_S, eventually


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running_server(tmp_path, "--load-test") as server:
        yield server


def impatient() -> float:
    """Chance that makes every wait a tenth of what it may be."""
    return 0.1


async def take(room: Room, count: int) -> list[Event | Reset]:
    async with asyncio.timeout(PATIENCE_S):
        return [await anext(room) for _ in range(count)]


async def until(room: Room, text: str) -> list[Event | Reset]:
    """Take items up to the message of this text."""
    items = []
    async with asyncio.timeout(PATIENCE_S):
        async for item in room:
            items.append(item)
            if isinstance(item, MessageSent) and item.text == text:
                break
    return items


async def test_two_clients_hear_each_other(server: Server) -> None:
    async with connect(server.direct_url, guest="Mina") as mina, connect(server.direct_url, guest="보라") as bora:
        minas, boras = await mina.join("lobby"), await bora.join("lobby")
        sent = await minas.send("안녕, 보라", data={"wave": True}, mentions=[bora.user.id])
        assert sent.ack == mina.server.ack == "stored"
        heard = (await until(boras, "안녕, 보라"))[-1]
        assert isinstance(heard, MessageSent)
        assert (heard.seq, heard.id, heard.user, heard.name) == (sent.seq, sent.id, mina.user.id, "Mina")
        assert (heard.text, heard.data, heard.mentions) == ("안녕, 보라", {"wave": True}, (bora.user.id,))
        *_, joined, own = await until(minas, "안녕, 보라")
        assert isinstance(joined, MemberJoined) and joined.name == "보라" and own == heard
        assert await boras.react(sent.seq, "👋") and await boras.react(sent.seq, "👋") is None
        message = (await minas.history(limit=1)).messages[0]
        assert message.reactions == {"👋": 1} and message.mine == ()
        assert {m.name async for m in minas.members()} == {"Madang", "Mina", "보라"}
        (mine,) = [m async for m in bora.rooms()]
        assert mine.mentions == 1
        await boras.read()
        (mine,) = [m async for m in bora.rooms()]
        assert (mine.mentions, mine.read_seq) == (0, sent.seq)
    async with connect(server.direct_url, token=mina.token) as again:
        assert again.user == mina.user


async def test_typing_and_presence_are_noticed(server: Server) -> None:
    async with connect(server.direct_url, guest="Mina") as mina, connect(server.direct_url, guest="Bora") as bora:
        minas = await mina.join("lobby")
        notices = minas.notices()
        boras = await bora.join("lobby")
        boras.typing()
        missing = {("Online", "Bora", True), ("Typing", "Bora", True)}
        async with asyncio.timeout(PATIENCE_S):
            async for notice in notices:
                missing.discard((type(notice).__name__, getattr(notice, "name", ""), getattr(notice, "on", None)))
                if not missing:
                    break
        assert (await minas.presence()).users == {mina.user.id: "Mina", bora.user.id: "Bora"}


async def test_kill_and_restart_in_the_middle_of_a_burst(server: Server) -> None:
    """Nothing acked is lost, nothing is doubled, everybody's order is kept, and every reader sees the log itself."""
    writers, per_writer, kills = 3, 120, 3
    acked: list[tuple[Sent, str]] = []

    async def write(name: str) -> None:
        async with connect(server.direct_url, guest=name, in_flight=8, random=impatient) as client:
            room = await client.join("lobby")

            async def send(text: str) -> None:
                acked.append((await room.send(text), text))

            async with asyncio.TaskGroup() as tasks:  # in this order, and without waiting for each other
                for i in range(per_writer):
                    tasks.create_task(send(f"{name} {i}"))

    async def kill() -> None:
        for n in range(1, kills + 1):
            await eventually(lambda: len(acked) >= 60 * n)  # noqa: B023  # awaited at once
            await server.kill()
            await server.restart()

    async with connect(server.direct_url, guest="Reader", random=impatient) as client:
        room = await client.join("lobby")
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as tasks:
            tasks.create_task(kill())
            for name in "abc"[:writers]:
                tasks.create_task(write(name))
        await room.send("end")
        seen = await until(room, "end")
        stored = {m.seq: m.text async for m in room.messages()}

    assert [item.seq for item in seen] == list(range(seen[0].seq, seen[0].seq + len(seen)))
    texts = [item.text for item in seen if isinstance(item, MessageSent)][:-1]
    for name in "abc"[:writers]:
        assert [t for t in texts if t.startswith(name)] == [f"{name} {i}" for i in range(per_writer)]
    assert len(acked) == writers * per_writer
    assert all(stored[sent.seq] == text for sent, text in acked)
    assert len(stored) == len(acked) + 1


async def test_what_happened_while_away_is_seen_as_it_happened(server: Server) -> None:
    cable = Cable()
    states: list[State] = []
    async with (
        connect(server.direct_url, guest="Mina", opener=cable.open, on_state=states.append) as mina,
        connect(server.direct_url, guest="Bora") as bora,
    ):
        boras = await bora.join("lobby")
        first, second = await boras.send("first"), await boras.send("second")
        minas = await mina.join("lobby")
        await take(minas, second.seq + 1 - minas.seq)  # up to her own joining, which may follow the answer
        cable.cut()
        await boras.edit(first.seq, "first, corrected")
        await boras.delete(second.seq)
        await boras.send("third")
        sending = asyncio.ensure_future(minas.send("from afar"))
        cable.repair()
        edited, deleted, third, own = await take(minas, 4)
        assert isinstance(edited, MessageEdited) and (edited.target, edited.text) == (first.seq, "first, corrected")
        assert isinstance(deleted, MessageDeleted) and deleted.target == second.seq
        assert isinstance(third, MessageSent) and third.text == "third"
        assert isinstance(own, MessageSent) and own.seq == (await sending).seq
        assert states == ["connecting", "live", "waiting", "connecting", "live"]


async def test_too_long_away_is_a_reset(server: Server) -> None:
    cable = Cable()
    async with (
        connect(server.direct_url, guest="Mina", opener=cable.open) as mina,
        connect(server.direct_url, guest="Bora", in_flight=64) as bora,
    ):
        minas, boras = await mina.join("lobby", limit=10), await bora.join("lobby")
        cable.cut()
        await asyncio.gather(*(boras.send(str(i)) for i in range(mina.server.resume_events + 500)))
        cable.repair()
        async with asyncio.timeout(PATIENCE_S):
            reset = await anext(item async for item in minas if isinstance(item, Reset))
        rest = await take(minas, 10)
        assert [item.seq for item in rest] == list(range(reset.seq + 1, reset.seq + 11))
        older = [m.seq async for m in minas.messages(before=reset.seq + 1)]
        assert older == list(range(reset.seq, reset.seq - len(older), -1)) and older[-1] < 10


async def test_a_slow_application_gets_all_and_holds_nobody_up(server: Server) -> None:
    async with (
        connect(server.direct_url, guest="Mina", waiting_events=20) as mina,
        connect(server.direct_url, guest="Bora", in_flight=64) as bora,
    ):
        minas, boras = await mina.join("lobby"), await bora.join("lobby")
        await asyncio.gather(*(boras.send(str(i)) for i in range(300)))
        await minas.send("end")  # its answer is not stuck behind what nobody took
        seen = await until(minas, "end")
        assert [item.seq for item in seen] == list(range(seen[0].seq, seen[-1].seq + 1))
        assert len([item for item in seen if isinstance(item, MessageSent)]) == 301


async def test_the_kicked_one_hears_of_it_and_no_more(server: Server) -> None:
    async with connect(server.direct_url, guest="Mina") as mina, connect(server.direct_url, guest="Bora") as bora:
        await mina.create("yard", title="The yard")
        minas, boras = await mina.join("yard"), await bora.join("yard")
        assert (minas.role, minas.title, boras.role) == ("owner", "The yard", "member")
        await minas.send("before")
        await minas.kick(bora.user.id)
        await minas.send("after")
        async with asyncio.timeout(PATIENCE_S):
            seen = [type(item) async for item in boras if not isinstance(item, MemberJoined)]
        assert seen == [MessageSent, MemberKicked] and boras.ended == "kicked"
        with pytest.raises(Refused) as refused:
            await boras.send("I am still here")
        assert refused.value.code == "not_member"


async def test_moderators_mute_and_ban(server: Server) -> None:
    async with connect(server.direct_url, guest="Mina") as mina, connect(server.direct_url, guest="Bora") as bora:
        await mina.create("yard")
        minas, boras = await mina.join("yard"), await bora.join("yard")
        await minas.mute(bora.user.id, reason="spam", for_ms=60_000)
        (mute,) = [mute async for mute in minas.mutes()]
        assert (mute.user, mute.name, mute.by, mute.reason) == (bora.user.id, "Bora", mina.user.id, "spam")
        with pytest.raises(Refused) as refused:
            await boras.send("hey")
        assert refused.value.code == "muted"
        await minas.unmute(bora.user.id)
        await boras.send("hey")
        await minas.give_role(bora.user.id, "viewer")
        async with asyncio.timeout(PATIENCE_S):
            async for item in boras:
                if isinstance(item, RoleGiven):
                    break
        assert boras.role == "viewer"
        await minas.ban(bora.user.id, reason="spam")
        async with asyncio.timeout(PATIENCE_S):
            (ban,) = [item async for item in boras if isinstance(item, MemberKicked)]
        assert (ban.banned, ban.reason, boras.ended) == (True, "spam", "kicked")
        with pytest.raises(Refused) as refused:
            await bora.join("yard")
        assert refused.value.code == "banned"
        assert [each.user async for each in minas.bans()] == [bora.user.id]
        await minas.unban(bora.user.id)
        assert (await bora.join("yard")).role == "member"
        deeds = [entry async for entry in minas.audit()]
        assert [entry.what for entry in deeds] == ["unban", "ban", "role", "unmute", "mute"]
        assert (deeds[1].by_name, deeds[1].name, deeds[1].reason) == ("Mina", "Bora", "spam")


async def test_moderators_are_told_of_reports(server: Server) -> None:
    async with connect(server.direct_url, guest="Mina") as mina, connect(server.direct_url, guest="Bora") as bora:
        await mina.create("hall")
        minas, boras = await mina.join("hall"), await bora.join("hall")
        sent = await minas.send("buy this")
        told = minas.notices()
        assert await boras.report(sent.seq, "spam")
        assert not await boras.report(sent.seq)
        async with asyncio.timeout(PATIENCE_S):
            while (notice := await anext(told)) != OpenReports("hall", 1):
                assert not isinstance(notice, OpenReports)
        (reported,) = [each async for each in minas.reported()]
        assert (reported.seq, reported.user, reported.reports[0].reason) == (sent.seq, mina.user.id, "spam")
        assert await minas.resolve(sent.seq) == 0
        assert [each async for each in minas.reported()] == []
        words = Words(refuse=("badword",), mask=("rude",), flag=("spam",))
        assert await minas.set_words(words) == await minas.words() == words
        with pytest.raises(Refused) as refused:
            await boras.send("b.a.d.w.o.r.d")
        assert refused.value.code == "bad_words"
        flagged = await boras.send("rude spam")
        async with asyncio.timeout(PATIENCE_S):
            while await anext(told) != OpenReports("hall", 1):
                pass
        (reported,) = [each async for each in minas.reported()]
        assert (reported.seq, reported.user, reported.reports[0].reason) == (
            flagged.seq,
            bora.user.id,
            "Word list: spam",
        )
        assert (await minas.history(limit=1)).messages[0].text == "**** spam"


async def test_the_invited_come_in(server: Server) -> None:
    async with connect(server.direct_url, guest="Mina") as mina, connect(server.direct_url, guest="Bora") as bora:
        await mina.create("backstage", access="invite")
        invite = await (await mina.join("backstage")).invite()
        with pytest.raises(Refused) as refused:
            await bora.join("backstage")
        assert refused.value.code == "not_found"
        assert (await bora.join("backstage", invite=invite)).access == "invite"


async def test_leaving_and_coming_again(server: Server) -> None:
    async with connect(server.direct_url, guest="Mina") as mina, connect(server.direct_url, guest="Bora") as bora:
        minas, boras = await mina.join("lobby"), await bora.join("lobby")
        await boras.leave()
        async with asyncio.timeout(PATIENCE_S):
            assert {item.user async for item in boras if not isinstance(item, Reset)} <= {bora.user.id}
        again = await bora.join("lobby")
        await minas.send("welcome back")
        assert [item.text for item in await until(again, "welcome back") if isinstance(item, MessageSent)] == [
            "welcome back"
        ]


async def test_a_restart_in_order_is_a_pause(server: Server) -> None:
    async with connect(server.direct_url, guest="Mina") as mina:
        room = await mina.join("lobby")
        before = await room.send("before")
        await until(room, "before")
        assert await server.stop() == 0
        sending = asyncio.ensure_future(room.send("after"))
        await server.restart()
        async with asyncio.timeout(PATIENCE_S):
            assert (await sending).seq == before.seq + 1
        assert [item.seq for item in await take(room, 1)] == [before.seq + 1]


async def test_what_cannot_be_reached_says_why(server: Server) -> None:
    with pytest.raises(Disconnected, match="404"):
        async with connect(server.direct_url + "x", guest="Mina"):
            pass
    with pytest.raises(Refused, match="name"):
        async with connect(server.direct_url, guest="admin"):
            pass
    with pytest.raises(Refused, match="token"):
        async with connect(server.direct_url, token="nonsense"):
            pass
    await server.kill()
    with pytest.raises(Disconnected, match=r"Not reached within 0\.5 s"):
        async with connect(server.direct_url, guest="Mina", timeout=0.5):
            pass
    with pytest.raises(Disconnected, match="URL of a server"):
        async with connect("nonsense", guest="Mina"):
            pass


async def test_rates_are_waited_out(tmp_path: Path) -> None:
    settings = {"user_rate": "50", "user_burst": "5"}
    async with (
        running_server(tmp_path, settings=settings) as server,
        connect(server.direct_url, guest="Mina") as mina,
        asyncio.timeout(PATIENCE_S),
    ):
        room = await mina.join("lobby")
        sent = await asyncio.gather(*(room.send(str(i)) for i in range(20)))
        assert [s.seq for s in sent] == list(range(sent[0].seq, sent[0].seq + 20))
