"""What `madang chat` says, in the languages it speaks."""

import os
from typing import Final

WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "entered": "You are in {room} as {name}. {help}",
        "help": "/who: who is here. /quit: leave the terminal (you stay a member).",
        "who": "{count} here: {names}",
        "unknown": "There is no command {line}. {help}",
        "joined": "{name} came in",
        "left": "{name} left",
        "kicked": "{name} was put out",
        "deleted": "{name} removed a message",
        "connecting": "connecting to {url} …",
        "waiting": "reconnecting …",
        "back": "back, nothing missed",
        "reset": "You were away for long; what is not shown here is in the history.",
        "refused": "not sent: {text} ({why})",
        "put out": "You were put out of {room}.",
        "gone": "{room} can no longer be entered.",
        "over": "The server ended the conversation: {why}",
    },
    "ko": {
        "entered": "{name} 이름으로 {room} 방에 들어왔습니다. {help}",
        "help": "/who: 지금 있는 사람. /quit: 터미널에서 나가기 (방에는 그대로 남습니다).",
        "who": "지금 {count}명: {names}",
        "unknown": "{line} 명령은 없습니다. {help}",
        "joined": "{name}님이 들어왔습니다",
        "left": "{name}님이 나갔습니다",
        "kicked": "{name}님이 내보내졌습니다",
        "deleted": "{name}님이 메시지를 지웠습니다",
        "connecting": "{url}에 연결하는 중 …",
        "waiting": "다시 연결하는 중 …",
        "back": "다시 연결했습니다. 놓친 것은 없습니다.",
        "reset": "오래 끊겨 있었습니다. 여기 보이지 않는 메시지는 기록에 있습니다.",
        "refused": "보내지 못했습니다: {text} ({why})",
        "put out": "{room} 방에서 내보내졌습니다.",
        "gone": "{room} 방에 더는 들어갈 수 없습니다.",
        "over": "서버가 대화를 끝냈습니다: {why}",
    },
}  # fmt: skip


def language() -> str:
    """Choose the language of the terminal's locale."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "ko" if locale.startswith("ko") else "en"
