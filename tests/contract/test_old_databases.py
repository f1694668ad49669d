"""Databases of before, brought to the schema of today: nothing is lost, and who had a token, a key or an account still has it."""

import hashlib
import time
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from sqlalchemy import Connection, MetaData, create_engine, insert, select

from madang.adapters.sql import Store, migrations
from madang.core import events as kinds
from madang.core.accounts import Account
from madang.core.actors import Actor
from madang.core.events import Appended
from madang.core.signing import FIRST, Keyring
from madang.services.tokens import Tokens
from madang.testing.rules import Scene
from madang.testing.rules import opened as opened_scene
from tests.contract.conftest import now_ms, opened
from tests.contract.test_schema_steps import empty_url, with_connection  # noqa: F401  (a fixture)
from tests.rest import rest
from tests.running import madang, running_server
from tests.wire import upgraded

NAMES = ("ann", "ben", "cho")
SECRET = b"the one secret of the first ones"
KEY = ("5f1c09ab", "s" * 43)


def brought_to(revision: str, c: Connection) -> None:
    """Do what the version did whose newest step this was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "NEWEST", revision)
        patch.setattr(migrations, "FINISHES", ())
        migrations.upgrade(c)


async def furnish(store: Store) -> Scene:
    """A room with all that the first version knew."""
    scene = await opened_scene(store, *NAMES[1:])
    sent = await scene.done(scene.say("first"))
    for n in range(6):
        sent = await scene.done(scene.say(f"{n}", NAMES[n % 3], cid=f"c-{n}", mentions=("cho",)))
        await scene.done(scene.draft(kinds.ReactionAdded, NAMES[n % 2], target=sent.seq, emoji="👍"))
    await scene.done(scene.draft(kinds.MessageEdited, "cho", target=sent.seq, text="edited", mentions=("ben",)))
    await scene.done(scene.draft(kinds.MessagePinned, "ann", target=sent.seq))
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="moderator"))
    await store.set_read([(scene.room, scene.id("ben"), sent.seq)])
    return scene


def rows_of(file: Path) -> dict[str, list[dict[str, Any]]]:
    """All rows of a SQLite database, by table."""
    engine = create_engine(f"sqlite:///{file}")
    found = MetaData()
    with engine.connect() as c:
        found.reflect(c)
        rows = {
            name: [dict(row) for row in c.execute(select(table)).mappings()] for name, table in found.tables.items()
        }
    engine.dispose()
    return rows


def as_the_first_wrote(c: Connection, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Make the tables of the first version, and put into them what it knew of these rows, and its one secret."""
    brought_to("0001", c)
    tables = MetaData()
    tables.reflect(c)
    id, secret = KEY
    digest = hashlib.sha256(secret.encode()).hexdigest()
    rows = {
        **rows,
        "secrets": [{"name": "signing", "value": SECRET}],
        "server_keys": [{"id": id, "label": "Shop", "hash": digest, "created_at": 1}],
        "leases": [],
    }
    for name, table in tables.tables.items():
        if name != "alembic_version" and (known := rows[name]):
            c.execute(
                insert(table), [{column: row[column] for column in map(str, table.columns.keys())} for row in known]
            )


async def seen(store: Store, scene: Scene) -> list[Any]:
    """What there is for each user; since when they are members was not kept at first, and they see everything."""
    members = [msgspec.structs.replace(each, joined_seq=0) for each in await store.members(scene.room)]
    found: list[Any] = [await store.read(scene.room, 0, 100), members]
    for name in NAMES:
        page = await store.messages(scene.room, scene.id(name), limit=200)
        found += [page, await store.memberships(scene.id(name))]
    return found


def token_of(user: str, name: str) -> str:
    """A token as the first version signed it: it names no key and no session."""
    now = int(time.time())
    claims = {"iss": "madang", "aud": "madang", "sub": user, "name": name, "iat": now, "exp": now + 20 * 86_400}
    return jwt.encode(claims, SECRET, "HS256")


