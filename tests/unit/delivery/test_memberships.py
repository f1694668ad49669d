"""What a room remembers of memberships that ended or changed."""

from madang.delivery.memberships import REMEMBERED, MembershipChanges


def test_a_change_is_known_for_joins_that_began_before_it() -> None:
    changes = MembershipChanges()
    changes.note("u-mina", 7)
    assert changes.since("u-mina", 7)
    assert not changes.since("u-mina", 8)
    assert not changes.since("u-bora", 1)


def test_the_newest_change_of_a_user_counts() -> None:
    changes = MembershipChanges()
    changes.note("u-mina", 7)
    changes.note("u-mina", 9)
    assert changes.since("u-mina", 9)


def test_what_is_forgotten_may_have_been_a_change_of_anyone() -> None:
    changes = MembershipChanges()
    for seq in range(1, REMEMBERED + 3):
        changes.note(f"u-{seq}", seq)
    assert changes.since("u-nobody", 2)
    assert not changes.since("u-nobody", 3)
    assert changes.since("u-3", 3)


def test_a_user_who_changes_often_makes_nobody_forgotten() -> None:
    changes = MembershipChanges()
    for seq in range(1, REMEMBERED + 1):
        changes.note(f"u-{seq}", seq)
    changes.note(f"u-{REMEMBERED}", REMEMBERED + 1)
    assert not changes.since("u-nobody", 1)
