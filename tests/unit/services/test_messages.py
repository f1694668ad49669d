"""From what a member asks to a draft: text and data are checked, identity is the server's."""

import json
from collections.abc import Callable

import msgspec
import pytest

from madang.core.actors import Actor
from madang.core.bounds import MAX_DATA
from madang.core.events import NO_DATA, Draft, MessageSent
from madang.core.messages import Content
from madang.errors import Refused
from madang.services import messages

MINA = Actor(id="u-mina", name="Mina")


def send(
    text: str = "",
    data: bytes | None = None,
    reply_to: int | None = None,
    mentions: tuple[str, ...] = (),
    most: int = 4000,
) -> Draft:
    raw = NO_DATA if data is None else msgspec.Raw(data)
    return messages.send(MINA, "yard", "c-1", Content(text=text, data=raw, reply_to=reply_to, mentions=mentions), most)


def edit(text: str = "", data: bytes | None = None, mentions: tuple[str, ...] = ()) -> Draft:
    raw = NO_DATA if data is None else msgspec.Raw(data)
    return messages.edit(MINA, "yard", 7, None, Content(text=text, data=raw, mentions=mentions), 4000)


def code(call: Callable[[], object]) -> str:
    with pytest.raises(Refused) as refusal:
        call()
    return refusal.value.code


def test_a_plain_message() -> None:
    draft = send("hello")
    assert (draft.type, draft.room, draft.user, draft.name, draft.cid) == (
        "message.sent", "yard", "u-mina", "Mina", "c-1",
    )  # fmt: skip
    assert json.loads(draft.body) == {"text": "hello"}


def test_a_message_with_everything() -> None:
    draft = send("hello", b'{"a": [1, 2]}', 5, ("u-b", "u-c", "u-b"))
    assert json.loads(draft.body) == {"text": "hello", "data": {"a": [1, 2]}, "reply_to": 5, "mentions": ["u-b", "u-c"]}
    assert isinstance(draft.content, MessageSent)
    assert draft.content.mentions == ("u-b", "u-c")


def test_data_alone_is_a_message_and_null_is_none() -> None:
    assert json.loads(send("", b"[0]").body) == {"text": "", "data": [0]}
    assert json.loads(send("hi", b"null").body) == {"text": "hi"}
    assert code(lambda: send("", b"null")) == "empty"


def test_a_reply_to_the_first_event_and_to_none() -> None:
    assert json.loads(send("hi", reply_to=1).body) == {"text": "hi", "reply_to": 1}
    assert json.loads(send("hi", reply_to=0).body) in ({"text": "hi"}, {"text": "hi", "reply_to": 0})


@pytest.mark.parametrize("make", [send, edit])
def test_bad_content(make: Callable[..., Draft]) -> None:
    assert code(lambda: make("")) == "empty"
    assert code(lambda: make("\u200b \u2060")) == "empty"
    assert code(lambda: make("", None, mentions=("u-b",))) == "empty"
    assert code(lambda: make("x" * 4001)) == "too_big"
    assert code(lambda: make("a\0b")) == "bad_text"
    assert code(lambda: make("a" + "\u0301" * 9)) == "bad_text"
    assert code(lambda: make("hi", b'"' + b"x" * MAX_DATA + b'"')) == "too_big"
    assert code(lambda: make("\0", b"[1]")) == "bad_text"


def test_data_of_the_largest_size_is_taken() -> None:
    send("hi", b'"' + b"x" * (MAX_DATA - 2) + b'"')


def test_text_is_normalised_and_its_bound_is_a_setting() -> None:
    assert json.loads(send("e\u0301").body) == {"text": "\u00e9"}
    assert code(lambda: send("hello", most=4)) == "too_big"


def test_an_edit_is_the_whole_new_content() -> None:
    draft = edit("new", b"1", ("u-b",))
    assert (draft.type, draft.target) == ("message.edited", 7)
    assert json.loads(draft.body) == {"text": "new", "data": 1, "mentions": ["u-b"], "target": 7}


def test_a_deletion_names_its_message() -> None:
    draft = messages.delete(MINA, "yard", 7)
    assert (draft.type, draft.target) == ("message.deleted", 7)


def test_drafts_of_a_server_key_say_so() -> None:
    shop = Actor(id="shop", name="Shop", server=True)
    for who in (MINA, shop):
        drafts = [
            messages.send(who, "yard", "c", Content(text="hi"), 100),
            messages.send(who, "yard", "c", Content(text="hi", reply_to=3), 100),
            messages.edit(who, "yard", 7, None, Content(text="hi"), 100),
            messages.delete(who, "yard", 7),
            messages.react(who, "yard", 7, "ok", True),
            messages.pin(who, "yard", 7, True),
        ]
        assert [draft.server for draft in drafts] == [who.server] * len(drafts)


def test_a_pin_and_its_end_are_events() -> None:
    assert messages.pin(MINA, "yard", 7, True).type == "message.pinned"
    assert messages.pin(MINA, "yard", 7, False).type == "message.unpinned"


def test_which_reactions_are_taken() -> None:
    assert json.loads(messages.react(MINA, "yard", 7, "👍🏽", True).body) == {"target": 7, "emoji": "👍🏽"}
    assert messages.react(MINA, "yard", 7, "ok", False).type == "reaction.removed"
    for bad in ("a b", " a", "\n"):
        assert code(lambda: messages.react(MINA, "yard", 7, bad, True)) in ("bad_field", "empty")  # noqa: B023
    assert code(lambda: messages.react(MINA, "yard", 7, "x" * 33, True)) == "too_big"


def test_an_emoji_that_is_not_normalised_is_put_in_order() -> None:
    draft = messages.react(MINA, "yard", 7, "e\u0301", True)
    assert json.loads(draft.body)["emoji"] == "\u00e9"
