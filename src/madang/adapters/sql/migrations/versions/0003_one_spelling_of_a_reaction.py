"""A reaction has one spelling, with U+FE0F where the emoji needs it, so that reactions of before can be taken off, too.

A node of the version before may go on writing the others meanwhile; to it, both are reactions.
"""

import sqlalchemy as sa
from alembic import op

from madang.core.emoji import clean_emoji
from madang.errors import Refused

revision = "0003"
down_revision = "0002"

_reactions = sa.table("reactions", *map(sa.column, ("room", "target", "emoji", "user", "seq")))


def upgrade() -> None:
    c = op.get_bind()
    for (emoji,) in c.execute(sa.select(_reactions.c.emoji).distinct()).all():
        try:
            spelling = clean_emoji(emoji)
        except Refused:  # it stays; only new ones are refused
            continue
        if spelling != emoji:
            _respell(c, emoji, spelling)


def _respell(c: sa.Connection, emoji: str, spelling: str) -> None:
    """Respell all reactions of one spelling, and delete those of users who have that one on the message already."""
    r = _reactions
    both = r.alias("both_spellings")
    doubled = c.execute(
        sa.select(r.c.room, r.c.target, r.c.user)
        .join(both, (both.c.room == r.c.room) & (both.c.target == r.c.target) & (both.c.user == r.c.user))
        .where(r.c.emoji == emoji, both.c.emoji == spelling)
    ).all()
    for room, target, user in doubled:
        c.execute(sa.delete(r).where(r.c.room == room, r.c.target == target, r.c.user == user, r.c.emoji == emoji))
    c.execute(sa.update(r).where(r.c.emoji == emoji).values(emoji=spelling))
