"""What a login and a password may be: one spelling each, and nothing that could not be typed again elsewhere."""

import pytest

from madang.core.accounts import (
    MAX_LOGIN,
    MAX_PASSWORD,
    MIN_PASSWORD,
    check_free_login,
    clean_login,
    clean_password,
    new_password,
)
from madang.errors import Refused


def code(call: object, *args: str) -> str:
    with pytest.raises(Refused) as refusal:
        call(*args)  # type: ignore[operator]
    return refusal.value.code


@pytest.mark.parametrize(
    ("login", "clean"),
    [("mina", "mina"), ("Mina.Kim", "mina.kim"), ("mina@example.com", "mina@example.com"), ("0_-+", "0_-+"),
     ("a" * MAX_LOGIN, "a" * MAX_LOGIN)],
)  # fmt: skip
def test_a_login_has_one_spelling(login: str, clean: str) -> None:
    assert clean_login(login) == clean


@pytest.mark.parametrize(
    "login",
    [
        "",
        " mina",
        "mina ",
        "mi na",
        "mina\n",
        "\0",
        "미나",
        "mı̇na",
        "\u212aim",
        ".mina",
        "a" * (MAX_LOGIN + 1),
        "a/b",
        "a:b",
    ],
)
def test_a_login_that_can_be_nobodys(login: str) -> None:
    assert code(clean_login, login) == "bad_field"


@pytest.mark.parametrize("login", ["admin", "root", "adm1n", "madang", "support-team"])
def test_logins_of_the_operator_are_not_for_everybody(login: str) -> None:
    assert code(check_free_login, clean_login(login)) == "bad_name"


def test_a_password_is_the_same_however_it_is_typed() -> None:
    assert clean_password("비밀번호 여덟") == clean_password("비밀번호\u00a0여덟")
    decomposed = "caf\u0065\u0301 au lait"
    assert clean_password(decomposed) == clean_password("café au lait") == "café au lait"
    assert clean_password("Ⅻ ﬁ") == "Ⅻ ﬁ", "what only looks alike is another password"
    assert clean_password(" spaces count ") == " spaces count "


@pytest.mark.parametrize(
    "password", ["", "tab\there!", "with\0nul", "\ud800half", "\U000e0fff new", "x" * (MAX_PASSWORD + 1)]
)
def test_what_can_be_no_password(password: str) -> None:
    assert code(clean_password, password) == "bad_password"


def test_a_password_that_grows_when_it_is_normalised() -> None:
    assert code(clean_password, "\U0001d160" * (MAX_PASSWORD // 2)) == "bad_password"


@pytest.mark.parametrize("password", ["", "short", "x" * 20, "abababab" * 2, "mina.kim"])
def test_a_new_password_is_none_that_anybody_guesses(password: str) -> None:
    assert code(new_password, password, "mina.kim") == "bad_password"


def test_the_shortest_and_the_longest_password() -> None:
    for length in (MIN_PASSWORD, MAX_PASSWORD):
        password = ("abcdefgh" * MAX_PASSWORD)[:length]
        assert new_password(password, "mina") == password
