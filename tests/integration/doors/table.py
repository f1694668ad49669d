"""The table of operations: what each does, refuses, tells others and costs, whichever door it comes through.

Every operation of every door has rows here; `test_doors.py` runs them all. In the room of a row stand, in this order: its
owner Olive, Wendy and Vic, who are members, and Ara, who acts (unless she is a stranger there), in the role of the row;
then a message of Vic's and one of Ara's. Words with a "$" are filled in: $own and $other are the seqs of these messages,
$vic is Vic's id, $ara Ara's, $barred that of somebody who may be banned, $newest the room's newest seq, $position a position
in it of another epoch, $invite an invite to it, of id $invite_id, $paper is a paper of Vic's, $version a version of it that Vic
has made, $own_version one of Ara's, and $early_invite an invite of before anybody was kicked.
"""

from typing import Any, Final

from tests.integration.doors.messages_rows import MESSAGES
from tests.integration.doors.moderation_rows import MODERATION
from tests.integration.doors.papers_rows import PAPERS
from tests.integration.doors.rooms_rows import ROOMS
from tests.integration.doors.row import Row
from tests.integration.doors.users_rows import USERS

OF_KEYS: Final[dict[str, dict[str, Any]]] = {
    "publish": {"messages": [{"room": "lobby", "text": "hello"}]},
    "add_many": {"members": [{"room": "lobby", "user": "$vic"}]},
    "put_user": {"user": "shop-1", "name": "Mina"},
    "put_users": {"users": [{"id": "shop-1", "name": "Mina"}]},
    "delete_user": {"user": "$vic"},
    "erasure": {"user": "$vic"},
    "reset_user": {"user": "$vic"},
    "token": {"user": "shop-1"},
    "disconnect": {"user": "$vic"},
    "all_events": {"consumer": "search"},
    "consumers": {},
    "put_consumer": {"name": "search"},
    "drop_consumer": {"name": "search"},
    "acks": {"name": "search", "ids": ["lobby:1:0123456789abcdef"]},
}
"""What only server keys may do."""

OPERATIONS: Final[dict[str, tuple[Row, ...]]] = {
    **USERS,
    **ROOMS,
    **MESSAGES,
    **MODERATION,
    **PAPERS,
    **{op: (Row("without a server key", "owner", with_, code="forbidden"),) for op, with_ in OF_KEYS.items()},
}


def missing(offered: set[str], rows: set[str]) -> set[str]:
    """Return the operations that doors offer and no row tries, and rows that try what no door offers."""
    return offered ^ rows
