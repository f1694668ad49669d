"""What is shown of a client carries its user's own name."""

import pytest

from madang.core.papers import stamped


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (b'{"user":{"id":"u-king","name":"King","color":"#f80"}}', b'{"user":{"id":"u-ann","name":"Ann","color":"#f80"}}'),
        (b'{"\\u0075ser":{"name":"King"}}', b'{"user":{"name":"Ann","id":"u-ann"}}'),
        (b'{"cursor":3}', b'{"cursor":3}'),
        (b'{"user":"King"}', b'{"user":"King"}'),
        (b'["user"]', b'["user"]'),
    ],
)  # fmt: skip
def test_a_user_has_their_own_id_and_name(state: bytes, shown: bytes) -> None:
    assert stamped(state, "u-ann", "Ann") == shown
