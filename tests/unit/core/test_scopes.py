"""Scopes of server keys: every operation, and which keys may ask for it."""

from collections.abc import Collection

import pytest

from madang.core.durations import milliseconds
from madang.core.scopes import ANY, EVERYTHING, NEEDED, SCOPES, clean_scopes, need_scope
from madang.errors import Refused


def allowed(scopes: Collection[str], operation: str) -> bool:
    try:
        need_scope(scopes, operation)
    except Refused as refused:
        assert refused.code == "no_scope"
        return False
    return True


@pytest.mark.parametrize("operation", NEEDED)
def test_an_operation_needs_one_of_its_scopes_and_no_other_will_do(operation: str) -> None:
    needed = NEEDED[operation]
    assert needed
    if ANY in needed:
        assert allowed(set(), operation)
        return
    for scope in SCOPES:
        assert allowed({scope}, operation) == (scope in needed or scope == EVERYTHING)
    assert not allowed(set(SCOPES) - {*needed, EVERYTHING}, operation)
    assert not allowed(set(), operation)


def test_what_has_no_row_needs_everything() -> None:
    assert allowed({EVERYTHING}, "of 2031")
    assert not allowed(set(SCOPES) - {EVERYTHING}, "of 2031")


def test_the_refusal_names_what_is_missing() -> None:
    with pytest.raises(Refused, match="needs the scope rooms or moderate for this"):
        need_scope({"publish"}, "kick")


def test_scopes_are_kept_in_their_order_and_none_means_everything() -> None:
    assert clean_scopes(["read", "publish", "read"]) == ("publish", "read")
    assert clean_scopes([]) == (EVERYTHING,)
    for wrong in ("", "Publish", "publish read", "owner"):
        with pytest.raises(Refused, match="there is no"):
            clean_scopes(["read", wrong])


def test_a_key_never_gets_more_by_getting_a_scope_less() -> None:
    for operation in NEEDED:
        for scope in SCOPES:
            if allowed(set(SCOPES) - {EVERYTHING, scope}, operation):
                assert allowed(set(SCOPES) - {EVERYTHING}, operation)


def test_lengths_of_time() -> None:
    assert [milliseconds(text) for text in ("90s", "15m", "12h", "30d")] == [90_000, 900_000, 43_200_000, 2_592_000_000]
    for wrong in ("", "30", "d", "0d", "-1d", "1.5h", "30 d", "30D", "1w", "٣d", "1000000d", "30d\n"):
        with pytest.raises(Refused):
            milliseconds(wrong)
