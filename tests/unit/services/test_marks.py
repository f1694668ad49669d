"""Where an export goes on is told so that it tells nothing of rooms that its reader may not know of."""

import re
from base64 import urlsafe_b64decode

import pytest

from madang.adapters.sql import Store, user_messages
from madang.errors import Refused
from madang.services.marks import MARK
from madang.services.rooms import SYSTEM
from tests.unit.delivery.nodes import OWNER, user
from tests.unit.transports.nodes import running_node


async def test_an_export_names_no_room_to_who_may_not_know_of_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it goes on is told sealed, to its reader alone; servers, who know of all rooms, are told the place."""
    monkeypatch.setattr(user_messages, "WALKED", 2)
    mina, bora = user("mina"), user("bora")
    async with running_node(store) as node:
        for n in range(5):
            await node.rooms.create(OWNER, f"secret-{n}", "", "invite")
        export = node.reading.messages_of
        found, marks = await export(mina, mina.id, "", 50), list[str]()
        while found[1]:
            marks.append(found[1])
            found = await export(mina, mina.id, found[1], 50)
        assert len(set(marks)) >= 3 and {len(mark) for mark in marks} == {MARK}
        assert not any(b"secret" in urlsafe_b64decode(mark) for mark in marks)
        altered = marks[0][:-1] + ("A" if marks[0][-1] != "A" else "B")
        for reader, mark in (
            (bora, marks[0]),
            (mina, altered),
            (mina, "1:secret-0"),
            (mina, "A" * MARK),
            (mina, "AAA"),
        ):
            with pytest.raises(Refused, match="not a `next` of yours"):
                await export(reader, reader.id, mark, 50)
        _, place = await export(SYSTEM, mina.id, "1:secret-0", 50)
        assert re.fullmatch(r"[0-9]+:secret-[0-9]", place)
        with pytest.raises(Refused, match="not a `next`"):
            await export(SYSTEM, mina.id, marks[0], 50)
