"""A day's quota is one for all doors, its refusal says how long, and who may be a guest or make rooms is a setting of all."""

from pathlib import Path

import pytest

from madang.codes import ERRORS
from madang.core.actors import Actor
from tests.integration.doors.doors import DOORS
from tests.integration.doors.stage import address, metered_node, token

ARA = Actor(id="u-ara", name="Ara")
MAKER = Actor(id="u-maker", name="Maker", address="10.0.0.1")
QUOTA = 4
QUICK = {"user_rate": 1000, "user_burst": 1000, "command_rate": 1000}


@pytest.mark.parametrize("last", DOORS)
@pytest.mark.parametrize("first", DOORS)
async def test_a_quota_is_counted_through_all_doors_together(first: str, last: str, tmp_path: Path) -> None:
    quotas = {f"quota_{kind}_per_{whose}": QUOTA for kind in ("rooms", "joins") for whose in ("user", "address")}
    async with metered_node(tmp_path, **QUICK, **quotas) as node:
        for n in range(QUOTA):
            await node.node.rooms.create(MAKER, f"room-{n}", "", "open")
        url, ara = address(node), token(node, ARA)
        async with DOORS[first].open(url, ara, []) as one, DOORS[last].open(url, ara, []) as another:
            doors = one, another
            codes = [(await doors[n % 2].do("create", f"mine-{n}", title="")).code for n in range(QUOTA + 2)]
            assert codes == [None] * QUOTA + ["quota"] * 2
            codes = [(await doors[n % 2].do("join", f"room-{n % QUOTA}")).code for n in range(QUOTA)]
            assert codes == [None] * QUOTA
            await one.do("leave", "room-0")
            assert (await another.do("join", "room-0")).code == "quota"
        other = token(node, Actor(id="u-bora", name="Bora"))
        async with DOORS[first].open(url, other, []) as bora:
            assert (await bora.do("create", "theirs", title="")).code == "quota", "the address is the same"
            assert (await bora.do("join", "mine-0")).code == "quota"
        refused = next(
            m
            for part in node.node.parts
            if part.name == "quotas"
            for m in part.metrics()
            if m.label and m.label[1] == "rooms"
        )
        assert refused.value == 3
    assert not ERRORS["quota"].temporary, "no client is to hold back for hours what comes behind it"


@pytest.mark.parametrize("door", DOORS)
async def test_reactions_have_a_quota_at_every_door(door: str, tmp_path: Path) -> None:
    async with metered_node(tmp_path, **QUICK, quota_reactions_per_user=QUOTA) as node:
        await node.node.rooms.create(MAKER, "yard", "", "open")
        async with DOORS[door].open(address(node), token(node, MAKER), ["yard"] if door != "rest" else []) as maker:
            seq = (await maker.do("send", "yard", text="hello", cid="c-1")).fields["seq"]
            codes = [(await maker.do("react", "yard", seq=seq, emoji="👍", on=n % 2 == 0)).code for n in range(6)]
            assert codes == [None] * QUOTA + ["quota"] * 2


@pytest.mark.parametrize("door", DOORS)
async def test_what_is_written_has_a_quota_at_every_door(door: str, tmp_path: Path) -> None:
    """Of all that is written together; a deletion is still taken."""
    async with metered_node(tmp_path, **QUICK, quota_kilobytes_per_user=QUOTA) as node:
        await node.node.rooms.create(MAKER, "yard", "", "open")
        async with DOORS[door].open(address(node), token(node, MAKER), ["yard"] if door != "rest" else []) as maker:
            seq = (await maker.do("send", "yard", text="hello", cid="c-1")).fields["seq"]
            assert (await maker.do("edit", "yard", seq=seq, text="x" * 1500)).code is None
            assert (await maker.do("pin", "yard", seq=seq, on=True)).code is None
            refused = [
                await maker.do("send", "yard", text="more", cid="c-2"),
                await maker.do("edit", "yard", seq=seq, text="hello"),
                await maker.do("pin", "yard", seq=seq, on=False),
                await maker.do("change", "yard", title="Yard"),
            ]
            assert [answer.code for answer in refused] == ["quota"] * 4
            assert (await maker.do("delete", "yard", seq=seq)).code is None


@pytest.mark.parametrize("door", DOORS)
async def test_no_door_lets_guests_in_or_rooms_be_made_where_the_operator_does_not(door: str, tmp_path: Path) -> None:
    async with metered_node(tmp_path, guests="keys", create_rooms="keys") as node:
        async with DOORS[door].open(address(node), "", []) as nobody:
            assert (await nobody.do("guest", "", name="Mina")).code == "no_guests"
        async with DOORS[door].open(address(node), token(node, ARA), []) as ara:
            assert (await ara.do("create", "mine", title="")).code == "forbidden"
            assert (await ara.do("join", "lobby")).code is None


async def test_a_server_key_brings_users_in_where_nobody_is_a_guest(tmp_path: Path) -> None:
    async with metered_node(tmp_path, guests="keys") as node:
        _, key = await node.node.identity.add_key("Shop", node.node.now())
        async with DOORS["rest"].open(address(node), key, []) as shop:
            assert (await shop.do("guest", "", name="Mina")).fields["user"] == {"name": "Mina"}
        async with DOORS["rest"].open(address(node), token(node, ARA), []) as ara:
            assert (await ara.do("guest", "", name="Mina")).code == "no_guests"
        async with DOORS["rest"].open(address(node), "mk_aa_bb", []) as wrong:
            assert (await wrong.do("guest", "", name="Mina")).code == "bad_token"
