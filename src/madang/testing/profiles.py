"""`check_profiles`: the promises of `ports.profiles`, and what the log does with names and pictures (`ports.log`)."""

from typing import Final, Protocol

from madang.core import events as kinds
from madang.core import user_ids
from madang.core.accounts import Account
from madang.core.profiles import NO_PROFILE, Profile
from madang.ports.accounts import AccountStore
from madang.ports.profiles import ProfileStore, Said
from madang.ports.upkeep import Upkeep
from madang.testing.rules import Make, Scene, named, new, opened, run_rules
from madang.testing.rules import Store as LogStore

FACE: Final = "https://faces.example/mina.png"
NOW: Final = 1_800_000_000_000


class Store(LogStore, ProfileStore, AccountStore, Upkeep, Protocol):
    """A log with its directory, profiles, accounts and upkeep."""


async def check_profiles(make: Make[Store]) -> None:
    """Check that a store keeps its contract; `make` opens it, new at first and then the same again."""
    await run_rules(
        make,
        [
            what_is_given_is_replaced,
            an_account_has_the_name_of_its_user,
            who_was_renamed_is_found,
            a_deleted_user_has_no_profile,
            a_forgotten_user_has_no_profile,
            what_the_newest_token_says_is_kept,
            rooms_of_a_user_are_paged,
            members_are_called_and_shown_as_they_say,
            who_joins_is_shown_with_their_picture,
        ],
    )
    await named(profiles_stay, make)


async def what_is_given_is_replaced(store: Store) -> None:
    """Of a user nothing is kept until they say something; then each part for itself. "" takes one back."""
    user = new("u")
    assert await store.profile(user) == NO_PROFILE
    assert await store.set_profile(user, picture=FACE) == Profile(picture=FACE)
    assert await store.set_profile(user, name="Mina", locale="ko") == Profile(name="Mina", picture=FACE, locale="ko")
    assert await store.set_profile(user, picture="") == Profile(name="Mina", locale="ko")
    assert await store.set_profile(user) == await store.profile(user) == Profile(name="Mina", locale="ko")
    assert await store.profile(new("u")) == NO_PROFILE


async def an_account_has_the_name_of_its_user(store: Store) -> None:
    """Who signs in after a change is called by the new name; another picture changes no name."""
    user, login = user_ids.account(new("u")), new("login")
    await store.add_account(Account(login=login, user=user, name="Mina"))
    await store.set_profile(user, picture=FACE)
    for name in ("Mina", "Minji"):
        account = await store.account(login)
        assert account is not None and account.name == name
        await store.set_profile(user, name="Minji")


async def who_was_renamed_is_found(store: Store) -> None:
    """`named_after` has each user once, by when they got the name they have; another picture is no other name."""
    users = [new("u") for _ in range(5)]
    for user in users:
        await store.set_profile(user, name="First")
    await store.set_profile(users[0], name="Second")
    for user in users:
        await store.set_profile(user, name="Second" if user is users[0] else "First", picture=FACE)
    found, after = {}, (0, "")
    while page := await store.named_after(after, 2):
        assert len(page) <= 2
        assert [(each.at_ms, each.user) for each in page] == sorted((each.at_ms, each.user) for each in page)
        for each in page:
            assert each.user not in found
            found[each.user] = each
        after = (page[-1].at_ms, page[-1].user)
    assert set(users) <= set(found)
    assert [found[user].name for user in users] == ["Second", "First", "First", "First", "First"]
    assert found[users[0]].at_ms >= found[users[4]].at_ms >= found[users[1]].at_ms


async def a_deleted_user_has_no_profile(store: Store) -> None:
    """Deletion erases it, and nothing is kept from then on."""
    user = new("u")
    await store.set_profile(user, name="Mina", picture=FACE, locale="ko")
    assert await store.delete_user(user, NOW)
    assert await store.profile(user) == NO_PROFILE
    assert await store.set_profile(user, name="Bora") == NO_PROFILE
    assert await store.profile(user) == NO_PROFILE
    after, names = (0, ""), []
    while page := await store.named_after(after, 100):
        names += [each.user for each in page]
        after = (page[-1].at_ms, page[-1].user)
    assert user not in names


async def a_forgotten_user_has_no_profile(store: Store) -> None:
    """What is known of a user goes with them; and a profile makes a user known."""
    user = new("u")
    await store.set_profile(user, name="Mina")
    assert [each.id for each in await store.users_after(user[:-1], 1)] == [user]
    await store.forget_users([user])
    assert await store.profile(user) == NO_PROFILE


