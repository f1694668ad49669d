"""Which settings of the emitter make a part, and which make none."""

from typing import Any, cast

import pytest

from madang.config import Settings
from madang.errors import SetupError
from madang.node.emitters import emitter_of
from madang.transports.node import Node

NODE = cast(Node, object())
KEY = "mk_00000000_x"


def test_without_settings_nobody_is_heard() -> None:
    assert emitter_of(Settings(), NODE) == []
    (part,) = emitter_of(Settings(socketio_emitter="redis://127.0.0.1:1", socketio_emitter_key=KEY), NODE)
    assert part.name == "emitter" and part.loops


@pytest.mark.parametrize(
    "settings",
    [
        {"socketio_emitter": "redis://127.0.0.1:1"}, {"socketio_emitter_key": KEY},
        *({"socketio_emitter": url, "socketio_emitter_key": KEY} for url in ("x", "http://a", "redis://", "redis://a:b", "unix:///a", "redis+sentinel://a:1", "redis+cluster://a")),
    ],
)  # fmt: skip
def test_what_is_half_or_wrong_is_a_mistake(settings: dict[str, Any]) -> None:
    with pytest.raises(SetupError, match="socketio_emitter"):
        emitter_of(Settings(**settings), NODE)
