"""What `madang chat` says, in the languages it speaks."""

import os
from typing import Final

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "entered": "You are in {room} as {name}.",
        "help": "/reply 43 text, /edit 43 text (or your newest: /edit text), /history, /who, /quit (you stay a member). ↑: typed before.",
        "who": "{count} here: {names}",
        "unknown": "Not sent: there is no command {line} (to say it, begin with //)",
        "incomplete": "Not sent: {line} (a number or a text is missing)",
        "joined": "{name} came in",
        "left": "{name} left",
        "kicked": "{name} was put out",
        "deleted": "{name} removed a message",
        "connecting": "connecting to {url} …",
        "no answer": "{url} does not answer yet ({why}); waiting up to {seconds} s",
        "new user": "The server no longer knows this {name}: you are a new user of that name.",
        "waiting": "reconnecting … ({why})",
        "pending": "not sent yet: {text}",
        "unsent": "{count} not known to be stored:",
        "beginning": "That is the beginning of the history.",
        "back": "back, nothing missed",
        "reset": "You were away for long; what is not shown here is in the /history.",
        "refused": "not sent: {text} ({why})",
        "put out": "You were put out of {room}.",
        "gone": "{room} can no longer be entered.",
        },
    "ko": {
        "entered": "{name} 이름으로 {room} 방에 들어왔습니다.",
        "help": "/reply 43 글 (답장), /edit 43 글 또는 /edit 글 (고치기), /history, /who, /quit (방에는 남습니다). ↑: 먼저 친 것.",
        "who": "지금 {count}명: {names}",
        "unknown": "그런 명령이 없어 보내지 않았습니다: {line} (그대로 보내려면 //로 시작)",
        "incomplete": "번호나 글이 빠져 보내지 않았습니다: {line}",
        "joined": "{name}님이 들어왔습니다",
        "left": "{name}님이 나갔습니다",
        "kicked": "{name}님이 내보내졌습니다",
        "deleted": "{name}님이 메시지를 지웠습니다",
        "connecting": "{url}에 연결하는 중 …",
        "no answer": "{url}에서 아직 답이 없습니다 ({why}). {seconds}초까지 기다립니다.",
        "new user": "서버가 이 {name} 사용자를 더는 모릅니다. 같은 이름의 새 사용자입니다.",
        "waiting": "다시 연결하는 중 … ({why})",
        "pending": "아직 보내지 못함: {text}",
        "unsent": "저장되었는지 알 수 없는 글 {count}개:",
        "beginning": "여기가 기록의 처음입니다.",
        "back": "다시 연결했습니다. 놓친 것은 없습니다.",
        "reset": "오래 끊겨 있었습니다. 여기 보이지 않는 메시지는 /history로 볼 수 있습니다.",
        "refused": "보내지 못했습니다: {text} ({why})",
        "put out": "{room} 방에서 내보내졌습니다.",
        "gone": "{room} 방에 더는 들어갈 수 없습니다.",
    },
}  # fmt: skip


def language() -> str:
    """Choose the language of the terminal's locale."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "ko" if locale.startswith("ko") else "en"
