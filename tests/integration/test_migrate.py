"""`madang migrate` as people use it: a real installation moves between databases, in every direction.

Its clients do not notice. Also what it refuses, and how it ends.

How a copy is cut off and goes on, and what its check finds: `tests/contract/test_copying.py`.
"""

import asyncio
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from madang.adapters.sql import open_store
from madang_proof.testbed.server import PROGRAM
from tests import wire
from tests.contract.conftest import now_ms, opened
from tests.contract.test_copying import furnish
from tests.rest import Rest, rest, server_key
from tests.running import Server, madang, running_server
from tests.waiting import PATIENCE_S

ROOM = "yard-1"
LONG = "긴 글 😀 " * 500  # 4,000 characters


class Village:
    """People with their tokens, a server key, an invite, and where Ben was before going away."""

    def __init__(self) -> None:
        self.tokens: dict[str, str] = {}
        self.invite = ""
        self.seq = 0
        self.epoch = ""


async def settle(server: Server) -> Village:
    """Make one of everything that there is."""
    village = Village()
    async with rest(server.url) as anyone:
        mina, ben, cho, dan = [await anyone.guest(name) for name in ("미나", "Ben 🐻", "Cho", "Dan")]
        room = f"/api/rooms/{ROOM}"

        async def say(who: Rest, words: str, **more: Any) -> int:
            return int((await who.ok("POST", f"{room}/messages", {"text": words, **more}))["seq"])

        await mina.ok("POST", "/api/rooms", {"id": ROOM, "title": "마당 🏡"})
        for who in (ben, cho, dan):
            await who.ok("PUT", f"{room}/members/me")
        first = await say(mina, "안녕하세요 👩‍👩‍👧‍👦 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 a  ")
        await say(ben, LONG, cid="ben-1")
        joined = await joined_at(server, ben.token)
        village.seq, village.epoch = joined["seq"], joined["epoch"]
        await say(cho, "", data={"sticker": [1, 2.5, None, "큰"], "q\u0001": "'\"\\%s%%:x"})
        await say(dan, "@Ben look", mentions=[ben.user, mina.user], reply_to=first)
        edited, deleted = await say(cho, "typpo"), await say(dan, "never said")
        await cho.ok("PATCH", f"{room}/messages/{edited}", {"text": "typo", "mentions": [ben.user]})
        await dan.ok("DELETE", f"{room}/messages/{deleted}")
        for who, emoji in ((ben, "👍"), (cho, "👍"), (cho, "🇰🇷"), (dan, "👍🏿")):
            await who.ok("PUT", f"{room}/messages/{first}/reactions/{emoji}")
        await cho.ok("DELETE", f"{room}/messages/{first}/reactions/👍")
        await mina.ok("PUT", f"{room}/pins/{first}")
        await mina.ok("PUT", f"{room}/pins/{edited}")
        await mina.ok("DELETE", f"{room}/pins/{edited}")
        await mina.ok("PATCH", f"{room}/members/{cho.user}", {"role": "moderator"})
        await cho.ok("DELETE", f"{room}/members/{dan.user}")
        await mina.ok("PATCH", room, {"title": "뜰", "slow_ms": 5, "access": "invite"})
        await ben.ok("PUT", f"{room}/read", {"seq": first})
        await cho.ok("PUT", "/api/rooms/lobby/members/me")
        await cho.ok("DELETE", "/api/rooms/lobby/members/me")
        village.invite = (await mina.ok("POST", f"{room}/invites"))["invite"]
        village.tokens = {"mina": mina.token, "ben": ben.token, "cho": cho.token, "shop": await server_key(server)}
    return village


async def joined_at(server: Server, token: str, **more: Any) -> dict[str, Any]:
    """Enter the room as a client does that was there before, and give what the server answers."""
    async with wire.upgraded(server.port) as raw:
        await raw.ask(op="hello", n=1, token=token)
        return await raw.ask(op="join", n=2, room=ROOM, **more)


async def seen(server: Server, village: Village) -> dict[str, Any]:
    """Return all that people can see, and what Ben gets who resumes."""
    async with rest(server.url) as anyone:
        who = {name: anyone.server(token) for name, token in village.tokens.items()}
        room = f"/api/rooms/{ROOM}"
        found = {
            f"{name} {path}": await person.ok("GET", path)
            for name, person in who.items()
            for path in (room, f"{room}/messages?limit=200", f"{room}/members", f"{room}/pins", "/api/rooms")
        }
        for name in ("mina", "ben", "cho"):
            found[f"{name} rooms"] = await who[name].ok("GET", "/api/me/rooms")
    found["all"] = await joined_at(server, village.tokens["mina"], since=0, epoch=village.epoch)
    found["resumed"] = await joined_at(server, village.tokens["ben"], since=village.seq, epoch=village.epoch)
    return found


