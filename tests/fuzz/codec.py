"""Frames of clients, read by the codec, and by another reading of the same rules: both must agree on what is JSON."""

import json
from typing import Any

from tests.fuzz.harness import instrumented, run, said

with instrumented():
    from madang.core.bounds import MAX_DEPTH, MAX_VALUES
    from madang.errors import Refused
    from madang.protocol.native import codec
    from madang.protocol.native.commands import COMMANDS

BAD = [b"[]", b"{", b'{"op":"ping","x":1e999}', b'{"op":"\xff"}', b'{"n":1,"n":2}', b'{"op":"ping","x":"\\ud800"}']
SEEDS = [*said("sends"), *BAD]
CODES = {"bad_json", "unknown_op", "bad_field", "bad_text", "too_big"}


def one(data: bytes) -> None:
    """Decode a frame, as a session does."""
    n = codec.number(data)
    assert n is None or 0 <= n <= 2**53
    try:
        command = codec.decode(data)
    except UnicodeDecodeError:
        assert not _is_utf8(data)
        return
    except Refused as refused:
        assert refused.code in CODES, refused.code
        assert codec.error(n, refused)
        if refused.code == "bad_json":
            assert not _is_sound(data) or not isinstance(json.loads(data.decode()), dict)
        if refused.code == "too_big":
            assert sum(data.count(sign) for sign in (b",", b"[", b"{", b'"')) > MAX_VALUES
        return
    assert _is_sound(data), "taken, though it is not strict JSON"
    value = json.loads(data.decode())
    assert type(command) is COMMANDS[value["op"]]
    for name in ("n", "room", "cid", "text", "seq"):
        if hasattr(command, name) and name in value:
            assert getattr(command, name) == value[name], name


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_sound(data: bytes) -> bool:
    """Whether this is I-JSON by the protocol's rules, judged by walking over what the standard library makes of it."""

    def constant(name: str) -> Any:
        raise ValueError(name)

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in found}) != len(found):
            raise ValueError("twice")
        return dict(found)

    try:
        value = json.loads(data.decode(), parse_constant=constant, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return False
    return _fits(value, MAX_DEPTH)


def _fits(value: Any, depth: int) -> bool:
    if isinstance(value, int) and abs(value) >= 10**308:
        return len(str(abs(value))) < 309
    if isinstance(value, float):
        return value - value == 0
    if isinstance(value, dict):
        return depth > 0 and all(_fits(inner, depth - 1) for pair in value.items() for inner in pair)
    if isinstance(value, list):
        return depth > 0 and all(_fits(inner, depth - 1) for inner in value)
    return True


if __name__ == "__main__":
    run("codec", one, SEEDS)
