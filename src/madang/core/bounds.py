"""How large what a client says may be, as types: all doors decode by these, so that none lets through more than another.

They bound size and range before anything is looked at. The rules of text, names and rooms are in `text.py` and `rooms.py`.
"""

from typing import Annotated, Final

from msgspec import Meta

MAX_FRAME: Final = 64 * 1024  # bytes of a message over a WebSocket, or of a body over HTTP
MAX_COMMAND: Final = 8 * 1024  # bytes of one that carries no message; of one that does, what is not text or data
MAX_DATA: Final = 16 * 1024  # bytes of a message's data, which is any JSON
MAX_LIST: Final = 8 * 1024  # bytes of a list of ids
MAX_TOKEN: Final = 8 * 1024
MAX_DEPTH: Final = 16  # levels of nesting
MAX_VALUES: Final = 2048  # values in one frame or body: reading them is its most expensive part
MAX_BATCH: Final = 1 << 20  # bytes of a body that has many items
MAX_ITEMS: Final = 1_000  # items in one
MAX_BATCH_VALUES: Final = 32 * MAX_ITEMS  # values, likewise
MAX_MENTIONS: Final = 50  # of one message
MAX_EMOJIS: Final = 20  # of the reactions to one message
MAX_PINS: Final = 50  # in one room
MAX_PAGE: Final = 200  # rows of an answer
ANSWER_BYTES: Final = 256 * 1024  # rows in an answer; what is beyond, `more` tells of
MAX_SLOW_MS: Final = 3_600_000
MIN_KEEP_MS: Final = 60_000
MAX_KEEP_MS: Final = 10 * 365 * 24 * 3600 * 1000
MIN_KEEP_MESSAGES: Final = 10
MAX_KEEP_MESSAGES: Final = 1_000_000_000
MAX_KEY_MS: Final = 10 * 365 * 86_400_000

NOT_IN_IDS: Final = r"\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff"
"""As in a class of a pattern: what terminals obey, what turns text around, and noncharacters. Others are shown the ids of
users that somebody mentions or bans, whether there are such users or not."""
_NO_CONTROLS: Final = rf"^(?![\s\S]*[{NOT_IN_IDS}])"  # without a "$", which matches in front of a last line feed

RoomId = Annotated[str, Meta(min_length=1, max_length=64)]
UserId = Annotated[str, Meta(min_length=1, max_length=64, pattern=_NO_CONTROLS)]
PaperId = Annotated[str, Meta(min_length=1, max_length=64)]
AfterId = Annotated[str, Meta(max_length=64, pattern=_NO_CONTROLS)]  # an id to page on from; empty for the beginning
Seq = Annotated[int, Meta(ge=0, le=2**53)]
VersionNumber = Annotated[int, Meta(ge=1, le=2**53)]
Cid = Annotated[str, Meta(min_length=1, max_length=64)]
Text = Annotated[str, Meta(max_length=65_536)]  # the limit that applies, max_text, is a setting
Title = Annotated[str, Meta(max_length=400)]  # and names; how much of it may be seen, text.py says
Emoji = Annotated[str, Meta(min_length=1, max_length=32)]
Mentions = Annotated[tuple[UserId, ...], Meta(max_length=MAX_MENTIONS)]
TokenMs = Annotated[int, Meta(ge=60_000, le=30 * 86_400_000)]
KeyMs = Annotated[int, Meta(ge=1000, le=MAX_KEY_MS)]
WordsOfList = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=128)], ...], Meta(max_length=1_000)]
SlowMs = Annotated[int, Meta(ge=0, le=MAX_SLOW_MS)]
KeepMs = Annotated[int, Meta(ge=0, le=MAX_KEEP_MS)]  # 0, or MIN_KEEP_MS and more
KeepMessages = Annotated[int, Meta(ge=0, le=MAX_KEEP_MESSAGES)]  # 0, or MIN_KEEP_MESSAGES and more
InviteText = Annotated[str, Meta(max_length=1024)]
MAX_QUERY_TEXT: Final = 800  # a search for 200 characters, each of which may be typed as several
QueryText = Annotated[str, Meta(max_length=MAX_QUERY_TEXT)]
MessageId = Annotated[str, Meta(pattern=r"^[0-9]{1,19}\Z")]
When = Annotated[str, Meta(max_length=40)]  # a time or a date
PageLimit = Annotated[int, Meta(ge=1, le=MAX_PAGE)]
Typed = Annotated[str, Meta(min_length=1, max_length=40)]  # of a name, so far
