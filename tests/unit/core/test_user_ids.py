"""Ids of different kinds cannot meet."""

import pytest

from madang.core import user_ids
from madang.errors import Refused

GUEST = user_ids.guest("qk3v7m5h2x5d4yny")


@pytest.mark.parametrize(
    "id",
    [
        "7",
        "bot-7",
        "Customer.12@shop:de",
        "u-mina",
        "uqk3v7m5h2x5d4yn",
        GUEST + "a",
        "madang-bot",
        "x" * 64,
        "accounts",
    ],
)
def test_a_foreign_id_is_taken_as_it_is(id: str) -> None:
    assert user_ids.foreign(id) == id
    assert not user_ids.is_guest(id)


@pytest.mark.parametrize(
    "id",
    [
        "madang", "Madang", "MADANG", user_ids.key_user("deadbeef"), "key-", "KEY-deadbeef", GUEST, GUEST.upper(),
        "account-1", "Account-1", "issuer-1", "|", "madang\n", "bot-7\n", "\nbot-7", "", "-x", "x" * 65, "bot 7", "b\u00f6t",
        "bot\u200b", "\u0661",
    ],
)  # fmt: skip
def test_what_only_the_server_gives_and_what_is_no_id_is_refused(id: str) -> None:
    with pytest.raises(Refused) as refusal:
        user_ids.foreign(id)
    assert refusal.value.code == "bad_field"


def test_a_guest_is_known_by_its_id() -> None:
    assert user_ids.is_guest(GUEST)
    assert not any(user_ids.is_guest(id) for id in (user_ids.SYSTEM, user_ids.key_user("deadbeef"), GUEST + "\n"))


def test_ids_of_outside_users_meet_no_others() -> None:
    assert user_ids.outside("shop", "42") == "issuer-shop:42"
    assert user_ids.outside("shop", "mina@shop.example") == "issuer-shop:mina@shop.example"
    subjects = ["42", "42 ", "가나다", "~", "", "a" * 52, "a" * 53, "a" * 54, "A" * 54, "x y"]
    ids = [user_ids.outside(issuer, subject) for issuer in ("shop", "shop-2", "s" * 16) for subject in subjects]
    assert len(set(ids)) == len(ids)
    for id in ids:
        assert 0 < len(id) <= user_ids.MAX_ID
        assert user_ids.has_account(id) and not user_ids.is_guest(id) and not user_ids.is_servers(id)
        with pytest.raises(Refused):
            user_ids.foreign(id)
    for other in ("uqk3v7m5h2x5d4ynp", "madang", "key-1"):
        assert not user_ids.has_account(other)
    assert user_ids.has_account("bot-7"), "their product signed them in"