async def what_the_newest_token_says_is_kept(store: Store) -> None:
    """`keep_said` makes users known; of two tokens the later holds, and what one does not say is left. A first name is no new one."""
    user, seen = new("u"), new("u")
    await store.note_seen([seen], NOW)

    async def keep(*said: Said) -> list[str]:
        return sorted(await store.keep_said(said))

    first = [Said(user, "Mina", None, 100), Said(seen, "Bora", FACE, 100)]
    assert await keep(*first) == [seen]
    assert await keep(*first) == []
    assert (await store.profile(user), await store.profile(seen)) == (
        Profile(name="Mina"),
        Profile(name="Bora", picture=FACE),
    )
    assert await keep(Said(user, "Minji", FACE, 300)) == [user]
    assert await keep(Said(user, "Mina", "", 200), Said(seen, None, "", 200)) == [seen]
    assert await keep(Said(user, None, None, 400)) == []
    assert (await store.profile(user), await store.profile(seen)) == (
        Profile(name="Minji", picture=FACE),
        Profile(name="Bora"),
    )
    await store.delete_user(user, NOW)
    assert await keep(Said(user, "Mina", FACE, 500)) == []
    assert await store.profile(user) == NO_PROFILE
    after, renamed = (0, ""), []
    while page := await store.named_after(after, 100):
        renamed += [each.user for each in page]
        after = (page[-1].at_ms, page[-1].user)
    assert seen not in renamed


async def rooms_of_a_user_are_paged(store: Store) -> None:
    """`joined` returns the rooms that a user is a member of, in order of their id."""
    scenes = sorted([await opened(store) for _ in range(5)], key=lambda scene: scene.room)
    ben = scenes[0].id("ben")
    for scene in scenes:
        scene.id = lambda name: ben if name == "ben" else f"{name}-{ben}"  # type: ignore[method-assign]
        await scene.done(scene.draft(kinds.MemberJoined, "ben", role="member"))
    await scenes[2].done(scenes[2].draft(kinds.MemberLeft, "ben"))
    wanted = [scene.room for scene in scenes if scene is not scenes[2]]
    assert list(await store.joined(ben)) == wanted
    assert list(await store.joined(ben, limit=3)) == wanted[:3]
    assert list(await store.joined(ben, after=wanted[2])) == wanted[3:]
    assert list(await store.joined(new("u"))) == []


def renamed(scene: Scene, name: str, picture: str | None = None, user: str = "ben") -> kinds.Draft:
    """Return the draft by which a user of the scene is called and shown so."""
    return kinds.draft(kinds.MemberChanged(picture=picture), scene.room, scene.id(user), name)


async def members_are_called_and_shown_as_they_say(store: Store) -> None:
    """member.changed changes name and picture of a member, or nothing if they are these already; role and pointer stay."""
    scene = await opened(store, "ben")

    async def shown() -> list[tuple[str, str]]:
        member = await store.member(scene.room, scene.id("ben"))
        listed = {each.user: each for each in await store.members(scene.room)}
        assert member is not None and listed[scene.id("ben")] == member
        assert (member.role, member.read_seq) == ("member", 2)
        return [(member.name, member.picture)]

    assert await shown() == [("ben", "")]
    event = await scene.done(renamed(scene, "Benjamin", FACE))
    assert (event.name, event.type) == ("Benjamin", "member.changed")
    assert await shown() == [("Benjamin", FACE)]
    await scene.nothing(renamed(scene, "Benjamin", FACE))
    await scene.done(renamed(scene, "Benjamin"))
    assert await shown() == [("Benjamin", "")]
    await scene.nothing(renamed(scene, "Benjamin"))
    await scene.refused("not_member", renamed(scene, "Cho", user="cho"))
    await scene.done(scene.draft(kinds.MemberLeft, "ben"))
    await scene.refused("not_member", renamed(scene, "Ben"))


async def who_joins_is_shown_with_their_picture(store: Store) -> None:
    """member.joined brings a picture, if there is one; a role given later leaves it."""
    scene = await opened(store)
    await scene.done(scene.draft(kinds.MemberJoined, "ben", role="member", picture=FACE))
    await scene.done(scene.draft(kinds.RoleGiven, member="ben", role="moderator"))
    member = await store.member(scene.room, scene.id("ben"))
    assert member is not None and (member.picture, member.role) == (FACE, "moderator")


async def profiles_stay(make: Make[Store]) -> None:
    """A profile is the same after reopening."""
    user = new("u")
    async with make() as store:
        await store.set_profile(user, name="Mina", picture=FACE, locale="ko")
    async with make() as store:
        assert await store.profile(user) == Profile(name="Mina", picture=FACE, locale="ko")
