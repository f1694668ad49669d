"""REST for the word list of a room: show it, replace it."""

from typing import Annotated

from fastapi import APIRouter, Response

from madang.core.words import Words
from madang.transports.http import answers as a
from madang.transports.http import bodies as b
from madang.transports.http.dependencies import Caller, RoomPath, ThisNode
from madang.transports.http.errors import answer
from madang.transports.http.routes.rooms import ROOM
from madang.transports.http.schemas import body, documented

router = APIRouter(prefix="/api" + ROOM + "/words", tags=["moderation"])
NewWords = Annotated[b.WordsBody, body(b.WordsBody)]


@router.get("", **documented(a.ShownWords))
async def words(node: ThisNode, caller: Caller, id: RoomPath) -> Response:
    """Show the room's word list (moderators)."""
    return answer(shown(await node.word_lists.show(caller, id)))


@router.put("", **documented(a.ShownWords, accepted=b.WordsBody))
async def set_words(node: ThisNode, caller: Caller, id: RoomPath, new: NewWords) -> Response:
    """Replace the room's word list (moderators)."""
    return answer(shown(await node.word_lists.change(caller, id, listed(new))))


def listed(new: b.WordsBody) -> Words:
    """Return the word list that a body brings."""
    return Words(refuse=new.refuse, mask=new.mask, flag=new.flag)


def shown(words: Words) -> a.ShownWords:
    """Return a word list as it is shown."""
    return a.ShownWords(words.refuse, words.mask, words.flag)
