"""How large a frame may be, by its operation and by what is in it; and which numbers are finite."""

from contextlib import suppress

import pytest

from madang.core.bounds import MAX_COMMAND, MAX_DATA, MAX_VALUES
from madang.errors import Refused
from madang.protocol.native import codec
from madang.protocol.native.commands import COMMANDS, Ping, Send


def refusal(text: str) -> str:
    with pytest.raises(Refused) as refused:
        codec.decode(text.encode())
    return refused.value.code


SMALL = sorted(op for op, kind in COMMANDS.items() if kind.max_bytes == MAX_COMMAND)


def padded(size: int, op: str, key: str = "x", first: bool = True) -> str:
    """A frame of that many bytes, by one string; its operation is named before it, or behind it."""
    named = f'"op":"{op}"'
    fields = f'"n":7,"{key}":"%s"'
    text = f"{{{named},{fields}}}" if first else f"{{{fields},{named}}}"
    return text % ("x" * (size - len(text) + 2))


def test_which_operations_may_be_large() -> None:
    assert set(COMMANDS) - set(SMALL) == {"send", "edit", "hello", "refresh", "writepaper"}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("op", SMALL)
def test_a_frame_has_the_size_its_operation_may_have(op: str, first: bool) -> None:
    with suppress(Refused):  # a field is missing, which is said of a frame that is walked
        codec.decode(padded(MAX_COMMAND, op, first=first).encode())
    text = padded(MAX_COMMAND + 1, op, first=first)
    assert refusal(text) == "too_big"
    assert codec.number(text.encode()) == 7


def test_hello_has_room_for_a_token() -> None:
    codec.decode(padded(8200, "hello", "token").encode())
    assert refusal(padded(COMMANDS["hello"].max_bytes + 1, "hello")) == "too_big"


@pytest.mark.parametrize("op", ["nope", "Send", "se\\u006ed2", ""])
def test_a_large_frame_of_no_operation_is_refused_unread(op: str) -> None:
    assert refusal(padded(MAX_COMMAND + 1, op)) == "unknown_op"


def test_an_operation_written_by_escapes_is_found() -> None:
    assert refusal(padded(MAX_COMMAND + 1, "pi\\u006eg")) == "too_big"


@pytest.mark.parametrize(
    "text",
    [
        '{"op":"ping","x":"%s","op":"send"}',
        '{"op":"send","x":"%s","op":"ping"}',
        '{"op":"send","op":"ping","x":"%s"}',
        '["op","ping","%s"]',
        '"%s"',
        '{"op":"send","text":"%s"',
    ],
)
def test_a_large_frame_does_not_get_by_as_another_operation(text: str) -> None:
    assert refusal(text % ("x" * MAX_COMMAND)) in {"bad_json", "too_big"}


@pytest.mark.parametrize("op", ["send", "edit"])
@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ('"text":"%s"' % ("x" * 60_000), None),
        ('"text":"x","data":"%s"' % ("x" * (MAX_DATA - 2)), None),
        ('"text":"x","data":"%s"' % ("x" * (MAX_DATA - 1)), "too_big"),
        ('"text":"x","x":"%s"' % ("x" * MAX_COMMAND), "too_big"),
        ('"text":"x","x":[%s0]' % ('{"":0},' * 1500), "too_big"),
        ('"text":"x"%s' % (" " * MAX_COMMAND), "too_big"),
        ('"mentions":[%s"u"]' % ('"u",' * 3000), "too_big"),
        ('"mentions":[%s"u"]' % ('"u",' * 50), "bad_field"),
        ('"cid":"%s"' % ("c" * 10_000), "bad_field"),
    ],
)
def test_the_parts_of_a_message(op: str, fields: str, code: str | None) -> None:
    head = {"send": '"op":"send","room":"yard","cid":"c"', "edit": '"op":"edit","room":"yard","seq":5'}[op]
    text = f"{{{head},{fields}}}"
    if code is None:
        codec.decode(text.encode())
    else:
        assert refusal(text) == code


@pytest.mark.parametrize("value", ["0", "[]", "{}", '""', '"[{,"', "[0]", '{"":0}', '"\\\\"', '"\\""', "1.5"])
def test_values_are_counted_wherever_they_stand(value: str) -> None:
    one = value.count("0") + (value[0] in "[{") if value[0] != '"' else 1
    fit = (MAX_VALUES - 20) // (1 + (value[0] in "[{"))
    data = ",".join([value] * min(fit, (MAX_DATA - 2) // (len(value) + 1)))
    codec.decode(f'{{"op":"send","room":"yard","cid":"c","data":[{data}]}}'.encode())
    if (len(value) + 1) * (MAX_VALUES + 1) // max(one, 1) < MAX_DATA - 2:
        data = ",".join([value] * (MAX_VALUES + 1))
        assert refusal(f'{{"op":"send","room":"yard","cid":"c","data":[{data}]}}') == "too_big"


def test_signs_inside_of_strings_are_no_values() -> None:
    command = codec.decode(f'{{"op":"send","room":"yard","cid":"c","text":"{"[,{" * 9000}","n":1}}'.encode())
    assert isinstance(command, Send)


@pytest.mark.parametrize(
    ("number", "strict"),
    [
        ("1" * 308, True),
        ("1" * 309, False),
        ("-" + "1" * 309, False),
        ("0." + "1" * 400, True),
        ("1" * 400 + "e-200", True),
        ("1" * 400 + "e-50", False),
        ("1e" + "0" * 400, True),
        ("1e-" + "1" * 400, True),
        ("1.7976931348623157e308", True),
        ("1.7976931348623159e308", False),
        ('"' + "1" * 400 + '"', True),
    ],
)
def test_no_number_is_infinite(number: str, strict: bool) -> None:
    """Neither as a float nor to those, like browsers, who read integers as floats."""
    text = f'{{"op":"ping","x":[{number}]}}'
    if strict:
        assert codec.decode(text.encode()) == Ping()
    else:
        assert refusal(text) == "bad_json"
