"""The room's word list: show it, replace it."""

from madang.core.words import Words
from madang.protocol.native import commands as c
from madang.protocol.native.answers import WordsAnswer
from madang.transports.native.session import Session


def words(session: Session, m: c.Words) -> None:
    """Show the room's word list."""

    async def read() -> WordsAnswer:
        return _shown(await session.node.word_lists.show(session.actor(), m.room))

    session.later(m.n, read)


def set_words(session: Session, m: c.SetWords) -> None:
    """Replace the room's word list."""

    async def work() -> WordsAnswer:
        new = Words(refuse=m.refuse, mask=m.mask, flag=m.flag)
        return _shown(await session.node.word_lists.change(session.actor(), m.room, new))

    session.later(m.n, work)


def _shown(words: Words) -> WordsAnswer:
    return WordsAnswer(refuse=words.refuse, mask=words.mask, flag=words.flag)
