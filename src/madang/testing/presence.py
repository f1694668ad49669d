"""`check_presence`: the promises of `ports.presence`."""

import asyncio

from madang.ports.presence import Presence
from madang.testing.rules import Make, new, run_rules


async def check_presence(make: Make[Presence], *, ttl_s: float) -> None:
    """Check that presence keeps its contract.

    Args:
        make: opens a presence whose TTL is `ttl_s`.
        ttl_s: in seconds of the clock that is passed as `now`.
    """

    async def devices_that_are_silent_go(presence: Presence) -> None:
        """A device that is not refreshed within the TTL is swept out.

        Users without any left are reported, once, and a device that refreshes too late is named as unknown.
        """
        room = new("room")
        nobody = room, "nobody", "phone"

        async def sweep(now: float) -> list[tuple[str, str]]:
            return sorted(pair for pair in await presence.sweep(now) if pair[0] == room)

        for user in ("ann", "ben", "cho"):
            await presence.enter(room, user, user, "phone", 0.0)
        await presence.enter(room, "cho", "cho", "desk", ttl_s * 0.9)
        assert await presence.refresh([(room, "ann", "phone"), nobody], ttl_s * 0.8) == [nobody]
        assert await sweep(ttl_s * 0.9) == []
        assert await sweep(ttl_s * 1.1) == [(room, "ben")]
        assert await sweep(ttl_s * 1.1) == []
        assert await presence.online(room) == [("ann", "ann"), ("cho", "cho")]
        assert await sweep(ttl_s * 2.5) == [(room, "ann"), (room, "cho")]
        assert await presence.online(room) == []
        gone = [(room, "ann", "phone"), (room, "cho", "desk")]
        assert sorted(await presence.refresh(gone, ttl_s * 2.6)) == gone
        assert await presence.enter(room, "ben", "ben", "phone", ttl_s * 3)

    await run_rules(
        make,
        [edges_are_told_once, one_edge_of_many_at_once, users_are_paged, rooms_are_apart, devices_that_are_silent_go],
    )


async def edges_are_told_once(presence: Presence) -> None:
    """Only a user's first device entering and last device leaving are edges; entering or leaving twice is not."""
    room = new("room")
    assert await presence.enter(room, "ann", "Ann", "phone", 0.0)
    assert not await presence.enter(room, "ann", "Ann", "phone", 0.1)
    assert not await presence.enter(room, "ann", "Ann", "desk", 0.2)
    assert not await presence.leave(room, "ann", "phone", 0.3)
    assert not await presence.leave(room, "ann", "phone", 0.3)
    assert not await presence.leave(room, "ann", "never", 0.3)
    assert await presence.leave(room, "ann", "desk", 0.4)
    assert not await presence.leave(room, "ann", "desk", 0.5)
    assert await presence.enter(room, "ann", "Ann", "phone", 0.6)
    assert not await presence.enter(room, "ann", "Anna", "phone", 0.7), "renamed"
    assert await presence.online(room) == [("ann", "Anna")]


async def one_edge_of_many_at_once(presence: Presence) -> None:
    """Of a user's devices that enter at once, one is the first; of those that leave at once, one is the last (edges)."""
    room = new("room")
    devices = [(f"user-{n % 10}", f"device-{n}") for n in range(40)]
    came = await asyncio.gather(*(presence.enter(room, user, user, device, 0.0) for user, device in devices))
    assert sum(came) == await presence.count(room) == 10
    went = await asyncio.gather(*(presence.leave(room, user, device, 1.0) for user, device in devices[:35]))
    assert sum(went) == 5
    assert await presence.count(room) == 5


async def users_are_paged(presence: Presence) -> None:
    """`online` returns users with their names in order of the id, from above `after`; `count` counts users, not devices."""
    room = new("room")
    users = [f"user-{n:03}" for n in range(25)]
    for user in users[::-1]:
        for device in ("phone", "desk"):
            await presence.enter(room, user, f"name of {user}", device, 0.0)
    assert await presence.count(room) == 25
    wanted = [(user, f"name of {user}") for user in users]
    assert await presence.online(room) == wanted
    found: list[tuple[str, str]] = []
    while page := await presence.online(room, after=found[-1][0] if found else "", limit=10):
        assert len(page) <= 10
        found += page
    assert found == wanted


async def rooms_are_apart(presence: Presence) -> None:
    """A device is in each room that it has entered, and leaves them one by one."""
    here, there = new("room"), new("room")
    assert await presence.enter(here, "ann", "Ann", "phone", 0.0)
    assert await presence.enter(there, "ann", "Ann", "phone", 0.0)
    assert await presence.leave(here, "ann", "phone", 0.0)
    assert (await presence.online(here), await presence.online(there)) == ([], [("ann", "Ann")])
    assert (await presence.count(here), await presence.count(there)) == (0, 1)