@pytest.mark.postgres
@pytest.mark.mariadb
@pytest.mark.parametrize(
    "hops",
    [
        ["postgres", "mariadb", "sqlite"],
        pytest.param(["mariadb", "postgres", "sqlite"], marks=pytest.mark.slow),
    ],
    ids="-".join,
)
async def test_an_installation_moves_and_its_clients_do_not_notice(
    tmp_path: Path, hops: list[str], postgres_url: str, mariadb_url: str
) -> None:
    """Round by all three kinds of database: every token, position and page holds at each, and what comes then goes on."""
    urls = {"postgres": postgres_url, "mariadb": mariadb_url, "sqlite": f"sqlite:///{tmp_path}/back/madang.db"}
    (home := tmp_path / "home").mkdir()
    async with running_server(home) as server:
        village = await settle(server)
        before = await seen(server, village)
        assert await server.stop() == 0
    assert before["resumed"]["reset"] is False and len(before["resumed"]["events"]) > 15
    given: tuple[str | Path, ...] = ("--data", home)
    for kind in hops:
        done = await madang("migrate", *given, "--to", urls[kind])
        assert (done.status, done.err) == (0, "")
        assert "and the same on both sides" in done.out
        async with running_server(home, "--database", urls[kind]) as server:
            assert await seen(server, village) == before
            if kind == hops[-1]:
                await goes_on(server, village, before["all"])
            assert await server.stop() == 0
        given = ("--from", urls[kind])


async def goes_on(server: Server, village: Village, log: dict[str, Any]) -> None:
    """Somebody comes by an invite of before and says something; a cid of before stands for its message."""
    async with rest(server.url) as anyone:
        eve, ben = await anyone.guest("Eve"), anyone.server(village.tokens["ben"])
        await eve.ok("PUT", f"/api/rooms/{ROOM}/members/me", {"invite": village.invite})
        sent = await eve.ok("POST", f"/api/rooms/{ROOM}/messages", {"text": "new here"})
        assert sent["seq"] == log["seq"] + 2
        assert int(sent["id"]) > max(int(event["id"]) for event in log["events"])
        again = await ben.ok("POST", f"/api/rooms/{ROOM}/messages", {"text": LONG, "cid": "ben-1"})
        assert again["duplicate"] is True


async def test_the_target_may_come_from_the_settings(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/home/madang.db"):
        pass
    target = tmp_path / "new" / "madang.db"
    done = await madang("migrate", "--data", tmp_path / "home", "--quiet", MADANG_DATABASE=f"sqlite:///{target}")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("All 1 rows are there") and done.out.endswith(f"Serve from {target} from now on.\n")
    assert target.stat().st_mode & 0o077 == 0


REFUSED = [
    (["--data", "{home}"], "There is no target."),
    (["--from", "nonsense hunter2", "--to", "sqlite:///{new}"], "The database setting is not a URL."),
    (["--from", "postgresql://me:hunter2@127.0.0.1:1/x", "--to", "sqlite:///{new}"], "does not answer"),
]
"""What else is wrong about databases is in `tests/contract/test_copying.py`, without a process for each."""


@pytest.mark.parametrize(("arguments", "says"), REFUSED)
async def test_what_is_wrong_is_said_in_one_sentence(arguments: list[str], says: str, tmp_path: Path) -> None:
    (home := tmp_path / "home").mkdir()
    places = {"home": home, "new": tmp_path / "new"}
    done = await madang("migrate", *(each.format_map(places) for each in arguments))
    assert done.status == 2
    assert says in done.err
    assert "hunter2" not in done.out + done.err, "a password is shown"
    assert not (tmp_path / "new").exists() and not any(home.iterdir()), "something was made"


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def nobody_else_writes(url: str) -> AsyncIterator[Any]:
    """Hold the table of members, so that who comes to write it waits; gives how many wait."""
    engine = create_async_engine(url.replace("postgresql:", "postgresql+asyncpg:"))
    try:
        async with engine.connect() as c, engine.connect() as other:
            await c.execute(text("LOCK TABLE members IN EXCLUSIVE MODE"))

            async def waiting() -> int:
                found = await other.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
                return int(found.scalar_one())

            yield waiting
    finally:
        await engine.dispose()


@pytest.mark.postgres
async def test_ctrl_c_ends_it_in_order_and_it_goes_on(tmp_path: Path, postgres_url: str) -> None:
    await furnish(f"sqlite:///{tmp_path}/madang.db")
    await (await open_store(postgres_url, now_ms)).close()
    command = ("migrate", "--data", str(tmp_path), "--to", postgres_url)
    async with asyncio.timeout(PATIENCE_S), nobody_else_writes(postgres_url) as waiting:
        process = await asyncio.create_subprocess_exec(*PROGRAM, *command, stdout=PIPE, stderr=PIPE)
        while not await waiting():
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
    _, error = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert (process.returncode, error.decode()) == (
        130,
        "Interrupted. Run the same command again: it continues where it stopped.\n",
    )
    done = await madang("serve", "--data", tmp_path, "--port", "0", "--admin-port", "0", "--database", postgres_url)
    assert (done.status, "an incomplete copy" in done.err) == (2, True)
    assert (await madang(*command)).status == 0