async def test_a_database_of_the_first_version(empty_url: str, tmp_path: Path) -> None:  # noqa: F811
    async with opened(f"sqlite:///{tmp_path}/today.db") as store:
        scene = await furnish(store)
        before = await seen(store, scene)
    rows = rows_of(tmp_path / "today.db")
    await with_connection(empty_url, lambda c: as_the_first_wrote(c, rows))
    async with opened(empty_url) as store:
        scene.store = store
        assert await seen(store, scene) == before
        await store.number()
        assert await seen(store, scene) == before
        known = await store.signing_keys()
        assert [(key.id, key.secret) for key in known.keys] == [(FIRST, SECRET)]
        read = Tokens(Keyring(known, now_ms)).read(token_of("u-ann", "Ann"), time.time(), "")
        assert read.user == Actor(id="u-ann", name="Ann")
        assert [(key.id, key.label, key.scopes) for key in await store.keys()] == [(KEY[0], "Shop", None)]
        again = await scene.outcome(scene.say("0", cid="c-0", mentions=("cho",)))
        assert isinstance(again, Appended) and again.duplicate, "a cid is remembered for good"
        assert (await scene.done(scene.say("new"))).seq == len(before[0]) + 1


async def test_a_server_goes_on_with_the_first_versions_data(tmp_path: Path) -> None:
    """Tokens, keys, positions in a log and the second half of the upgrade, at a real server."""
    async with opened(f"sqlite:///{tmp_path}/today.db") as store:
        scene = await furnish(store)
        epoch, head = (await store.tail(scene.room, 0)).epoch, (await store.heads([scene.room]))[scene.room]  # type: ignore[union-attr]
    rows = rows_of(tmp_path / "today.db")
    (data := tmp_path / "data").mkdir()
    await with_connection(f"sqlite:///{data}/madang.db", lambda c: as_the_first_wrote(c, rows))
    async with running_server(data) as server, rest(server.url) as anyone:
        ann = anyone.server(token_of(scene.id("ann"), "ann"))
        assert (await ann.ok("GET", "/api/me"))["user"] == {"id": scene.id("ann"), "name": "ann"}
        texts = [m["text"] for m in (await ann.ok("GET", f"/api/rooms/{scene.room}/messages"))["messages"]]
        assert texts == ["first", "0", "1", "2", "3", "4", "edited"]
        shop = anyone.server(f"mk_{KEY[0]}_{KEY[1]}")
        assert (await shop.ok("GET", "/api/me"))["scopes"] == ["admin"]
        async with upgraded(server.port) as raw:
            assert (await raw.ask(op="hello", n=1, token=token_of(scene.id("cho"), "cho")))["op"] == "ok"
            joined = await raw.ask(op="join", n=2, room=scene.room, since=head - 2, epoch=epoch)
            assert (joined["reset"], [event["seq"] for event in joined["events"]]) == (False, [head - 1, head])
    finished = await madang("upgrade", "--finish", "--data", data)
    assert (finished.status, finished.err) == (0, "")
    async with running_server(data) as server, rest(server.url) as anyone:
        ann = anyone.server(token_of(scene.id("ann"), "ann"))
        assert (await ann.ok("POST", f"/api/rooms/{scene.room}/messages", {"text": "on"}))["seq"] == head + 1


@pytest.mark.parametrize("noted", [False, True], ids=["before they are noted", "when they are noted"])
async def test_logins_of_before_that_look_alike_stay_two(empty_url: str, noted: bool) -> None:  # noqa: F811
    """Both go on signing in by their own login; no third is made that looks like them, as long as one of them is there."""

    def two(c: Connection) -> None:
        brought_to("0022", c)
        tables = MetaData()
        tables.reflect(c)
        common = {"name": "Mina", "admin": 0, "made_ms": 1, "code": "", "code_until_ms": 0}
        both = [{"login": login, "user": f"account-{login}", "hash": f"hash of {login}"} for login in ("mina", "rnina")]
        c.execute(insert(tables.tables["accounts"]), [{**common, **each} for each in both])

    await with_connection(empty_url, two)
    async with opened(empty_url) as store:
        for _ in range(2 if noted else 0):
            await store.number()
        for login in ("mina", "rnina"):
            found = await store.account(login)
            assert found is not None and (found.user, found.hash) == (f"account-{login}", f"hash of {login}")
            assert await store.is_taken(login)
            assert not await store.add_account(_account(login)), "the login itself, noted or not"
        if not noted:
            return
        for gone in ("account-mina", "account-rnina"):
            assert await store.is_taken("m1na")
            assert not await store.add_account(_account("m1na"))
            assert await store.delete_user(gone, now_ms())
        assert not await store.is_taken("m1na")
        assert await store.add_account(_account("m1na"))


def _account(login: str) -> Account:
    return Account(login=login, user=f"account-{login}-2", name="Mina", hash="x")
