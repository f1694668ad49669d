"""A start whose storage does not confirm for a moment, though it could be reached before."""

from pathlib import Path

import pytest

from madang.adapters.sql import Store
from madang.config import Settings
from madang.errors import StorageFailed
from madang.node.run import run_node
from madang.ports.upkeep import StoredUser


async def test_a_part_that_cannot_read_yet_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    whole = Store.users_deleted

    async def not_at_first(self: Store, since_ms: int) -> list[StoredUser]:
        asked.append(since_ms)
        if len(asked) == 1:
            raise StorageFailed
        return await whole(self, since_ms)

    monkeypatch.setattr(Store, "users_deleted", not_at_first)
    async with run_node(Settings(data=tmp_path, port=0, admin_port=0)):
        assert len(asked) >= 2, "and then it is read every second"
