"""Two real nodes: what a moderator takes from a user on one, and gives back, holds on the other, with the bus or without it."""

import itertools
from pathlib import Path

import pytest

from tests.redis import run_redis
from tests.rest import rest
from tests.scenario.fleet.two_nodes import follower, heard, there_is_nothing_more, two_nodes, until

pytestmark = [pytest.mark.postgres, pytest.mark.redis]

YARD = "/api/rooms/yard"


@pytest.mark.parametrize("bus_dies", [False, True], ids=["with the bus", "without the bus"])
async def test_what_is_taken_on_one_node_is_gone_on_the_other(
    tmp_path: Path, postgres_url: str, bus_dies: bool
) -> None:
    with run_redis() as redis:
        async with (
            two_nodes(tmp_path, database=postgres_url, bus=redis.url, user_rate="0") as (one, two),
            rest(one.url) as here,
            rest(two.url) as there,
        ):
            owner = await here.guest("Ara")
            await owner.ok("POST", "/api/rooms", {"id": "yard", "title": "Yard", "access": "open"})
            bora, mina = [await there.guest(name, "yard") for name in ("Bora", "Mina")]
            async with follower(two, bora, "yard") as out, follower(two, mina, "yard") as quiet:
                if bus_dies:
                    redis.kill()
                numbers = itertools.count(100)

                async def sends() -> str:
                    n = next(numbers)
                    answer: dict[str, str] = await quiet.ask(op="send", n=n, room="yard", cid=f"c-{n}", text="hello")
                    return answer.get("code", answer["op"])

                assert await sends() == "ok"
                await owner.ok("PUT", f"{YARD}/mutes/{mina.user}", {"reason": "Loud"})
                assert await sends() == "muted", "judged where it is stored, whatever its node has heard"
                await owner.ok("DELETE", f"{YARD}/mutes/{mina.user}")
                assert await sends() == "ok"

                ban = await owner.ok("PUT", f"{YARD}/bans/{bora.user}", {"reason": "Spam"})
                after = await owner.ok("POST", f"{YARD}/messages", {"text": "after", "cid": "1"})
                assert (await heard(out, ban["seq"]))[-1] == ban["seq"]
                assert after["seq"] in await heard(quiet, after["seq"])
                await there_is_nothing_more(out)
                assert (await out.ask(op="join", n=90, room="yard"))["code"] == "banned"
                for path in ("/messages", "/members", "/pins"):
                    assert await bora.refused("GET", YARD + path) == "not_found"
                assert await bora.refused("POST", f"{YARD}/messages", {"text": "x", "cid": "2"}) == "not_found"
                invite = await owner.ok("POST", f"{YARD}/invites", {"uses": 1})
                shown = await out.ask(op="join", n=91, room="yard", invite=invite["invite"])
                assert shown["code"] == "banned", "no invite lets them in, made before or after"

                await owner.ok("DELETE", f"{YARD}/bans/{bora.user}")
                assert (await out.ask(op="join", n=92, room="yard"))["op"] == "ok"
                await owner.ok("DELETE", "/api/rooms/yard")
                await until(sends, lambda answer: answer in ("not_found", "not_member"))
